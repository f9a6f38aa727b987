"""Alarms that belong together: runs of steps over a level, near ones merged."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["episodes", "peaks"]


def episodes(alarm: NDArray[np.bool_], merge: int) -> NDArray[np.int64]:
    """First and last step ``[E, 2]`` of each episode of ``alarm [T]``.

    An alarm belongs to the episode before it if at most ``merge`` steps lie between their numbers; with 1, only steps that
    follow each other do.

    >>> episodes(np.array([1, 1, 0, 1, 0, 0, 0, 1], bool), merge=2).tolist()
    [[0, 3], [7, 7]]
    """
    steps = np.flatnonzero(alarm)
    if not len(steps):
        return np.zeros((0, 2), np.int64)
    apart = np.flatnonzero(np.diff(steps) > merge)
    return np.stack([steps[np.r_[0, apart + 1]], steps[np.r_[apart, len(steps) - 1]]], axis=1)


def peaks(score: NDArray[np.float64], found: NDArray[np.int64]) -> NDArray[np.int64]:
    """The step ``[E]`` of the highest score of each episode ``found [E, 2]``; steps without a score (NaN) are passed over.

    >>> peaks(np.array([1.0, 3.0, 2.0, 5.0]), np.array([[0, 2], [3, 3]])).tolist()
    [1, 3]
    """
    return np.array([first + np.nanargmax(score[first : last + 1]) for first, last in found], np.int64)
