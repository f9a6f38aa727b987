"""Sign of a mean: is the first coordinate of 30 noisy steps above zero on the whole? A classifier of the last state.

Planted: the data are (batch, time, features), the LSTM expects (time, batch, features), and nothing complains: the
recurrence runs through the sequences of the batch.
"""

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset


class Recordings(Dataset):
    def __init__(self, n, seed):
        rng = np.random.default_rng(seed)
        x = rng.normal(size=(n, 30, 2)).astype(np.float32)
        x[:, :, 0] += rng.normal(scale=0.4, size=(n, 1))
        self.x = torch.from_numpy(x)
        self.y = (self.x[:, :, 0].mean(1) > 0).float()

    def __len__(self):
        return len(self.x)

    def __getitem__(self, i):
        return self.x[i], self.y[i]


class LSTMClassifier(nn.Module):
    def __init__(self, n_features, n_hidden):
        super().__init__()
        self.lstm = nn.LSTM(n_features, n_hidden)
        self.fc = nn.Linear(n_hidden, 1)

    def forward(self, x):
        out, _ = self.lstm(x)
        return self.fc(out[:, -1, :]).squeeze(-1)


def run_epoch(model, loader, loss_fn, optimizer=None):
    model.train(optimizer is not None)
    total = hits = 0
    for x, y in loader:
        with torch.set_grad_enabled(optimizer is not None):
            logits = model(x)
            loss = loss_fn(logits, y)
        if optimizer is not None:
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        total += loss.item() * len(y)
        hits += ((logits > 0) == (y > 0.5)).sum().item()
    return total / len(loader.dataset), hits / len(loader.dataset)


torch.manual_seed(42)
train_loader = DataLoader(Recordings(800, seed=0), batch_size=25, shuffle=True)
test_loader = DataLoader(Recordings(200, seed=1), batch_size=25)
model = LSTMClassifier(n_features=2, n_hidden=32)
loss_fn = nn.BCEWithLogitsLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)

for epoch in range(1, 7):
    train_loss, train_acc = run_epoch(model, train_loader, loss_fn, optimizer)
    test_loss, test_acc = run_epoch(model, test_loader, loss_fn)
    print(f"Epoch {epoch:2d} | train {train_loss:.4f} {train_acc:.3f} | test {test_loss:.4f} {test_acc:.3f}")
