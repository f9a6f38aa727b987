"""Sequences in batches of similar length."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["batches_of_similar_length"]

LARGEST_BATCH = 1 << 18  # padded steps that are run at once


def batches_of_similar_length(lengths: Sequence[int]) -> list[list[int]]:
    """Places of all sequences, the longest first, in batches that a machine's memory holds.

    >>> batches_of_similar_length([1, 3, 2])
    [[1, 2, 0]]
    """
    order = sorted(range(len(lengths)), key=lambda n: -lengths[n])
    batches: list[list[int]] = []
    start = 0
    while start < len(order):
        count = max(1, LARGEST_BATCH // max(1, lengths[order[start]]))
        batches.append(order[start : start + count])
        start += count
    return batches
