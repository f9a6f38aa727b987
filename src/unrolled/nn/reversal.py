"""Sequences turned round, each within its own length, so that a pass forward runs over them backwards."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from unrolled.nn.lengths import rearrange
from unrolled.nn.library import index_operator, sized

__all__ = ["reversed_rows", "turned"]


def _reversed_rows(sizes: Tensor, batch: Tensor) -> Tensor:
    alive, B = sizes.numpy(), len(batch)
    offsets = np.concatenate(([0], np.cumsum(alive)))
    step = np.repeat(np.arange(len(alive)), alive)
    sequence = np.arange(offsets[-1]) - offsets[step]
    lengths = (alive[:, None] > np.arange(B)).sum(0)
    rows = np.arange(len(alive) * B)
    rows[: offsets[-1]] = offsets[lengths[sequence] - 1 - step] + sequence
    return torch.from_numpy(rows)


_REVERSED_ROWS = index_operator(
    "reversed_rows(Tensor sizes, Tensor batch) -> Tensor", _reversed_rows,
    lambda sizes, batch: sizes.new_empty(sizes.shape[0] * batch.shape[0]),
)  # fmt: skip


def reversed_rows(sizes: Tensor, batch: int) -> Tensor:
    """For every row of ``batch`` arranged sequences the one it trades places with; ``sizes [T]`` are alive at each step.

    >>> reversed_rows(torch.tensor([2, 1, 1]), 2)     # rows: a0 b0 a1 a2, and two without meaning
    tensor([3, 1, 2, 0, 4, 5])
    """
    rows: Tensor = _REVERSED_ROWS(sizes, sized(batch))
    return rows


def turned(steps: Tensor, rows: Tensor | None) -> Tensor:
    """``steps [T, B, ...]`` turned round: all of them, or by the ``rows`` of :func:`reversed_rows`."""
    if rows is None:
        return steps.flip(0)
    # its own inverse; a program that is compiled takes no tensor twice
    return rearrange(steps.flatten(0, 1), 0, rows, rows.clone()).view(steps.shape)
