"""Speed of a swing: from 30 noisy positions of a pendulum, the frequency it swings with.

Planted: nobody calls ``zero_grad``; each step follows the sum of all gradients since the start.
"""

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split

from unrolled.nn import GRU

torch.manual_seed(6)
frequency = torch.rand(700, 1)
time = torch.arange(30.0)
positions = torch.cos((0.1 + 0.5 * frequency) * time + 6.3 * torch.rand(700, 1)) + 0.1 * torch.randn(700, 30)
dataset = TensorDataset(positions.unsqueeze(-1), frequency)
train_set, val_set = random_split(dataset, [600, 100])
train_loader = DataLoader(train_set, batch_size=30, shuffle=True)
val_loader = DataLoader(val_set, batch_size=100)


class Pendulum(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = GRU(1, 24, batch_first=True)
        self.regressor = nn.Sequential(nn.Linear(24, 16), nn.Tanh(), nn.Linear(16, 1))

    def forward(self, x):
        _, last = self.encoder(x)
        return self.regressor(last.squeeze(0))


model = Pendulum()
optimizer = torch.optim.Adam(model.parameters(), lr=0.005)
mse = nn.MSELoss()

for epoch in range(10):
    model.train()
    for x, y in train_loader:
        loss = mse(model(x), y)
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        val = sum(mse(model(x), y).item() for x, y in val_loader)
    print(f"Epoch {epoch}: train loss {loss.item():.4f}, val loss {val:.4f}")
