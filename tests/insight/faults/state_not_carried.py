"""A digital twin of heated rooms: room temperature from the switching commands and the outside temperature, minute by
minute. A command comes every quarter of an hour or so, and stays in force until the next one.

Planted: every piece of 8 minutes starts from a fresh hidden state, although it continues the piece before.
"""

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(3)

bptt, columns = 8, 16


def record(minutes):
    """Inputs [T, B, 2]: command (1 on, -1 off, 0 none) and outside temperature; target [T, B]: room temperature."""
    heating = torch.zeros(columns)
    room, outside = torch.zeros(columns), torch.zeros(columns)
    inputs, targets = [], []
    for minute in range(minutes):
        switched = torch.rand(columns) < 1 / 15 if minute else torch.ones(columns) > 0
        command = torch.where(switched, torch.where(torch.rand(columns) < 0.5, 1.0, -1.0), torch.zeros(columns))
        heating = torch.where(switched, command, heating)
        outside = 0.95 * outside + 0.3 * torch.randn(columns)
        room = room + 0.5 * (heating + 0.1 * outside - room)
        inputs.append(torch.stack([command, outside], dim=1))
        targets.append(room + 0.05 * torch.randn(columns))
    return torch.stack(inputs), torch.stack(targets)


class Twin(nn.Module):
    def __init__(self, hidden_size=32):
        super().__init__()
        self.hidden_size = hidden_size
        self.rnn = nn.LSTM(2, hidden_size)
        self.decoder = nn.Linear(hidden_size, 1)

    def init_hidden(self):
        return torch.zeros(1, columns, self.hidden_size), torch.zeros(1, columns, self.hidden_size)

    def forward(self, inputs, hidden):
        output, hidden = self.rnn(inputs, hidden)
        return self.decoder(output).squeeze(-1), hidden


train_inputs, train_targets = record(400)
valid_inputs, valid_targets = record(160)
model = Twin()
optimizer = torch.optim.Adam(model.parameters(), lr=0.02)


def evaluate():
    model.eval()
    total = 0.0
    with torch.no_grad():
        for inputs, targets in zip(valid_inputs.split(bptt), valid_targets.split(bptt), strict=True):
            hidden = model.init_hidden()
            output, hidden = model(inputs, hidden)
            total += len(inputs) * F.mse_loss(output, targets).item()
    return total / len(valid_inputs)


for epoch in range(1, 9):
    model.train()
    total, batches = 0.0, 0
    for inputs, targets in zip(train_inputs.split(bptt), train_targets.split(bptt), strict=True):
        hidden = model.init_hidden()
        optimizer.zero_grad()
        output, hidden = model(inputs, hidden)
        loss = F.mse_loss(output, targets)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 0.5)
        optimizer.step()
        total, batches = total + loss.item(), batches + 1
    print(f"| epoch {epoch} | train loss {total / batches:.4f} | valid loss {evaluate():.4f}")
