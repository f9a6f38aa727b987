"""Reviews, good or bad: a bag of words with embeddings, read by a bidirectional LSTM that knows how long each review is."""

import random

import torch
from torch import nn
from torch.utils.data import DataLoader

from unrolled.nn import LSTM

random.seed(1)
torch.manual_seed(1)

GOOD = ["great", "lovely", "brilliant", "moving", "funny", "superb", "warm", "clever"]
BAD = ["dull", "awful", "boring", "clumsy", "flat", "noisy", "shallow", "tired"]
OTHER = [
    "the",
    "film",
    "a",
    "plot",
    "and",
    "actor",
    "with",
    "scene",
    "camera",
    "music",
    "was",
    "it",
    "very",
    "of",
    "story",
    "end",
]
words = {word: i for i, word in enumerate(["<pad>", *GOOD, *BAD, *OTHER])}


def review():
    good = random.random() < 0.5
    liked = sum(random.random() < (0.8 if good else 0.2) for _ in range(5))
    text = (
        random.choices(GOOD, k=liked)
        + random.choices(BAD, k=5 - liked)
        + random.choices(OTHER, k=random.randint(4, 20))
    )
    random.shuffle(text)
    return text, float(good)


def collate(batch):
    lengths = torch.tensor([len(text) for text, _ in batch])
    ids = [torch.tensor([words[word] for word in text]) for text, _ in batch]
    return nn.utils.rnn.pad_sequence(ids, batch_first=True), lengths, torch.tensor([label for _, label in batch])


class SentimentLSTM(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(len(words), 24, padding_idx=0)
        self.lstm = LSTM(24, 24, batch_first=True, bidirectional=True)
        self.dropout = nn.Dropout(0.3)
        self.fc = nn.Linear(48, 1)

    def forward(self, ids, lengths):
        _, (h, _) = self.lstm(self.embedding(ids), lengths=lengths)
        return self.fc(self.dropout(torch.cat([h[0], h[1]], dim=1))).squeeze(1)


train_loader = DataLoader([review() for _ in range(800)], batch_size=32, shuffle=True, collate_fn=collate)
valid_loader = DataLoader([review() for _ in range(200)], batch_size=100, collate_fn=collate)
model = SentimentLSTM()
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.01)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=3, gamma=0.5)
criterion = nn.BCEWithLogitsLoss()


def run_epoch(loader, training):
    model.train(training)
    total, right, count = 0.0, 0.0, 0
    with torch.set_grad_enabled(training):
        for ids, lengths, labels in loader:
            logits = model(ids, lengths)
            loss = criterion(logits, labels)
            if training:
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            total += loss.item() * len(labels)
            right += ((logits > 0) == (labels > 0.5)).sum().item()
            count += len(labels)
    return total / count, right / count


for epoch in range(6):
    train_loss, train_accuracy = run_epoch(train_loader, training=True)
    valid_loss, valid_accuracy = run_epoch(valid_loader, training=False)
    scheduler.step()
    print(f"{epoch + 1}: {train_loss:.3f} {train_accuracy:.1%}, validation {valid_loss:.3f} {valid_accuracy:.1%}")
