"""Learning from one long series: subsequences of it, that begin elsewhere in each epoch."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from unrolled.training.problem import Module, Problem

__all__ = ["all_subsequences", "subsequences", "subsequences_problem"]

OVERLAP = 8  # subsequences that a step is in


def subsequences(
    steps: int, length: int, batch_size: int, generator: np.random.Generator
) -> Iterator[NDArray[np.int64]]:
    """Batches of places ``[length, B]`` in a series of ``steps``, in random order; a step is in about eight subsequences.

    >>> [batch.shape for batch in subsequences(100, 16, 32, np.random.default_rng(0))]
    [(16, 32), (16, 11)]
    """
    stride = max(1, length // OVERLAP)
    count = (steps - length) // stride + 1
    room = (steps - length) - (count - 1) * stride
    first = generator.permutation(count) * stride + generator.integers(room + 1)
    for at in range(0, count, batch_size):
        yield np.arange(length)[:, None] + first[at : at + batch_size]


def all_subsequences(steps: int, length: int) -> NDArray[np.int64]:
    """Places ``[length, N]`` of the subsequences of an epoch that begins at the first step.

    >>> all_subsequences(20, 16)[0]
    array([0, 2, 4])
    """
    stride = max(1, length // OVERLAP)
    return np.arange(length)[:, None] + stride * np.arange((steps - length) // stride + 1)


def subsequences_problem(
    make: Callable[[], Module],
    loss: Callable[[Module, NDArray[np.int64]], Tensor],
    steps: int,
    length: int,
    batch_size: int,
    *,
    phase: str,
) -> Problem[Module, NDArray[np.int64]]:
    """To minimise the loss of places in a series of ``steps``."""
    count = (steps - length) // max(1, length // OVERLAP) + 1
    batch_size = min(batch_size, count)
    return Problem(
        make=lambda _: make(),
        batches=lambda generator: subsequences(steps, length, batch_size, generator),
        batches_per_epoch=math.ceil(count / batch_size),
        loss=loss,
        phase=phase,
    )
