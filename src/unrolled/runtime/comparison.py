"""What additive attention of a saved model compares."""

from __future__ import annotations

from unrolled.aliases import Floats
from unrolled.kernels.additive import additive
from unrolled.networks.engine import Lengths, Rows

__all__ = ["Comparison"]


class Comparison:
    r""":math:`v \cdot \tanh(q + k)`, see :func:`unrolled.kernels.additive.additive`.

    Args:
        vector: ``v [A]``.

    >>> import numpy as np
    >>> compare = Comparison(np.array([1.0, 2.0]))
    >>> compare(np.zeros((1, 1, 2)), np.full((2, 1, 2), 9.0), np.array([1])).round(6).tolist()
    [[[3.0, 0.0]]]
    """

    def __init__(self, vector: Floats) -> None:
        self.vector = vector

    def __call__(self, query: Floats, keys: Floats, lengths: Lengths, rows: Rows | None = None) -> Floats:
        """From ``q [U, N, A]`` and ``k [T, B, A]`` to ``[U, N, T]``, 0 past the lengths."""
        return additive(self.vector, query, keys, lengths, rows)
