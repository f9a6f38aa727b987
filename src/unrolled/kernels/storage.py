"""Weights stored in fewer bits than they are computed with."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import numpy as np

from unrolled.errors import InputError

__all__ = ["Storage", "stores_halves"]

Storage: TypeAlias = Literal["bfloat16"]
"""A bfloat16 is the upper half of a float32: its sign, its exponent and 7 bits of its 23."""


def stores_halves(weights: Storage | None, dtype: np.dtype[Any]) -> bool:
    """Whether weights of this dtype are stored as bfloat16: as asked, by default not.

    Raises:
        InputError: there is no such storage, or none for this dtype.

    >>> stores_halves("bfloat16", np.dtype("float32")), stores_halves(None, np.dtype("float64"))
    (True, False)
    """
    if weights is None:
        return False
    if weights != "bfloat16":
        raise InputError(f"weights={weights!r}: expected 'bfloat16', or None to store them as they are")
    if dtype != np.float32:
        raise InputError(
            f"weights='bfloat16' is for parameters of float32, not {dtype}: convert them first, or leave it out"
        )
    return True
