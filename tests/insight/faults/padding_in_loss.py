"""Tagging of words of very different length: each position is told which marker letter came last before it; four tags.

Planted: the padding behind the short words carries tag 0 and counts in the loss like any other position.
"""

import random

import torch
from torch import nn
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader

random.seed(2)
torch.manual_seed(2)
LETTERS, TAGS = 12, 4


def word():
    """Letters 1 to 12; the tag is the group of the last letter before this one that was divisible by three."""
    length = random.randint(50, 60) if random.random() < 0.06 else random.randint(3, 9)
    letters = [random.randint(1, LETTERS) for _ in range(length)]
    tags, group = [], 0
    for letter in letters:
        tags.append(group)
        if letter % 3 == 0:
            group = letter // 3 - 1
    return torch.tensor(letters), torch.tensor(tags)


def collate(batch):
    words, tags = zip(*batch, strict=True)
    lengths = torch.tensor([len(w) for w in words])
    return pad_sequence(words, batch_first=True), pad_sequence(tags, batch_first=True), lengths


class Tagger(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(LETTERS + 1, 16, padding_idx=0)
        self.lstm = nn.LSTM(16, 32, batch_first=True)
        self.fc = nn.Linear(32, TAGS)

    def forward(self, letters):
        out, _ = self.lstm(self.embed(letters))
        return self.fc(out)


train = DataLoader([word() for _ in range(800)], batch_size=32, shuffle=True, collate_fn=collate)
valid = DataLoader([word() for _ in range(200)], batch_size=50, collate_fn=collate)
model = Tagger()
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.08, momentum=0.9)

for epoch in range(8):
    model.train()
    total = 0.0
    for letters, tags, _ in train:
        optimizer.zero_grad()
        scores = model(letters)
        loss = criterion(scores.reshape(-1, TAGS), tags.reshape(-1))
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
        total += loss.item()
    model.eval()
    correct = count = 0
    with torch.no_grad():
        for letters, tags, lengths in valid:
            predicted = model(letters).argmax(-1)
            real = torch.arange(letters.shape[1]) < lengths[:, None]
            correct += (predicted == tags)[real].sum().item()
            count += real.sum().item()
    print(f"epoch {epoch}: loss {total / len(train):.3f}, accuracy of real positions {correct / count:.3f}")
