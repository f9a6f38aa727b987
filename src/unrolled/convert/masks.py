"""Masks over time steps, and the equivalent lengths."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.errors import InputError

__all__ = ["lengths_from_mask"]


def lengths_from_mask(mask: Any) -> NDArray[np.int64]:
    """The lengths equivalent to a mask, for the argument ``lengths`` of a layer.

    A Keras mask can leave out any step; its layers then keep the state and repeat the previous output. Lengths say
    where a sequence ends; beyond it a layer of :mod:`unrolled.nn` keeps the state too, and outputs zeros.

    Args:
        mask: ``[B, T]``, true where a step counts.

    Returns:
        The lengths, whole numbers ``[B]``.

    Raises:
        InputError: not a mask, or one with a gap: a valid step after one that is not.

    >>> lengths_from_mask([[True, True, False], [True, True, True], [False, False, False]])
    array([2, 3, 0])
    """
    try:
        counts = np.asarray(mask).astype(bool)
    except (ValueError, TypeError) as error:  # of rows of several lengths
        raise InputError(f"mask: expected one row a sequence, [B, T]: {error}") from None
    if counts.ndim != 2:
        raise InputError(f"mask: expected one row a sequence, [B, T], got shape {counts.shape}")
    gaps = np.argwhere(counts[:, 1:] & ~counts[:, :-1])
    if gaps.size:
        row, step = (int(place) for place in gaps[0])
        raise InputError(
            f"mask[{row}] leaves out step {step} but not step {step + 1}: lengths can leave out steps at a sequence's end only"
        )
    return counts.sum(1)
