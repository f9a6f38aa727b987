"""Sequences turned round, each within its own length, so that a pass forward runs over them backwards."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

__all__ = ["reversed_rows", "turned"]


def reversed_rows(sizes: Tensor) -> Tensor:
    """For every living row of arranged sequences the one it trades places with; ``sizes [T]`` are alive at each step.

    >>> reversed_rows(torch.tensor([2, 1, 1]))     # rows: a0 b0 a1 a2
    tensor([3, 1, 2, 0])
    """
    alive = sizes.numpy()
    offsets = np.concatenate(([0], np.cumsum(alive)))
    step = np.repeat(np.arange(len(alive)), alive)
    sequence = np.arange(offsets[-1]) - offsets[step]
    lengths = (alive[:, None] > np.arange(alive[0] if len(alive) else 0)).sum(0)
    return torch.from_numpy(offsets[lengths[sequence] - 1 - step] + sequence)


def turned(steps: Tensor, rows: Tensor | None) -> Tensor:
    """``steps [T, B, ...]`` turned round: all of them, or the living ``rows`` of :func:`reversed_rows`."""
    if rows is None:
        return steps.flip(0)
    flat = steps.flatten(0, 1)
    living = flat.index_select(0, rows)
    return F.pad(living, (0, 0, 0, len(flat) - len(living))).view(steps.shape)
