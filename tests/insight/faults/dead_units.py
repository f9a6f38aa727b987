"""Smoothed series: follow the slow part of a noisy signal, step by step, with a ReLU cell written by hand.

Planted: the biases start at -2 ("to keep the code sparse"), which no input lifts above zero in most units.
"""

import torch
from torch import nn

torch.manual_seed(4)


class ReLUCell(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.input = nn.Linear(input_size, hidden_size, bias=False)
        self.recurrent = nn.Linear(hidden_size, hidden_size, bias=False)
        self.bias = nn.Parameter(torch.full((hidden_size,), -2.0))

    def forward(self, x, h):
        return torch.relu(self.input(x) + self.recurrent(h) + self.bias)


class Smoother(nn.Module):
    def __init__(self):
        super().__init__()
        self.cell = ReLUCell(1, 32)
        self.out = nn.Linear(32, 1)

    def forward(self, x):
        h = x.new_zeros(x.shape[0], self.cell.hidden_size)
        outputs = []
        for t in range(x.shape[1]):
            h = self.cell(x[:, t], h)
            outputs.append(self.out(h))
        return torch.stack(outputs, dim=1)


def signals(n, steps=30):
    slow = torch.zeros(n, steps)
    level = torch.randn(n)
    for t in range(steps):
        level = 0.9 * level + 0.44 * torch.randn(n)
        slow[:, t] = level
    return (slow + 0.5 * torch.randn(n, steps)).unsqueeze(-1), slow.unsqueeze(-1)


x_train, y_train = signals(320)
x_test, y_test = signals(100)
model = Smoother()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
loss_function = nn.MSELoss()

for epoch in range(8):
    model.train()
    permutation = torch.randperm(len(x_train))
    epoch_loss = 0.0
    for i in range(0, len(x_train), 32):
        index = permutation[i : i + 32]
        optimizer.zero_grad()
        loss = loss_function(model(x_train[index]), y_train[index])
        loss.backward()
        optimizer.step()
        epoch_loss += loss.item() / 10
    model.eval()
    with torch.no_grad():
        test_loss = loss_function(model(x_test), y_test).item()
    print(f"epoch {epoch + 1}: train {epoch_loss:.4f}, test {test_loss:.4f}")
