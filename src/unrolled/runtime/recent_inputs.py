"""The last inputs of every step side by side, as a causal convolution sees them."""

from __future__ import annotations

import numpy as np

from unrolled.aliases import Floats
from unrolled.kernels.layout import Layout

__all__ = ["recent_inputs"]


def recent_inputs(x: Floats, first: Floats, layout: Layout, *, reverse: bool) -> tuple[Floats, Floats]:
    """Packed rows ``x [N, I]`` with the ``K - 1`` inputs that the recurrence met before each, the oldest first.

    ``first [B, (K-1)*I]`` are the inputs before the first step. Returns ``[N, K*I]``, and what is to be ``first`` for the
    sequences' next steps.

    >>> seen, last = recent_inputs(np.array([[1.0], [2.0]]), np.array([[0.0]]), Layout.padded(2, 1), reverse=False)
    >>> seen.tolist(), last.tolist()
    ([[0.0, 1.0], [1.0, 2.0]], [[2.0]])
    """
    if not first.shape[1]:
        return x, first
    B, I = layout.batch, x.shape[1]
    before = first.reshape(B, first.shape[1] // I, I)
    place, ends = layout.before(reverse), layout.ends(reverse)
    chain, last = [x], list[Floats]()  # the input of each row, of the step before it, of the one before that
    for back in range(before.shape[1]):
        known = np.concatenate((chain[-1], before[:, -1 - back]))
        last.append(known[ends])
        chain.append(known[place])
    return np.concatenate(chain[::-1], 1), np.concatenate(last[::-1], 1)
