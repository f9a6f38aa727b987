"""A table of vectors of a saved model."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.aliases import Floats
from unrolled.runtime.dense import Dense

__all__ = ["Table"]


class Table:
    """Vectors ``[entries, size]``, which are packed for products with them when the first is asked for.

    >>> table = Table(np.eye(3, 2))
    >>> table(np.array([1, 1])).tolist(), table.products(np.array([2.0, 3.0])).tolist()
    ([[0.0, 1.0], [0.0, 1.0]], [2.0, 3.0, 0.0])
    """

    def __init__(self, vectors: NDArray[Any]) -> None:
        self.vectors = vectors

    def __call__(self, places: NDArray[np.int64]) -> Floats:
        """Vectors by place, along a new last axis."""
        return self.vectors.take(places, 0)

    def products(self, x: Floats) -> Floats:
        """``[..., size]`` → ``[..., entries]``: products with every vector."""
        return self._packed(x)

    @cached_property
    def _packed(self) -> Dense:
        return Dense(self.vectors)
