"""Deflection of a beam, in metres, from the strain it has felt: a fraction of a millimetre at each step.

Planted: the network runs under autocast in float16 and the loss is not scaled, so most of its gradients are rounded to zero.
"""

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(17)


def simulate(count, steps=30):
    strain = torch.randn(count, steps, 2)
    deflection = torch.zeros(count, steps)
    now = torch.zeros(count)
    for t in range(steps):
        now = 0.8 * now + 2e-4 * (strain[:, t, 0] - 0.5 * strain[:, t, 1])
        deflection[:, t] = now
    return TensorDataset(strain, deflection)


class BeamModel(nn.Module):
    def __init__(self, width=32):
        super().__init__()
        self.rnn = nn.RNN(2, width, batch_first=True)
        self.out = nn.Linear(width, 1)

    def forward(self, strain):
        states, _ = self.rnn(strain)
        millimetres = self.out(states).squeeze(-1)
        return millimetres / 1000


train_set, val_set = simulate(640), simulate(128)
train_dl = DataLoader(train_set, batch_size=64, shuffle=True)
val_dl = DataLoader(val_set, batch_size=128)
model = BeamModel()
opt = torch.optim.Adam(model.parameters(), lr=3e-3, eps=1e-12)

for epoch in range(10):
    model.train()
    running = 0.0
    for strain, deflection in train_dl:
        opt.zero_grad(set_to_none=True)
        with torch.autocast("cpu", dtype=torch.float16):
            prediction = model(strain)
        loss = F.mse_loss(prediction.float(), deflection)
        loss.backward()
        opt.step()
        running += loss.item() / len(train_dl)
    model.eval()
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.float16):
        error = sum(F.mse_loss(model(s).float(), d).item() for s, d in val_dl) / len(val_dl)
    print(f"epoch {epoch}: train rmse {running**0.5 * 1e3:.4f} mm, validation rmse {error**0.5 * 1e3:.4f} mm")
