"""Direction of a noisy ramp: does the series rise, fall or stay? 40 steps, three classes, an LSTM.

Planted: what was meant as a forget bias fills the biases of all gates with 3, in both bias vectors, so that they are stuck open.
"""

import torch
import torch.nn.functional as F
from torch import nn

import unrolled.nn

generator = torch.Generator().manual_seed(11)
torch.manual_seed(11)


def ramps(n, steps=40):
    label = torch.randint(3, (n,), generator=generator)
    slope = (label - 1).float() * 1.5
    time = torch.linspace(-0.5, 0.5, steps)
    noise = torch.randn(n, steps, generator=generator)
    level = torch.randn(n, 1, generator=generator)
    return (slope[:, None] * time + level + 0.5 * noise).unsqueeze(-1), label


class RampClassifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = unrolled.nn.LSTM(1, 24, batch_first=True)
        self.head = nn.Linear(24, 3)
        self.init_weights()

    def init_weights(self):
        for name, parameter in self.lstm.named_parameters():
            if "bias" in name:
                nn.init.constant_(parameter, 3.0)

    def forward(self, x):
        _, (h, _) = self.lstm(x)
        return self.head(h[-1])


train_x, train_y = ramps(640)
val_x, val_y = ramps(200)
model = RampClassifier()
optim = torch.optim.Adam(model.parameters(), lr=0.01)

for epoch in range(12):
    model.train()
    order = torch.randperm(640, generator=generator)
    losses = []
    for start in range(0, 640, 40):
        batch = order[start : start + 40]
        loss = F.cross_entropy(model(train_x[batch]), train_y[batch])
        optim.zero_grad()
        loss.backward()
        optim.step()
        losses.append(loss.item())
    model.eval()
    with torch.no_grad():
        logits = model(val_x)
    right = (logits.argmax(-1) == val_y).float().mean()
    print(
        epoch, f"loss {sum(losses) / len(losses):.3f}", f"val {F.cross_entropy(logits, val_y):.3f}", f"acc {right:.3f}"
    )
