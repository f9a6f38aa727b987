"""What every array passes on its way to compiled code, which sees addresses only: behind it an array is what it says."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.errors import InputError
from unrolled.kernels.memory import check_allocation

__all__ = ["Floats", "admitted", "whole_numbers"]

Floats = NDArray[np.floating[Any]]

_DTYPES = ("float32", "float64")


def admitted(
    name: str, given: object, dtype: np.dtype[np.floating[Any]] | None = None, shape: tuple[int, ...] | None = None
) -> Floats:
    """The array itself, or a copy that is contiguous, aligned and in the machine's byte order; of no subclass.

    :param name: the argument, for messages.
    :param given: a NumPy array of float32 or float64, in any order of bytes, with any strides.
    :param dtype: that of the weights, which it must share.
    :param shape: what it must have.
    :raises InputError: it is no array, has another dtype or shape, values that are masked, or no memory holds the copy.

    >>> admitted("x", np.arange(6, dtype=">f4").reshape(2, 3).T).flags.c_contiguous
    True
    """
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


def whole_numbers(name: str, given: object, count: int | None = None) -> NDArray[np.int64]:
    """Whole numbers in one dimension, such as lengths, as int64; so many of them.

    :raises InputError: other numbers, masked or larger ones, another shape.

    >>> whole_numbers("lengths", np.array([3, 0], np.uint8))
    array([3, 0])
    """
    expected = f"{name}: expected {'' if count is None else f'{count} '}whole numbers in one dimension"
    try:
        plain = np.asarray(given)
    except (ValueError, TypeError, RuntimeError):  # of rows of several lengths, a tensor with a gradient
        raise InputError(f"{expected}, got a {type(given).__name__} that is no array") from None
    fits = plain.ndim == 1 if count is None else plain.shape == (count,)
    if not fits or (plain.size and plain.dtype.kind not in "iu"):
        raise InputError(f"{expected}, got {plain.dtype} of shape {plain.shape}")
    if np.ma.is_masked(given):
        raise InputError(f"{expected}, got masked ones: fill them in first")
    if plain.size and int(plain.max()) > np.iinfo(np.int64).max:
        raise InputError(f"{expected}, got {plain.max()}")
    return plain.astype(np.int64)
