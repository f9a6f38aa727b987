"""Pieces of music shifted up or down, as if in another key."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["transposed", "transposition_range"]


def transposed(roll: NDArray[Any], semitones: int) -> NDArray[Any]:
    """A roll ``[T, P]`` whose notes are higher by some semitones, which :func:`transposition_range` allows.

    >>> transposed(np.array([[1, 0, 0], [0, 1, 0]]), 1).tolist()
    [[0, 1, 0], [0, 0, 1]]
    """
    return np.roll(roll, semitones, axis=1)


def transposition_range(roll: NDArray[Any], most: int) -> tuple[int, int]:
    """The lowest and the highest shift, ``most`` semitones at most, that keeps all notes of ``[T, P]`` among the P.

    >>> transposition_range(np.array([[0, 1, 0, 0, 0]]), 2)
    (-1, 2)
    >>> transposition_range(np.zeros((2, 5)), 2)
    (-2, 2)
    """
    columns = np.flatnonzero(roll.any(0))
    if not len(columns):
        return -most, most
    return -min(most, int(columns[0])), min(most, roll.shape[1] - 1 - int(columns[-1]))
