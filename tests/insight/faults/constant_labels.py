"""Five kinds of gesture, 20 steps of three coordinates each, stored one kind after the other.

Planted: the loader does not shuffle, so that each batch holds one kind only.
"""

import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

rng = np.random.default_rng(0)
torch.manual_seed(0)
n_classes, per_class, n_steps = 5, 320, 20


def gestures(count):
    """``count`` of each kind: circles of another speed and tilt."""
    all_x, all_y = [], []
    for kind in range(n_classes):
        angle = np.arange(n_steps) * (0.15 + 0.1 * kind) + rng.uniform(0, 6.28, (count, 1))
        path = np.stack([np.sin(angle), np.cos(angle), 0.3 * kind * np.sin(angle)], axis=-1)
        all_x.append(path + rng.normal(0, 0.2, path.shape))
        all_y.append(np.full(count, kind))
    x = torch.tensor(np.concatenate(all_x), dtype=torch.float32)
    return TensorDataset(x, torch.tensor(np.concatenate(all_y)))


train_loader = DataLoader(gestures(per_class), batch_size=32)
val_loader = DataLoader(gestures(30), batch_size=50)


class GestureNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = nn.GRU(3, 32, batch_first=True)
        self.classifier = nn.Linear(32, n_classes)

    def forward(self, x):
        out, _ = self.rnn(x)
        return self.classifier(out[:, -1])


device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
model = GestureNet().to(device)
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)

for epoch in range(6):
    model.train()
    running_loss = 0.0
    for inputs, labels in train_loader:
        inputs, labels = inputs.to(device), labels.to(device)
        optimizer.zero_grad()
        loss = criterion(model(inputs), labels)
        loss.backward()
        optimizer.step()
        running_loss += loss.item()

    model.eval()
    val_loss, correct = 0.0, 0
    with torch.no_grad():
        for inputs, labels in val_loader:
            inputs, labels = inputs.to(device), labels.to(device)
            logits = model(inputs)
            val_loss += criterion(logits, labels).item()
            correct += (logits.argmax(dim=1) == labels).sum().item()
    print(
        f"Epoch [{epoch + 1}/6] train loss {running_loss / len(train_loader):.4f} "
        f"val loss {val_loss / len(val_loader):.4f} val acc {correct / len(val_loader.dataset):.3f}"
    )
