"""Running count of events: how many events has this sequence had so far? Independent sequences in random order.

Planted: the state at the end of a batch is handed to the next batch, whose sequences have nothing to do with it.
"""

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(1)


def events(n, steps=24):
    rates = 0.1 + 0.8 * torch.rand(n, 1)
    happened = (torch.rand(n, steps) < rates).float()
    return happened.unsqueeze(-1), happened.cumsum(1).unsqueeze(-1) / 10


class Counter(nn.Module):
    def __init__(self, hidden_size=24):
        super().__init__()
        self.gru = nn.GRU(1, hidden_size, batch_first=True)
        self.out = nn.Linear(hidden_size, 1)

    def forward(self, x, hidden=None):
        states, hidden = self.gru(x, hidden)
        return self.out(states), hidden


loader = DataLoader(TensorDataset(*events(640)), batch_size=32, shuffle=True, drop_last=True)
val_loader = DataLoader(TensorDataset(*events(128)), batch_size=32)
model = Counter()
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
loss_fn = nn.MSELoss()

hidden = None
for epoch in range(8):
    model.train()
    for inputs, targets in loader:
        if hidden is not None:
            hidden = hidden.detach()
        outputs, hidden = model(inputs, hidden)
        loss = loss_fn(outputs, targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    model.eval()
    val_loss = 0.0
    with torch.no_grad():
        for inputs, targets in val_loader:
            outputs, hidden = model(inputs, hidden)
            val_loss += loss_fn(outputs, targets).item() / len(val_loader)
    print(f"epoch {epoch + 1}, train loss {loss.item():.4f}, validation loss {val_loss:.4f}")
