"""Ten ways of drawing a figure, 40 noisy pen movements each: two layers of LSTM with dropout, AdamW and one cycle."""

import argparse
import math

import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, TensorDataset, random_split

parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int, default=8)
parser.add_argument("--batch-size", type=int, default=32)
parser.add_argument("--lr", type=float, default=0.01)
parser.add_argument("--seed", type=int, default=0)
args = parser.parse_args([])
torch.manual_seed(args.seed)


def figures(count, steps=40):
    """Lissajous figures: class k has its own pair of frequencies; movements, not positions."""
    pairs = torch.tensor([[a, b] for a in (1, 2, 3, 4, 5) for b in (2, 4)])
    labels = torch.arange(count) % len(pairs)
    t = torch.linspace(0, 2 * math.pi, steps + 1)
    angle = pairs[labels, None, :] * t[:, None] + 0.5 * torch.randn(count, 1, 2)
    movement = torch.sin(angle).diff(dim=1)
    return movement / movement.std() + 0.2 * torch.randn(count, steps, 2), labels


class PenNet(nn.Module):
    def __init__(self, classes=10, hidden=40, dropout=0.2):
        super().__init__()
        self.lstm = nn.LSTM(2, hidden, num_layers=2, dropout=dropout, batch_first=True)
        self.norm = nn.LayerNorm(hidden)
        self.dropout = nn.Dropout(dropout)
        self.fc = nn.Linear(hidden, classes)

    def forward(self, x):
        states, _ = self.lstm(x)
        return self.fc(self.dropout(self.norm(states.mean(dim=1))))


train_set, val_set = random_split(TensorDataset(*figures(1000)), [800, 200])
train_loader = DataLoader(train_set, batch_size=args.batch_size, shuffle=True)
val_loader = DataLoader(val_set, batch_size=100)
net = PenNet()
optimizer = torch.optim.AdamW(net.parameters(), lr=args.lr, weight_decay=1e-2)
scheduler = torch.optim.lr_scheduler.OneCycleLR(
    optimizer, max_lr=args.lr, epochs=args.epochs, steps_per_epoch=len(train_loader)
)

best = 0.0
for epoch in range(args.epochs):
    net.train()
    seen = loss_sum = 0.0
    for x, y in train_loader:
        loss = cross_entropy(net(x), y, label_smoothing=0.05)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        scheduler.step()
        loss_sum += loss.item() * len(y)
        seen += len(y)
    net.eval()
    val_loss = accuracy = 0.0
    with torch.inference_mode():
        for x, y in val_loader:
            logits = net(x)
            val_loss += cross_entropy(logits, y, reduction="sum").item() / len(val_set)
            accuracy += (logits.argmax(1) == y).sum().item() / len(val_set)
    best = max(best, accuracy)
    print(f"{epoch:2d}  train {loss_sum / seen:.3f}  val {val_loss:.3f}  acc {accuracy:.3f}  best {best:.3f}")
