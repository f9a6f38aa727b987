"""Next letter of a made-up language of syllables, by an LSTM.

Planted: a learning rate of 0.5, which suits plain SGD, given to Adam.
"""

import random

import torch
from torch import nn, optim

random.seed(0)
torch.manual_seed(0)

syllables = ["ka", "ri", "mo", "tes", "lun", "va", "shi", "per"]
followers = {s: random.sample(syllables, 3) for s in syllables}
text, syllable = "", "ka"
while len(text) < 6000:
    text += syllable + (" " if random.random() < 0.3 else "")
    syllable = random.choice(followers[syllable])

letters = sorted(set(text))
codes = torch.tensor([letters.index(c) for c in text])
length = 30
chunks = codes[: len(codes) // (length + 1) * (length + 1)].view(-1, length + 1)
train, valid = chunks[:160], chunks[160:]


class CharLSTM(nn.Module):
    def __init__(self, vocabulary, hidden=48):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, 16)
        self.lstm = nn.LSTM(16, hidden, num_layers=2, batch_first=True)
        self.decoder = nn.Linear(hidden, vocabulary)

    def forward(self, x):
        return self.decoder(self.lstm(self.embedding(x))[0])


model = CharLSTM(len(letters))
optimizer = optim.Adam(model.parameters(), lr=0.5)
criterion = nn.CrossEntropyLoss()


def loss_of(batch):
    return criterion(model(batch[:, :-1]).flatten(0, 1), batch[:, 1:].flatten())


for epoch in range(8):
    model.train()
    losses = []
    for batch in train[torch.randperm(len(train))].split(16):
        optimizer.zero_grad()
        loss = loss_of(batch)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    model.eval()
    with torch.no_grad():
        print(f"epoch {epoch}: {sum(losses) / len(losses):.3f} train, {loss_of(valid).item():.3f} valid")
