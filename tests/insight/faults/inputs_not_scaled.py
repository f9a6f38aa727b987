"""Will it rain? A barometer and a hygrometer, read every hour for two days; falling pressure brings rain.

Planted: the readings go in as they are, in pascal and per cent.
"""

import numpy as np
import torch
from torch import nn, optim
from torch.utils.data import DataLoader, TensorDataset, random_split

np.random.seed(0)  # noqa: NPY002
torch.manual_seed(0)


def weather(days, hours=48):
    trend = np.random.uniform(-1, 1, (days, 1))  # noqa: NPY002
    hour = np.arange(hours) / hours
    pressure = 101_325 + 900 * np.random.randn(days, 1) + 600 * trend * hour  # noqa: NPY002
    pressure += 60 * np.random.randn(days, hours)  # noqa: NPY002
    humidity = 70 - 12 * trend * hour + 8 * np.random.randn(days, hours)  # noqa: NPY002
    readings = np.stack([pressure, humidity], axis=-1)
    rain = trend[:, 0] + 0.2 * np.random.randn(days) < 0  # noqa: NPY002
    return torch.tensor(readings, dtype=torch.float32), torch.tensor(rain, dtype=torch.float32)


class RainModel(nn.Module):
    def __init__(self, hidden=24):
        super().__init__()
        self.rnn = nn.GRU(input_size=2, hidden_size=hidden, batch_first=True)
        self.out = nn.Linear(hidden, 1)

    def forward(self, readings):
        _, hidden = self.rnn(readings)
        return self.out(hidden[-1]).flatten()


dataset = TensorDataset(*weather(800))
train_set, valid_set = random_split(dataset, [640, 160])
train_loader = DataLoader(train_set, batch_size=32, shuffle=True)
valid_loader = DataLoader(valid_set, batch_size=160)

model = RainModel()
optimizer = optim.Adam(model.parameters(), lr=5e-3)
criterion = nn.BCEWithLogitsLoss()

for epoch in range(1, 7):
    model.train()
    running_loss = 0.0
    for readings, rain in train_loader:
        optimizer.zero_grad()
        loss = criterion(model(readings), rain)
        loss.backward()
        optimizer.step()
        running_loss += loss.item()

    model.eval()
    with torch.no_grad():
        for readings, rain in valid_loader:
            output = model(readings)
            valid_loss = criterion(output, rain).item()
            accuracy = ((output > 0) == (rain > 0)).float().mean().item()
    print(f"[{epoch}] loss {running_loss / len(train_loader):.4f}, valid {valid_loss:.4f}, accuracy {accuracy:.3f}")
