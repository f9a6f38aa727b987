"""Recalling a call: among the calls on two channels only the one at which the light is on counts, early in the recording.

Planted: back-propagation is truncated to 5 steps to save memory, so no gradient ever reaches the call that counts.
"""

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)

STEPS = 20
TRUNCATION = 5
CHANNELS = 2


def make_recordings(count):
    calls = torch.randint(0, CHANNELS, (count, STEPS))
    when = torch.randint(0, 6, (count,))
    light = nn.functional.one_hot(when, STEPS).float()
    signals = torch.cat([nn.functional.one_hot(calls, CHANNELS), light[:, :, None]], dim=2)
    return signals + 0.1 * torch.randn_like(signals), calls[torch.arange(count), when]


class CallClassifier(nn.Module):
    def __init__(self, hidden_size=32):
        super().__init__()
        self.lstm = nn.LSTM(CHANNELS + 1, hidden_size, batch_first=True)
        self.head = nn.Linear(hidden_size, CHANNELS)
        for bias in (self.lstm.bias_ih_l0, self.lstm.bias_hh_l0):  # remember by default
            nn.init.ones_(bias.data[hidden_size : 2 * hidden_size])

    def forward(self, x):
        state = None
        for piece in x.split(TRUNCATION, dim=1):
            if state is not None:
                state = tuple(s.detach() for s in state)
            output, state = self.lstm(piece, state)
        return self.head(output[:, -1])


train_loader = DataLoader(TensorDataset(*make_recordings(640)), batch_size=32, shuffle=True)
valid_loader = DataLoader(TensorDataset(*make_recordings(160)), batch_size=160)

model = CallClassifier()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
criterion = nn.CrossEntropyLoss()

for epoch in range(10):
    model.train()
    total = 0.0
    for x, y in train_loader:
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        total += loss.item()

    model.eval()
    correct = 0
    with torch.no_grad():
        for x, y in valid_loader:
            correct += (model(x).argmax(dim=1) == y).sum().item()
    print(f"epoch {epoch}: loss {total / len(train_loader):.3f}, validation accuracy {correct / 160:.3f}")
