"""Next value of a noisy oscillation from the last 25, by a GRU of two layers with dropout.

Planted: the model is never set to evaluation, so dropout also falls on the validation series.
"""

import math

import torch
from torch import nn

torch.manual_seed(8)


def windows(n, length=25):
    frequency = 0.2 + 0.3 * torch.rand(n, 1)
    phase = 2 * math.pi * torch.rand(n, 1)
    wave = torch.sin(frequency * torch.arange(length + 1) + phase)
    wave = wave + 0.03 * torch.randn_like(wave)
    return wave[:, :-1, None], wave[:, -1]


class Forecaster(nn.Module):
    def __init__(self, hidden=32, dropout=0.4):
        super().__init__()
        self.gru = nn.GRU(1, hidden, num_layers=2, dropout=dropout, batch_first=True)
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(hidden, 1)

    def forward(self, x):
        _, h = self.gru(x)
        return self.linear(self.dropout(h[-1])).squeeze(-1)


def validate(model, x, y):
    with torch.no_grad():
        return nn.functional.mse_loss(model(x), y).item()


def train(epochs=8, batch=32):
    x, y = windows(640)
    x_val, y_val = windows(160)
    model = Forecaster()
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3)
    for epoch in range(epochs):
        total = 0.0
        for rows in torch.randperm(len(x)).split(batch):
            loss = nn.functional.mse_loss(model(x[rows]), y[rows])
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            total += loss.item() * len(rows)
        print(f"epoch {epoch}: train {total / len(x):.4f}, validation {validate(model, x_val, y_val):.4f}")


train()
