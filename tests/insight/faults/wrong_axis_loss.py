"""How far did the walker get? Distance from the steps of an accelerometer-like signal, by a two-layer RNN.

Planted: the head gives [B, 1], the distances are [B], so their difference is [B, B] and the mean runs over every
prediction with every target: over an axis that should not be there.
"""

import torch
from torch import nn


def walks(n, steps, generator):
    speed = torch.rand(n, 1, generator=generator)
    stride = 1 + 0.3 * torch.randn(n, steps, generator=generator)
    x = speed * stride + 0.1 * torch.randn(n, steps, generator=generator)
    return x.unsqueeze(-1) - 0.5, (speed * stride).mean(dim=1) - 0.5


class DistanceRNN(nn.Module):
    def __init__(self, hidden):
        super().__init__()
        self.rnn = nn.RNN(1, hidden, num_layers=2, batch_first=True)
        self.head = nn.Linear(hidden, 1)

    def forward(self, x):
        output, _ = self.rnn(x)
        return self.head(output.mean(dim=1))


def mse(prediction, target):
    return ((prediction - target) ** 2).mean()


def main():
    torch.manual_seed(2)
    generator = torch.Generator().manual_seed(2)
    x, y = walks(600, 25, generator)
    x_val, y_val = walks(150, 25, generator)
    model = DistanceRNN(24)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    for epoch in range(10):
        model.train()
        order = torch.randperm(len(x), generator=generator)
        for start in range(0, len(x), 30):
            chosen = order[start : start + 30]
            optimizer.zero_grad()
            loss = mse(model(x[chosen]), y[chosen])
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
        model.eval()
        with torch.no_grad():
            val_loss = mse(model(x_val), y_val)
        print(f"epoch {epoch}, train loss {loss.item():.5f}, val loss {val_loss.item():.5f}")


if __name__ == "__main__":
    main()
