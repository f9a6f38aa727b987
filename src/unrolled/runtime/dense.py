"""A dense layer of a saved model."""

from __future__ import annotations

from unrolled.aliases import Floats
from unrolled.kernels.arrays import PackedDense
from unrolled.kernels.storage import Storage

__all__ = ["Dense"]


class Dense:
    """``y = W x + b`` over the last axis; every result has the same bits however the rows are batched.

    Args:
        weight: ``[O, I]`` of float32 or float64.
        bias: ``[O]``.
        weights: what the weight is stored as, as for :class:`unrolled.runtime.recurrent.RecurrentLayer`.

    Attributes:
        bias: as it was given.
        packed: weight and bias as the kernels have them.

    >>> import numpy as np
    >>> layer = Dense(np.eye(2, 3), np.array([0.0, 1.0]))
    >>> layer(np.ones((4, 5, 3))).shape
    (4, 5, 2)
    """

    def __init__(self, weight: Floats, bias: Floats | None = None, *, weights: Storage | None = None) -> None:
        self.bias = bias
        self.packed = PackedDense(weight, bias, weights=weights)

    def __call__(self, x: Floats) -> Floats:
        """Apply to ``x [..., I]``; returns ``[..., O]``.

        Raises:
            InputError: the shape or dtype does not fit.
        """
        return self.packed(x)
