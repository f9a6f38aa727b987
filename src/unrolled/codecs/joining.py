"""Several steps as one, so that a sequence becomes shorter."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["joined"]


def joined(x: NDArray[np.float32], stride: int) -> NDArray[np.float32]:
    """``[T, C]`` → ``[ceil(T / k), k C]``: of each step the ``k`` from its first on side by side, zeros after the last.

    >>> joined(np.array([[1], [2], [3]], np.float32), 2).tolist()
    [[1.0, 2.0], [3.0, 0.0]]
    """
    if stride == 1:
        return x
    whole = np.pad(x, ((0, -len(x) % stride), (0, 0)))
    return whole.reshape(len(whole) // stride, stride * x.shape[1])
