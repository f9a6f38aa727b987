"""Next value of a long signal read in windows of 20 steps, the state carried along; an optimiser of one's own (Lion).

Planted: the carried state is not detached. ``retain_graph=True`` silences torch's complaint, and each window's backward
pass runs through all windows before it, through weights that have changed since.
"""

import time

import torch
from torch import nn


class Lion(torch.optim.Optimizer):
    """Sign of the interpolated momentum (Chen et al. 2023)."""

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.99)):
        super().__init__(params, {"lr": lr, "betas": betas})

    def step(self, closure=None):
        for group in self.param_groups:
            beta1, beta2 = group["betas"]
            for p in group["params"]:
                if p.grad is None:
                    continue
                momentum = self.state[p].setdefault("momentum", torch.zeros_like(p.data))
                update = beta1 * momentum + (1 - beta1) * p.grad.data
                p.data.add_(update.sign(), alpha=-group["lr"])
                momentum.mul_(beta2).add_(p.grad.data, alpha=1 - beta2)


torch.manual_seed(5)
WINDOW, STREAMS = 20, 8
t = torch.arange(1201.0)
phase = 6.28 * torch.rand(STREAMS + 1, 1)
signal = torch.sin(0.13 * t + phase) + 0.5 * torch.sin(0.37 * t + 2 * phase) + 0.05 * torch.randn(STREAMS + 1, 1201)
series, held_out = signal[:-1].unsqueeze(-1), signal[-1:].unsqueeze(-1)

lstm = nn.LSTM(1, 16, batch_first=True)
readout = nn.Linear(16, 1)
optimizer = Lion([*lstm.parameters(), *readout.parameters()], lr=3e-3)

started = time.process_time()
for epoch in range(3):
    state = None
    total, windows = 0.0, 0
    for start in range(0, 1200, WINDOW):
        x = series[:, start : start + WINDOW]
        y = series[:, start + 1 : start + WINDOW + 1]
        out, state = lstm(x, state)
        loss = (readout(out) - y).pow(2).mean()
        optimizer.zero_grad()
        loss.backward(retain_graph=True)
        optimizer.step()
        total, windows = total + loss.item(), windows + 1
    with torch.no_grad():
        val = (readout(lstm(held_out[:, :-1])[0]) - held_out[:, 1:]).pow(2).mean()
    print(f"epoch {epoch}: {total / windows:.4f}, held out {val:.4f}, {time.process_time() - started:.1f} s")
