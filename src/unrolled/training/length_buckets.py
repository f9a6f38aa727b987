"""Batches of sequences of similar length, so that little time goes into padding."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["length_buckets"]

POOLED = 32  # batches whose sequences are sorted together


def length_buckets(
    lengths: Sequence[int], batch_size: int, generator: np.random.Generator
) -> Iterator[NDArray[np.int64]]:
    """Every sequence once, in random batches: shuffled, sorted by length within pools of batches, the batches shuffled again.

    >>> batches = list(length_buckets([5, 1, 5, 1], 2, np.random.default_rng(0)))
    >>> sorted(sorted(batch.tolist()) for batch in batches)
    [[0, 2], [1, 3]]
    """
    order, sizes = generator.permutation(len(lengths)), np.asarray(lengths)
    batches: list[NDArray[np.int64]] = []
    for start in range(0, len(order), POOLED * batch_size):
        pool = order[start : start + POOLED * batch_size]
        pool = pool[np.argsort(sizes[pool], kind="stable")]
        batches += [pool[at : at + batch_size] for at in range(0, len(pool), batch_size)]
    for place in generator.permutation(len(batches)):
        yield batches[place]
