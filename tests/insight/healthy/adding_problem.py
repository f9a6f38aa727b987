"""Adding problem: two of 16 numbers are marked, the answer is their sum. An LSTM read at its last step, Adam."""

import torch
from torch import nn

torch.manual_seed(0)


def adding(size, steps=16):
    values = torch.rand(size, steps)
    marks = torch.zeros(size, steps)
    rows = torch.arange(size)
    marks[rows, torch.randint(steps // 2, (size,))] = 1.0
    marks[rows, torch.randint(steps // 2, steps, (size,))] = 1.0
    return torch.stack((values, marks), -1), (values * marks).sum(1)


class Adder(nn.Module):
    def __init__(self, hidden_size=32):
        super().__init__()
        self.lstm = nn.LSTM(input_size=2, hidden_size=hidden_size, batch_first=True)
        self.linear = nn.Linear(hidden_size, 1)

    def forward(self, x):
        _, (h_n, _) = self.lstm(x)
        return self.linear(h_n[-1]).squeeze(-1)


model = Adder()
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
loss_fn = nn.MSELoss()
x_train, y_train = adding(2500)
x_val, y_val = adding(500)
print(f"always answering 1: {(y_val - 1).pow(2).mean():.4f}")

for epoch in range(1, 11):
    model.train()
    train_loss = 0.0
    for rows in torch.randperm(2500).chunk(50):
        loss = loss_fn(model(x_train[rows]), y_train[rows])
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), max_norm=1.0)
        optimizer.step()
        train_loss += loss.item() / 50
    model.eval()
    with torch.no_grad():
        val_loss = loss_fn(model(x_val), y_val).item()
    print(f"epoch {epoch}: train {train_loss:.4f}, validation {val_loss:.4f}")
