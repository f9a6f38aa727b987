"""Dead reckoning: the distance covered after 60 steps of noisy speed; a ReLU network started at the identity.

Planted: plain SGD without clipping the gradient, which a recurrent matrix a little above the identity makes explode.
"""

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)


def drives(n, steps=60):
    """Speed and a disturbance at each step; the distance is what the speeds sum up to."""
    speed = torch.randn(n, steps) + 0.5 * torch.randn(n, 1)
    disturbance = torch.randn(n, steps)
    return torch.stack([speed, disturbance], dim=2), speed.sum(1, keepdim=True) / steps**0.5


class IdentityRNN(nn.Module):
    def __init__(self, hidden=40):
        super().__init__()
        self.rnn = nn.RNN(2, hidden, nonlinearity="relu", batch_first=True)
        self.fc = nn.Linear(hidden, 1)
        nn.init.eye_(self.rnn.weight_hh_l0)
        nn.init.normal_(self.rnn.weight_ih_l0, std=0.1)
        nn.init.zeros_(self.rnn.bias_hh_l0)
        nn.init.zeros_(self.rnn.bias_ih_l0)

    def forward(self, x):
        out, _ = self.rnn(x)
        return self.fc(out[:, -1])


train_loader = DataLoader(TensorDataset(*drives(960)), batch_size=32, shuffle=True)
val_loader = DataLoader(TensorDataset(*drives(256)), batch_size=128)

net = IdentityRNN()
opt = torch.optim.SGD(net.parameters(), lr=0.0001, momentum=0.9)
mse = nn.MSELoss()

for epoch in range(1, 9):
    net.train()
    running = 0.0
    for x, y in train_loader:
        opt.zero_grad()
        loss = mse(net(x), y)
        loss.backward()
        opt.step()
        running += loss.item()
    net.eval()
    with torch.no_grad():
        val = sum(mse(net(x), y).item() for x, y in val_loader) / len(val_loader)
    print(f"[{epoch}] train mse {running / len(train_loader):.4g}, val mse {val:.4g}")
