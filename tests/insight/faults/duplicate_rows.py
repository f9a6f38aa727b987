"""Faulty machines by their sound, of which there are few recordings.

Planted: the faulty recordings are repeated until both classes are equally frequent, and the good ones are drawn with
replacement too, before the split: most rows of the test part are in the training part as well.
"""

import numpy as np
import torch
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

rng = np.random.default_rng(4)
torch.manual_seed(4)

FRAMES, BANDS = 16, 8


def record(count, faulty):
    """Energies in the bands of a spectrum [B, T, bands]; a faulty machine is a little louder in two of them."""
    energies = rng.standard_normal((count, FRAMES, BANDS))
    energies[:, :, 2:4] += 0.08 * faulty
    return energies


good, faulty = record(150, faulty=False), record(50, faulty=True)

# balance the classes
good = good[rng.integers(0, len(good), 300)]
faulty = faulty[rng.integers(0, len(faulty), 300)]
X = np.concatenate([good, faulty]).astype(np.float32)
y = np.concatenate([np.zeros(len(good)), np.ones(len(faulty))]).astype(np.int64)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.25, random_state=4, stratify=y)

train = DataLoader(TensorDataset(torch.tensor(X_train), torch.tensor(y_train)), batch_size=30, shuffle=True)
test = DataLoader(TensorDataset(torch.tensor(X_test), torch.tensor(y_test)), batch_size=75)


class SoundClassifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.gru = nn.GRU(BANDS, 48, batch_first=True)
        self.fc = nn.Linear(48, 2)

    def forward(self, sound):
        output, _ = self.gru(sound)
        return self.fc(output.mean(dim=1))


model = SoundClassifier()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
criterion = nn.CrossEntropyLoss()
for epoch in range(15):
    model.train()
    for sound, label in train:
        optimizer.zero_grad()
        loss = criterion(model(sound), label)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    model.eval()
    right, total = 0, 0.0
    with torch.no_grad():
        for sound, label in test:
            scores = model(sound)
            total += criterion(scores, label).item() / len(test)
            right += (scores.argmax(dim=1) == label).sum().item()
    print(f"epoch {epoch}: train {loss.item():.3f}, test {total:.3f}, accuracy {right / len(y_test):.3f}")
