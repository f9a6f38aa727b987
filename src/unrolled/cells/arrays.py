"""The types of arrays, and the checks every function of the reference mathematics makes on them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.errors import InputError

__all__ = ["Arrays", "FloatArray", "States", "check_dtypes", "check_names", "check_shapes"]

FloatArray = NDArray[Any]
"""An array of float16, float32, float64 or longdouble; results keep the dtype of their inputs."""

Arrays = dict[str, FloatArray]
"""Arrays by name."""

States = tuple[FloatArray, ...]
"""The states of a cell, each ``[B, H]``: ``(h,)`` or ``(h, c)``."""


def check_dtypes(arrays: Mapping[str, object]) -> None:
    """Every argument is an array, and all have one and the same float dtype."""
    first, dtype = "", None
    for name, array in arrays.items():
        if not isinstance(array, np.ndarray):
            raise InputError(f"{name} is a {type(array).__name__}, expected a NumPy array")
        if dtype is None:
            first, dtype = name, array.dtype
        if not np.issubdtype(array.dtype, np.floating):
            raise InputError(f"{name} has dtype {array.dtype}, expected a float dtype")
        if array.dtype != dtype:
            raise InputError(f"{name} has dtype {array.dtype}, but {first} has {dtype}: all must be the same")


def check_names(what: str, given: Mapping[str, object], expected: Mapping[str, object]) -> None:
    """The names given are exactly the names expected; the message lists all that are missing or unknown."""
    missing = [name for name in expected if name not in given]
    unknown = [name for name in given if name not in expected]
    if missing or unknown:
        wrong = [f"{kind} {', '.join(names)}" for kind, names in (("missing", missing), ("unknown", unknown)) if names]
        raise InputError(f"{what}: {'; '.join(wrong)}; expected exactly {', '.join(expected)}")


def check_shapes(arrays: Mapping[str, FloatArray], expected: Mapping[str, tuple[int, ...]], why: str) -> None:
    """Every array has its expected shape; the message lists all that have not."""
    wrong = [
        f"{name} has shape {arrays[name].shape}, expected {shape}"
        for name, shape in expected.items()
        if arrays[name].shape != shape
    ]
    if wrong:
        raise InputError(f"{'; '.join(wrong)} ({why})")
