"""Recall of the first symbol: four symbols, then 100 steps of noise, then the question which one it was.

Planted: a plain tanh network with weights as they come. Nothing of the answer's gradient is left after 100 steps back.
"""

import torch
from torch import nn

from unrolled.nn import RNN

torch.manual_seed(3)
STEPS, SYMBOLS = 100, 4


def make_data(n):
    labels = torch.randint(SYMBOLS, (n,))
    x = 0.1 * torch.randn(n, STEPS, SYMBOLS + 1)
    x[:, :, :SYMBOLS] = 0
    x[torch.arange(n), 0, labels] = 1.0
    return x, labels


class Recall(nn.Module):
    def __init__(self, hidden=32):
        super().__init__()
        self.rnn = RNN(SYMBOLS + 1, hidden, batch_first=True)
        self.readout = nn.Linear(hidden, SYMBOLS)

    def forward(self, x):
        states, _ = self.rnn(x)
        return self.readout(states[:, -1])


x_train, y_train = make_data(960)
x_val, y_val = make_data(128)
model = Recall()
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
criterion = nn.CrossEntropyLoss()

for epoch in range(10):
    model.train()
    total = 0.0
    for rows in torch.randperm(len(x_train)).split(32):
        optimizer.zero_grad()
        loss = criterion(model(x_train[rows]), y_train[rows])
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        total += loss.item() * len(rows)
    model.eval()
    with torch.no_grad():
        scores = model(x_val)
        val_loss = criterion(scores, y_val).item()
        accuracy = (scores.argmax(1) == y_val).float().mean().item()
    print(f"epoch {epoch}: train {total / len(x_train):.4f}  val {val_loss:.4f}  accuracy {accuracy:.2f}")
