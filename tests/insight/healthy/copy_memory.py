"""Copy memory: four symbols, a pause of five steps, a mark, and the symbols are to be written down again."""

import torch
from torch import nn

import unrolled.nn

torch.manual_seed(0)

SYMBOLS, LENGTH, PAUSE = 6, 4, 5
BLANK, MARK = SYMBOLS, SYMBOLS + 1


def sequences(words):
    """Tokens [T, B] to read and tokens [T, B] to answer, for words by their number."""
    symbols = torch.stack([words // SYMBOLS**place % SYMBOLS for place in range(LENGTH)])
    count = len(words)
    pause = torch.full((PAUSE, count), BLANK)
    mark = torch.full((1, count), MARK)
    read = torch.cat([symbols, pause, mark, pause[: LENGTH - 1]])
    answer = torch.cat([pause, pause[:LENGTH], symbols])
    return read, answer


class Copier(nn.Module):
    def __init__(self, hidden_size=64):
        super().__init__()
        self.embedding = nn.Embedding(SYMBOLS + 2, 16)
        self.gru = unrolled.nn.GRU(16, hidden_size)
        self.head = nn.Linear(hidden_size, SYMBOLS + 1)

    def forward(self, tokens):
        states, _ = self.gru(self.embedding(tokens))
        return self.head(states)


model = Copier()
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
criterion = nn.CrossEntropyLoss()
words = torch.randperm(SYMBOLS**LENGTH)  # each is in one part only
train_read, train_answer = sequences(words[:1100])
valid_read, valid_answer = sequences(words[1100:])
for epoch in range(14):
    model.train()
    total = 0.0
    for batch in torch.randperm(1100).split(50):
        logits = model(train_read[:, batch])
        loss = criterion(logits.flatten(0, 1), train_answer[:, batch].flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        total += loss.item() / 22
    model.eval()
    with torch.no_grad():
        logits = model(valid_read)
        valid_loss = criterion(logits.flatten(0, 1), valid_answer.flatten())
        recalled = (logits.argmax(-1) == valid_answer)[-LENGTH:].float().mean()
    print(f"epoch {epoch}: train {total:.4f}, valid {valid_loss:.4f}, recalled {recalled:.3f}")
