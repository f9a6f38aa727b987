"""Sequence to sequence: four digits in, the same four in reverse out, with attention over the encoder's states."""

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(8)

DIGITS, LENGTH, START = 10, 4, 10


class Encoder(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.embedding = nn.Embedding(DIGITS, size)
        self.gru = nn.GRU(size, size, batch_first=True)

    def forward(self, source):
        return self.gru(self.embedding(source))


class AttentionDecoder(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.embedding = nn.Embedding(DIGITS + 1, size)
        self.cell = nn.GRUCell(2 * size, size)
        self.query = nn.Linear(size, size, bias=False)
        self.output = nn.Linear(2 * size, DIGITS)

    def forward(self, states, hidden, target=None):
        """Logits [B, T, digits]; the decoder reads the target while training, its own digits otherwise."""
        token = torch.full((len(states),), START)
        context = torch.zeros_like(hidden)
        steps = []
        for t in range(LENGTH):
            hidden = self.cell(torch.cat([self.embedding(token), context], dim=1), hidden)
            weights = torch.einsum("bth,bh->bt", states, self.query(hidden)).softmax(dim=1)
            context = torch.einsum("bt,bth->bh", weights, states)
            logits = self.output(torch.cat([hidden, context], dim=1))
            steps.append(logits)
            token = logits.argmax(dim=1) if target is None else target[:, t]
        return torch.stack(steps, dim=1)


# every number once, in one of the two parts
numbers = torch.randperm(DIGITS**LENGTH)[:2700]
sources = torch.stack([numbers // 10**place % 10 for place in range(LENGTH)], dim=1)
train, valid = sources[:2400], sources[2400:]
encoder, decoder = Encoder(48), AttentionDecoder(48)
parameters = list(encoder.parameters()) + list(decoder.parameters())
optimizer = torch.optim.Adam(parameters, lr=3e-3)

for epoch in range(7):
    encoder.train(), decoder.train()
    shuffled = train[torch.randperm(len(train))]
    total = 0.0
    for source in shuffled.split(40):
        target = source.flip(1)
        optimizer.zero_grad()
        states, last = encoder(source)
        logits = decoder(states, last[0], target)
        loss = F.cross_entropy(logits.transpose(1, 2), target)
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        total += loss.item() * len(source) / len(train)
    encoder.eval(), decoder.eval()
    with torch.no_grad():
        states, last = encoder(valid)
        exact = (decoder(states, last[0]).argmax(-1) == valid.flip(1)).all(dim=1).float().mean()
    print(f"epoch {epoch}: loss {total:.4f}, reversed without a mistake {exact:.1%}")
