"""What every array passes on its way to compiled code, which sees addresses only: behind it an array is what it says."""

from __future__ import annotations

import math
import reprlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.aliases import Floats
from unrolled.errors import InputError
from unrolled.kernels.memory import check_allocation

__all__ = ["admitted", "whole_number", "whole_numbers"]


_DTYPES = ("float32", "float64")
_NATIVE = np.dtype(np.float32), np.dtype(np.float64)
_LARGEST = int(np.iinfo(np.int64).max)


def admitted(
    name: str, given: object, dtype: np.dtype[np.floating[Any]] | None = None, shape: tuple[int, ...] | None = None
) -> Floats:
    """The array itself, or a copy that is contiguous, aligned and in the machine's byte order; of no subclass.

    Args:
        name: the argument, for messages.
        given: a NumPy array of float32 or float64, in any order of bytes, with any strides.
        dtype: that of the weights, which it must share.
        shape: what it must have.

    Raises:
        InputError: it is no array, has another dtype or shape, values that are masked, or no memory holds the copy.

    >>> admitted("x", np.arange(6, dtype=">f4").reshape(2, 3).T).flags.c_contiguous
    True
    """
    if type(given) is np.ndarray and _as_it_is(given, dtype, shape):
        return given
    if not isinstance(given, np.ndarray | np.generic):
        raise InputError(f"{name} is a {type(given).__name__}, expected a NumPy array of float32 or float64")
    plain: NDArray[Any] = np.asarray(given)
    if dtype is not None and plain.dtype.name != dtype.name:
        raise InputError(f"{name} has dtype {plain.dtype}, but the weights have {dtype}: convert one of them")
    if plain.dtype.name not in _DTYPES:
        raise InputError(f"{name} has dtype {plain.dtype}: expected float32 or float64")
    if shape is not None and plain.shape != shape:
        raise InputError(f"{name} has shape {plain.shape}, expected {shape}")
    if np.ma.is_masked(given):
        raise InputError(f"{name} has masked values, which the kernels do not know: fill them in first")
    if not plain.flags.c_contiguous:  # an array that repeats its numbers may be larger than all memory
        check_allocation(math.prod(plain.shape) * plain.itemsize, f"the numbers of {name}")
    return np.require(plain, np.dtype(plain.dtype.name), ["C", "A"])


def _as_it_is(given: NDArray[Any], dtype: np.dtype[np.floating[Any]] | None, shape: tuple[int, ...] | None) -> bool:
    """Whether an array needs no more looking at, which costs a tenth of it, and as much as a small product."""
    if given.dtype not in _NATIVE or not (dtype is None or given.dtype == dtype):
        return False
    flags = given.flags
    return flags.c_contiguous and flags.aligned and (shape is None or given.shape == shape)


def whole_numbers(name: str, given: object, count: int | None = None) -> NDArray[np.int64]:
    """Whole numbers in one dimension, such as lengths, as int64; so many of them.

    Raises:
        InputError: other numbers, masked or larger ones, another shape.

    >>> whole_numbers("lengths", np.array([3, 0], np.uint8))
    array([3, 0])
    """
    expected = f"{name}: expected {'whole numbers in one dimension' if count is None else f'{count} whole numbers'}"
    try:
        plain = np.asarray(given)
    except (ValueError, TypeError, RuntimeError):  # of rows of several lengths, a tensor with a gradient
        raise InputError(f"{expected}, got a {type(given).__name__} that is no array") from None
    fits = plain.ndim == 1 if count is None else plain.shape == (count,)
    if not fits or (plain.size and plain.dtype.kind not in "iu"):
        raise InputError(f"{expected}, got {plain.dtype} of shape {plain.shape}")
    if np.ma.is_masked(given):
        raise InputError(f"{expected}, got masked ones: fill them in first")
    if plain.size and int(plain.max()) > _LARGEST:
        raise InputError(f"{expected}, got {plain.max()}")
    return plain.astype(np.int64)


def whole_number(name: str, given: object, least: int = 0, most: int = _LARGEST) -> int:
    """A count as the compiled code takes it.

    Raises:
        InputError: it is no whole number, or out of its range.
    """
    if isinstance(given, bool) or not isinstance(given, int | np.integer) or not least <= given <= most:
        long = isinstance(given, int) and given.bit_length() > 64  # Python may refuse to write it out
        up_to = f"of at least {least}" if most == _LARGEST else f"from {least} to {most}"
        shown = "too large" if long else reprlib.repr(given)
        raise InputError(f"{name} is {shown}, expected a whole number {up_to}")
    return int(given)
