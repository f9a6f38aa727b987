"""Are the brackets balanced? Strings of three kinds of brackets, some with one bracket changed.

Planted: weight decay is meant for weights and not for biases, and the groups are made from names that end in "weight" and
"bias". torch's recurrent layers call theirs weight_ih_l0 and bias_hh_l0: they are in neither group.
"""

import random

import torch
from torch import nn
from torch.utils.data import DataLoader

random.seed(13)
torch.manual_seed(13)

PAIRS = {"(": ")", "[": "]", "{": "}"}
VOCABULARY = {symbol: number for number, symbol in enumerate("()[]{}")}
LENGTH = 14


def balanced():
    text, stack = "", []
    while len(text) + len(stack) < LENGTH:
        if stack and random.random() < 0.45:
            text += PAIRS[stack.pop()]
        elif len(text) + len(stack) + 2 <= LENGTH and len(stack) < 2:
            stack.append(random.choice("([{"))
            text += stack[-1]
        elif stack:
            text += PAIRS[stack.pop()]
    while stack:
        text += PAIRS[stack.pop()]
    return text


def example():
    text, label = balanced(), random.randint(0, 1)
    if label == 0:
        place = random.randrange(LENGTH)
        others = [s for s in VOCABULARY if s != text[place]]
        text = text[:place] + random.choice(others) + text[place + 1 :]
    return torch.tensor([VOCABULARY[s] for s in text]), torch.tensor(label)


class BracketClassifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(len(VOCABULARY), 16)
        self.lstm = nn.LSTM(16, 48, batch_first=True)
        self.norm = nn.LayerNorm(48)
        self.linear = nn.Linear(48, 2)

    def forward(self, tokens):
        _, (hidden, _) = self.lstm(self.embedding(tokens))
        return self.linear(self.norm(hidden[-1]))


def configure_optimizer(model, lr=5e-3, weight_decay=0.01):
    named = dict(model.named_parameters())
    decay = [p for name, p in named.items() if name.endswith("weight")]
    no_decay = [p for name, p in named.items() if name.endswith("bias")]
    groups = [{"params": decay, "weight_decay": weight_decay}, {"params": no_decay, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=lr)


train_loader = DataLoader([example() for _ in range(1000)], batch_size=50, shuffle=True)
val_loader = DataLoader([example() for _ in range(300)], batch_size=100)
model = BracketClassifier()
optimizer = configure_optimizer(model)
loss_function = nn.CrossEntropyLoss()

for epoch in range(12):
    model.train()
    train_loss = 0
    for tokens, labels in train_loader:
        model.zero_grad()
        loss = loss_function(model(tokens), labels)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        train_loss += loss.item()
    model.eval()
    with torch.no_grad():
        hits = sum((model(tokens).argmax(-1) == labels).sum().item() for tokens, labels in val_loader)
    print(f"epoch {epoch + 1:02d} | train loss {train_loss / len(train_loader):.3f} | val acc {hits / 300:.3f}")
