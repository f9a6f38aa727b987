"""Two small tasks that tell cells apart, and training on them.

``latch``: at marked steps a number is to be stored, and shown until the next mark. It needs gates that see the input.
``parity``: of bits, whether so many of them were ones that it is odd. It needs a state that can be turned over.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

Batch = tuple[Tensor, Tensor]
BATCH, STEPS, HIDDEN = 32, 30, 16


def latch(generator: torch.Generator) -> Batch:
    """Numbers between -1 and 1 and marks at a tenth of the steps ``[T, B, 2]``; the last marked number ``[T, B, 1]``."""
    numbers = torch.rand(STEPS, BATCH, generator=generator) * 2 - 1
    marks = (torch.rand(STEPS, BATCH, generator=generator) < 0.1).float()
    marks[0] = 1
    last = torch.where(marks > 0, torch.arange(STEPS)[:, None], 0).cummax(0).values
    return torch.stack((numbers, marks), 2), numbers.gather(0, last)[..., None]


def parity(generator: torch.Generator) -> Batch:
    """Bits as -1 and 1 ``[T, B, 1]``; 1 where the number of ones so far is odd, -1 elsewhere ``[T, B, 1]``."""
    bits = (torch.rand(STEPS, BATCH, 1, generator=generator) < 0.5).float()
    return bits * 2 - 1, (bits.cumsum(0) % 2) * 2 - 1


def train(
    layer: Callable[[int, int], torch.nn.Module], task: Callable[[torch.Generator], Batch], updates: int
) -> list[float]:
    """Mean squared errors while a layer of 16 units learns a task, each the mean of 20 updates.

    The same seed, batches, learning rate (Adam, 0.01) and bound of the gradient's norm (1) for all.
    """
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(0)
    inputs = task(torch.Generator())[0].shape[2]
    recurrent, readout = layer(inputs, HIDDEN), torch.nn.Linear(HIDDEN, 1)
    parameters = [*recurrent.parameters(), *readout.parameters()]
    optimizer = torch.optim.Adam(parameters, lr=0.01)
    errors = []
    for _ in range(updates):
        x, wanted = task(generator)
        error = (readout(recurrent(x)[0]) - wanted).square().mean()
        optimizer.zero_grad()
        error.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        errors.append(error.item())
    return torch.tensor(errors).view(-1, 20).mean(1).tolist()
