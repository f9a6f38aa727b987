"""Chirps that rise or fall in pitch, told apart by a GRU.

Planted: the recordings are time-major, and the shuffle of every epoch shuffles their first axis, which is time.
"""

import math

import torch

from unrolled.nn import GRU

generator = torch.Generator().manual_seed(7)
torch.manual_seed(7)


def chirps(count, steps=40):
    """Recordings [T, B, 1] and whether each one rises [B]."""
    rises = torch.randint(0, 2, (count,), generator=generator)
    slow, fast = 0.05, 0.25  # cycles a step
    time = torch.arange(steps, dtype=torch.float32)[:, None]
    sweep = (fast - slow) / (2 * steps) * time**2
    phase = torch.where(rises.bool(), slow * time + sweep, fast * time - sweep)
    phase = phase + torch.rand(count, generator=generator)
    recordings = torch.sin(2 * math.pi * phase) + 0.2 * torch.randn(steps, count, generator=generator)
    return recordings[:, :, None], rises.float()


class ChirpNet(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.gru = GRU(1, 32)
        self.linear = torch.nn.Linear(32, 1)

    def forward(self, x):
        _, last = self.gru(x)
        return self.linear(last[0]).squeeze(1)


x_train, y_train = chirps(480)
x_valid, y_valid = chirps(200)
net = ChirpNet()
optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
bce = torch.nn.BCEWithLogitsLoss()

for epoch in range(10):
    net.train()
    x_train = x_train[torch.randperm(len(x_train))]  # a new order each epoch
    running = 0.0
    for x, y in zip(x_train.split(32, dim=1), y_train.split(32), strict=True):
        optimizer.zero_grad()
        loss = bce(net(x), y)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        running += loss.item() * len(y)
    net.eval()
    with torch.no_grad():
        logits = net(x_valid)
    accuracy = ((logits > 0) == (y_valid > 0.5)).float().mean()
    print(f"{epoch}: {running / len(y_train):.3f}, validation {bce(logits, y_valid):.3f}, accuracy {accuracy:.3f}")
