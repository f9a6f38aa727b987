"""What holds items in an order: lists, arrays, tensors, series of frames; and what does not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Set
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.data.table import listed
from unrolled.errors import InputError

__all__ = ["as_array", "in_order", "is_frame"]


def is_frame(data: Any) -> bool:
    """Whether the data has columns with names, as a frame of pandas, polars or pyarrow."""
    return hasattr(data, "columns") and hasattr(data, "shape") and not isinstance(data, np.ndarray)


def in_order(data: Any, what: str) -> list[Any] | NDArray[Any]:
    """The items of a container that has an order, as a list or as an array whose first axis they are.

    Args:
        data: what the user gave.
        what: its items, as a message calls them.

    Raises:
        InputError: something else, or an iterator, whose first item looking would use up.

    >>> in_order({1: "a", 2: "b"}.values(), "texts")
    ['a', 'b']
    """
    if isinstance(data, str):
        raise InputError(f"expected a list of texts, found one: give [{data[:20]!r}]")
    if isinstance(data, bytes | bytearray):
        raise InputError(f"expected a list of {what}, found bytes, {bytes(data[:20])!r}: decode them")
    if isinstance(data, Mapping):
        raise InputError(
            f"expected a list of {what}, found a {type(data).__name__} with {listed(map(str, data))}: give one of its values,"
            " or a frame of pandas, polars or pyarrow"
        )
    if isinstance(data, Set) and not hasattr(data, "__reversed__"):  # the keys of a dict have an order
        raise InputError(f"expected a list of {what}, found a {type(data).__name__}, which has no order")
    if isinstance(data, Iterator):
        raise InputError(f"expected a list of {what}, found a {type(data).__name__}: give list(…) of it")
    only_array = hasattr(data, "__array__") and not isinstance(data, Iterable)
    if isinstance(data, np.ndarray) or _is_tensor(data) or getattr(data, "ndim", 1) > 1 or only_array:
        array = as_array(data, f"the {what}")
        if not array.ndim:
            raise InputError(f"expected a list of {what}, found the single value {array.item()!r:.40}")
        return array
    for method in ("to_pylist", "to_list", "tolist"):  # pyarrow; pandas and polars; arrays of pandas
        if hasattr(data, method):
            return list(getattr(data, method)())
    if not isinstance(data, Iterable):
        lazy = "; call .collect() on it first" if hasattr(data, "collect") else ""
        raise InputError(f"expected a list of {what}, found {type(data).__name__}{lazy}")
    return list(data)


def as_array(data: Any, called: str) -> NDArray[Any]:
    """An array of what has the shape of one, whatever is in it.

    Raises:
        InputError: rows of several lengths, or masked values, which an array forgets.
    """
    if isinstance(data, np.ma.MaskedArray):
        if np.ma.getmaskarray(data).any():
            raise InputError(f"{called} holds masked values: fill them, as data.filled(value) does")
        return np.asarray(data.data)
    try:
        return np.asarray(data.detach().cpu() if _is_tensor(data) else data)
    except (ValueError, TypeError, RuntimeError, OverflowError) as error:
        raise InputError(f"{called} cannot be read as an array: {error}") from None


def _is_tensor(data: Any) -> bool:
    return hasattr(data, "detach") and hasattr(data, "cpu")
