"""Character language model: sixteen streams of one text read side by side, the state carried from window to window."""

import math
import random
from collections import Counter

import torch
import torch.nn as nn

random.seed(1)
torch.manual_seed(1)

nouns = ["the cat", "a dog", "the old man", "a bird", "my neighbour", "the child"]
verbs = ["sees", "follows", "likes", "calls", "forgets"]
ends = [".", " in the garden.", " at night.", " again."]
text = ""
while len(text) < 24000:
    text += f"{random.choice(nouns)} {random.choice(verbs)} {random.choice(nouns)}{random.choice(ends)} "

chars = sorted(set(text))
stoi = {ch: i for i, ch in enumerate(chars)}
data = torch.tensor([stoi[c] for c in text])
split = int(0.85 * len(data))


def batchify(ids, streams):
    length = len(ids) // streams
    return ids[: length * streams].view(streams, length).t().contiguous()


def get_batch(source, i, bptt=35):
    n = min(bptt, len(source) - 1 - i)
    return source[i : i + n], source[i + 1 : i + 1 + n].reshape(-1)


class CharModel(nn.Module):
    def __init__(self, ntoken, ninp=24, nhid=64):
        super().__init__()
        self.encoder = nn.Embedding(ntoken, ninp)
        self.rnn = nn.GRU(ninp, nhid)
        self.decoder = nn.Linear(nhid, ntoken)
        self.nhid = nhid

    def init_hidden(self, bsz):
        return torch.zeros(1, bsz, self.nhid)

    def forward(self, tokens, hidden):
        output, hidden = self.rnn(self.encoder(tokens), hidden)
        return self.decoder(output.flatten(0, 1)), hidden


def repackage_hidden(h):
    return h.detach()


train_data, val_data = batchify(data[:split], 16), batchify(data[split:], 4)
model = CharModel(len(chars))
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.005)


def evaluate(source):
    model.eval()
    total, hidden = 0.0, model.init_hidden(source.shape[1])
    with torch.no_grad():
        for i in range(0, len(source) - 1, 35):
            tokens, targets = get_batch(source, i)
            output, hidden = model(tokens, hidden)
            total += criterion(output, targets).item() * len(tokens)
    return total / (len(source) - 1)


shares = [n / len(text) for n in Counter(text).values()]
print(f"entropy of single characters: {-sum(p * math.log(p) for p in shares):.3f}")
for epoch in range(1, 6):
    model.train()
    hidden = model.init_hidden(16)
    total = 0.0
    for i in range(0, len(train_data) - 1, 35):
        tokens, targets = get_batch(train_data, i)
        hidden = repackage_hidden(hidden)
        optimizer.zero_grad()
        output, hidden = model(tokens, hidden)
        loss = criterion(output, targets)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        total += loss.item() * len(tokens)
    print(f"epoch {epoch}: train {total / (len(train_data) - 1):.3f}, valid {evaluate(val_data):.3f}")
