"""Real numbers of any type as floats of 64 bits; what is missing becomes NaN, what is no number is refused."""

from __future__ import annotations

import math
from decimal import Decimal
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.errors import InputError, InputTypeError

__all__ = ["as_floats", "is_missing", "nearest_float"]


def nearest_float(value: Any) -> float:
    """A real number as the nearest float; a whole one too large for any is infinite, as ``1e999`` is.

    >>> nearest_float(3), nearest_float(-(10**400))
    (3.0, -inf)
    """
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def is_missing(value: Any) -> bool:
    """Whether a cell is empty, in the way of any kind of frame: None, NaN, ``pandas.NA`` or NaT."""
    if isinstance(value, Decimal):
        return value.is_nan()
    if isinstance(value, np.datetime64 | np.timedelta64):
        return bool(np.isnat(value))
    return (
        value is None or type(value).__name__ in ("NAType", "NaTType") or (isinstance(value, Real) and value != value)
    )


def as_floats(array: NDArray[Any], called: str) -> NDArray[np.float64]:
    """An array of numbers or truth values as float64; what is missing becomes NaN.

    Raises:
        InputError: it holds text, even of digits, times, complex numbers or other things; it calls the array ``called``.

    >>> as_floats(np.array([Decimal("0.5"), None, True], object), "y").tolist()
    [0.5, nan, 1.0]
    """
    kind = array.dtype.kind
    if kind == "c":
        raise InputError(f"{called}: Complex data not supported: expected real numbers")
    if kind == "O":
        values = [_as_float(value, called) for value in array.ravel().tolist()]
        return np.array(values, np.float64).reshape(array.shape)
    if kind not in "biuf":
        found = {"U": "text", "S": "bytes", "T": "text", "M": "times", "m": "spans of time"}.get(kind, str(array.dtype))
        such = f", such as {array.ravel()[0].item()!r:.40}" if array.size and kind in "UST" else ""
        raise InputError(f"{called} does not hold numbers: found {found}{such}; convert it")
    with np.errstate(over="ignore"):  # a number of more bits than 64 may become infinite, which is refused later
        return array.astype(np.float64)


def _as_float(value: Any, called: str) -> float:
    if is_missing(value):
        return math.nan
    if isinstance(value, Real | Decimal | np.bool_):
        return nearest_float(value)
    if isinstance(value, str | bytes):
        raise InputError(f"{called} does not hold numbers: found the text {value!r:.40}; convert it")
    raise InputTypeError(
        f"{called} does not hold numbers: found {value!r:.40}; float() argument must be a string or a real number, not"
        f" {type(value).__name__!r}"
    )
