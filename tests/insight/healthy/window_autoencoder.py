"""An autoencoder of windows of a machine's two sensors: what it cannot rebuild is an anomaly."""

import math

import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

torch.manual_seed(9)

WINDOW = 20


def machine(steps):
    t = torch.arange(steps, dtype=torch.float32)
    speed = 1 + 0.2 * torch.sin(2 * math.pi * t / 311)
    angle = torch.cumsum(0.25 * speed, dim=0)
    sensors = torch.stack([torch.sin(angle), 0.7 * torch.cos(angle) + 0.3 * torch.sin(2 * angle)], dim=1)
    return sensors + 0.05 * torch.randn(steps, 2)


class WindowDataset(Dataset):
    def __init__(self, series, stride):
        self.windows = series.unfold(0, WINDOW, stride).transpose(1, 2)

    def __len__(self):
        return len(self.windows)

    def __getitem__(self, i):
        return self.windows[i]


class LSTMAutoencoder(nn.Module):
    def __init__(self, n_features=2, latent=12):
        super().__init__()
        self.encoder = nn.LSTM(n_features, latent, batch_first=True)
        self.decoder = nn.LSTM(latent, 32, batch_first=True)
        self.output = nn.Linear(32, n_features)

    def forward(self, x):
        _, (code, _) = self.encoder(x)
        repeated = code[-1][:, None, :].expand(-1, x.shape[1], -1)
        out, _ = self.decoder(repeated)
        return self.output(out)


train_series, valid_series, test_series = machine(3000), machine(600), machine(600)
test_series[300:320] = test_series[300:320].flip(0)  # the anomaly: it runs backwards for a moment
train_loader = DataLoader(WindowDataset(train_series, stride=3), batch_size=64, shuffle=True)
valid_loader = DataLoader(WindowDataset(valid_series, stride=5), batch_size=64)
model = LSTMAutoencoder()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
criterion = nn.MSELoss()

for epoch in range(15):
    model.train()
    train_losses = []
    for batch in train_loader:
        optimizer.zero_grad()
        loss = criterion(model(batch), batch)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        train_losses.append(loss.item())
    model.eval()
    valid_losses = []
    with torch.no_grad():
        for batch in valid_loader:
            valid_losses.append(criterion(model(batch), batch).item())
    train_loss, valid_loss = sum(train_losses) / len(train_losses), sum(valid_losses) / len(valid_losses)
    print(f"Epoch {epoch}: train loss {train_loss:.4f} val loss {valid_loss:.4f}")

with torch.no_grad():
    windows = WindowDataset(test_series, stride=5).windows
    errors = ((model(windows) - windows) ** 2).mean(dim=(1, 2))
print(
    f"worst window starts at step {5 * errors.argmax().item()}, error {errors.max():.3f}, median {errors.median():.3f}"
)
