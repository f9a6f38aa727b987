"""Tomorrow's electricity load from two weeks of load, temperature and weekday.

Planted: the target is off by one. It is the load of the window's last day, which the network has just read.
"""

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

rng = np.random.default_rng(11)
torch.manual_seed(11)


def simulate_days(days=900):
    day = np.arange(days)
    weather = np.zeros(days)
    for t in range(1, days):
        weather[t] = 0.8 * weather[t - 1] + rng.normal(0, 2.0)
    temperature = 12 - 9 * np.cos(2 * np.pi * day / 365) + weather
    weekend = (day % 7 >= 5).astype(float)
    load = 60 + 0.8 * np.abs(temperature - 17) - 9 * weekend + rng.normal(0, 3.0, days)
    return np.stack([load, temperature, weekend], axis=1).astype(np.float32)


class Windows(Dataset):
    """Windows of `lookback` days and the load to predict."""

    def __init__(self, table, lookback=14):
        self.table = torch.from_numpy(table)
        self.lookback = lookback

    def __len__(self):
        return len(self.table) - self.lookback

    def __getitem__(self, i):
        window = self.table[i : i + self.lookback]
        target = self.table[i + self.lookback - 1, 0]
        return window, target


class LoadLSTM(nn.Module):
    def __init__(self, n_features=3, n_hidden=24):
        super().__init__()
        self.lstm = nn.LSTM(n_features, n_hidden, batch_first=True)
        self.fc = nn.Linear(n_hidden, 1)

    def forward(self, x):
        out, _ = self.lstm(x)
        return self.fc(out[:, -1, :])[:, 0]


table = simulate_days()
n_train = 700
mean, std = table[:n_train].mean(axis=0), table[:n_train].std(axis=0)
table = (table - mean) / std
train_loader = DataLoader(Windows(table[:n_train]), batch_size=32, shuffle=True)
test_loader = DataLoader(Windows(table[n_train:]), batch_size=64)

model = LoadLSTM()
loss_fn = nn.MSELoss()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)

for epoch in range(10):
    model.train()
    train_loss = 0.0
    for xb, yb in train_loader:
        loss = loss_fn(model(xb), yb)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        train_loss += loss.item() / len(train_loader)
    model.eval()
    with torch.no_grad():
        test_loss = sum(loss_fn(model(xb), yb).item() for xb, yb in test_loader) / len(test_loader)
    print(f"Epoch {epoch + 1}: train MSE {train_loss:.4f}, test MSE {test_loss:.4f}")
