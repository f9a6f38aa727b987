"""Which of two pulses came first? One comes early, one in the middle, the answer is due at the end of 30 steps.

Planted: the biases of the forget gate are set to -2 each, where +1 or +2 was meant.
"""

import torch
import torch.nn.functional as F
from torch.optim import RMSprop

from unrolled import nn

torch.manual_seed(21)

STEPS, HIDDEN = 30, 32


def pulses(count):
    """Two channels with one pulse each [B, T, 2], and whether the first channel was first."""
    x = 0.1 * torch.randn(count, STEPS, 2)
    early = torch.randint(0, 6, (count,))
    late = torch.randint(8, 16, (count,))
    y = torch.randint(0, 2, (count,))
    rows = torch.arange(count)
    x[rows, early, 1 - y] += 1.5
    x[rows, late, y] += 1.5
    return x, y


def start_forget_gates(lstm, value):
    for name, parameter in lstm.named_parameters():
        if "bias" in name:
            n = parameter.numel()
            parameter.data[n // 4 : n // 2].fill_(value)  # gates are i, f, g, o


lstm = nn.LSTM(2, HIDDEN, batch_first=True)
start_forget_gates(lstm, -2.0)
readout = torch.nn.Linear(HIDDEN, 2)
parameters = [*lstm.parameters(), *readout.parameters()]
optimizer = RMSprop(parameters, lr=2e-3)


def predict(x):
    _, (h, _) = lstm(x)
    return readout(h[-1])


x_train, y_train = pulses(640)
x_test, y_test = pulses(200)
for epoch in range(12):
    for batch in torch.randperm(len(x_train)).split(32):
        loss = F.cross_entropy(predict(x_train[batch]), y_train[batch])
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
    with torch.no_grad():
        scores = predict(x_test)
    test_loss, accuracy = F.cross_entropy(scores, y_test), (scores.argmax(1) == y_test).float().mean()
    print(f"epoch {epoch}: train {loss.item():.3f}, test {test_loss:.3f}, right {accuracy:.1%}")
