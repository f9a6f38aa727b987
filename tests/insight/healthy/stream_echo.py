"""Echo: each bit of a stream is to be repeated three steps later. Truncated BPTT, the state goes on from piece to piece."""

import numpy as np
import torch

torch.manual_seed(42)
np.random.seed(42)  # noqa: NPY002

total_length = 6400
truncated_length = 15
echo_step = 3
batch_size = 8
state_size = 24
num_epochs = 4


def generate(length):
    x = np.random.choice(2, length, p=[0.5, 0.5])  # noqa: NPY002
    y = np.roll(x, echo_step)
    y[:echo_step] = 0
    columns = length // batch_size
    x = torch.from_numpy(x).view(batch_size, columns).float()
    return x, torch.from_numpy(y).view(batch_size, columns)


cell = torch.nn.RNNCell(1, state_size)
output = torch.nn.Linear(state_size, 2)
params = list(cell.parameters()) + list(output.parameters())
optimizer = torch.optim.Adagrad(params, lr=0.1)
x_valid, y_valid = generate(1600)


def unroll(x, y, state):
    losses, hits = [], []
    for t in range(x.shape[1]):
        state = cell(x[:, t : t + 1], state)
        logits = output(state)
        losses.append(torch.nn.functional.cross_entropy(logits, y[:, t]))
        hits.append((logits.argmax(1) == y[:, t]).float().mean())
    return torch.stack(losses).mean(), torch.stack(hits).mean(), state


for epoch in range(num_epochs):
    x, y = generate(total_length)  # a new stream each epoch
    state = torch.zeros(batch_size, state_size)
    history = []
    for start in range(0, x.shape[1], truncated_length):
        end = start + truncated_length
        loss, _, state = unroll(x[:, start:end], y[:, start:end], state.detach())
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_value_(params, 1.0)
        optimizer.step()
        history.append(loss.item())
    with torch.no_grad():
        valid_loss, accuracy, _ = unroll(x_valid, y_valid, torch.zeros(batch_size, state_size))
    print(f"Epoch {epoch}: loss {np.mean(history):.4f}, validation {valid_loss:.4f}, accuracy {accuracy:.3f}")
