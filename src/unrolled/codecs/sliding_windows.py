"""Sliding windows over time, as views."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["sliding_windows"]


def sliding_windows(x: NDArray[np.float64], length: int) -> NDArray[np.float64]:
    """Every run of ``length`` steps of ``x [T, ...]``: a read-only view ``[T - length + 1, ..., length]``.

    >>> sliding_windows(np.arange(4.0), 2).tolist()
    [[0.0, 1.0], [1.0, 2.0], [2.0, 3.0]]
    """
    return np.lib.stride_tricks.sliding_window_view(x, length, axis=0)
