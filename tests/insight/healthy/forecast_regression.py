"""Forecast of hourly load: two days of load and temperature, standardised, give the next six hours. unrolled.nn.GRU."""

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import unrolled.nn

rng = np.random.default_rng(3)
torch.manual_seed(3)

hours = np.arange(24 * 120)
weather = np.convolve(rng.normal(size=hours.size + 23), np.ones(24) / 3, "valid")
temperature = 12 + 6 * np.sin(2 * np.pi * (hours - 9) / 24) + weather
weekend = (hours // 24 % 7 >= 5).astype(float)
load = 900 + 180 * np.sin(2 * np.pi * (hours - 7) / 24) - 150 * weekend + 9 * (18 - temperature)
load += rng.normal(0, 15, hours.size)
table = np.stack([load, temperature, weekend], axis=1)

HISTORY, HORIZON = 48, 6
border = 24 * 95
mean, std = table[:border].mean(0), table[:border].std(0)
table = torch.tensor((table - mean) / std, dtype=torch.float32)


def make_windows(part):
    starts = range(0, len(part) - HISTORY - HORIZON + 1, 2)
    x = torch.stack([part[s : s + HISTORY] for s in starts])
    y = torch.stack([part[s + HISTORY : s + HISTORY + HORIZON, 0] for s in starts])
    return TensorDataset(x, y)


train_loader = DataLoader(make_windows(table[:border]), batch_size=64, shuffle=True)
val_loader = DataLoader(make_windows(table[border:]), batch_size=256)


class LoadForecaster(nn.Module):
    def __init__(self, n_inputs=3, hidden_size=32):
        super().__init__()
        self.gru = unrolled.nn.GRU(n_inputs, hidden_size, batch_first=True)
        self.head = nn.Sequential(nn.LayerNorm(hidden_size), nn.Linear(hidden_size, HORIZON))

    def forward(self, x):
        states, _ = self.gru(x)
        return self.head(states[:, -1])


model = LoadForecaster()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
loss_fn = nn.HuberLoss()

for epoch in range(6):
    model.train()
    losses = []
    for x, y in train_loader:
        optimizer.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    model.eval()
    with torch.no_grad():
        errors = torch.cat([(model(x) - y).abs() for x, y in val_loader])
    print(
        f"epoch {epoch}: train {np.mean(losses):.4f}, validation MAE {errors.mean() * std[0]:.1f} (spread {std[0]:.0f})"
    )
