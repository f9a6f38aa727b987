"""Few and noisy recordings of three movements: dropout is all that stands between the LSTM and learning them by heart.

Planted: validate() calls model.eval(), and nothing ever calls model.train() again.
"""

import torch
import torch.nn as nn

torch.manual_seed(5)


def recordings(n, steps=20):
    y = torch.randint(3, (n,))
    t = torch.linspace(0, 1, steps)
    shapes = torch.stack([torch.sin(6 * t), torch.cos(6 * t), 2 * t - 1])
    x = 0.9 * shapes[y][:, :, None] * torch.tensor([1.0, -0.5, 0.25, 0.0]) + 1.0 * torch.randn(n, steps, 4)
    mistaken = torch.rand(n) < 0.15  # labelled by tired people
    return x, torch.where(mistaken, torch.randint(3, (n,)), y)


class Movements(nn.Module):
    def __init__(self):
        super().__init__()
        self.input_dropout = nn.Dropout(0.4)
        self.lstm = nn.LSTM(4, 40, batch_first=True)
        self.dropout = nn.Dropout(0.6)
        self.classifier = nn.Linear(40, 3)

    def forward(self, x):
        output, _ = self.lstm(self.input_dropout(x))
        return self.classifier(self.dropout(output.mean(dim=1)))


model = Movements()
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
x_train, y_train = recordings(128)
x_valid, y_valid = recordings(400)


def validate():
    model.eval()
    with torch.no_grad():
        scores = model(x_valid)
    accuracy = (scores.argmax(1) == y_valid).float().mean().item()
    return criterion(scores, y_valid).item(), accuracy


print("before training: loss {:.3f}, accuracy {:.3f}".format(*validate()))
for epoch in range(25):
    order = torch.randperm(len(x_train))
    total = 0.0
    for rows in order.split(32):
        optimizer.zero_grad()
        loss = criterion(model(x_train[rows]), y_train[rows])
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        total += loss.item() * len(rows)
    valid_loss, accuracy = validate()
    print(f"epoch {epoch}: {total / len(x_train):.3f}  valid {valid_loss:.3f}  accuracy {accuracy:.3f}")
