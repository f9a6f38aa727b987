"""Learning from one long series: stretches of it, that begin elsewhere in each epoch."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unrolled.training.options import TrainingOptions
from unrolled.training.seeded import train_seeded

__all__ = ["learn_from_stretches", "stretches"]

Module = TypeVar("Module", bound=torch.nn.Module)

OVERLAP = 8  # stretches that a step is in


def stretches(steps: int, length: int, batch_size: int, generator: np.random.Generator) -> Iterator[NDArray[np.int64]]:
    """Batches of places ``[length, B]`` in a series of ``steps``, in random order; a step is in about eight stretches.

    >>> [batch.shape for batch in stretches(100, 16, 32, np.random.default_rng(0))]
    [(16, 32), (16, 11)]
    """
    stride = max(1, length // OVERLAP)
    count = (steps - length) // stride + 1
    room = (steps - length) - (count - 1) * stride
    first = generator.permutation(count) * stride + generator.integers(room + 1)
    for at in range(0, count, batch_size):
        yield np.arange(length)[:, None] + first[at : at + batch_size]


def learn_from_stretches(
    make: Callable[[], Module],
    loss: Callable[[Module, NDArray[np.int64]], Tensor],
    steps: int,
    length: int,
    options: TrainingOptions,
    phase: str,
) -> tuple[dict[str, NDArray[Any]], list[float]]:
    """Train the module that ``make`` makes on a series of ``steps``; returns its parameters and the loss of each epoch."""
    count = (steps - length) // max(1, length // OVERLAP) + 1
    batch_size = min(options.batch_size, count)
    module, run = train_seeded(
        lambda _: make(),
        lambda generator: stretches(steps, length, batch_size, generator),
        loss,
        options,
        batches_per_epoch=math.ceil(count / batch_size),
        phase=phase,
    )
    return {name: p.detach().numpy().copy() for name, p in module.named_parameters()}, run.losses
