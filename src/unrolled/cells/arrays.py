"""The types of arrays, and the checks every function of the reference mathematics makes on them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.errors import InputError

__all__ = ["FloatArray", "check_dtypes", "check_names", "check_shapes"]

FloatArray = NDArray[np.floating[Any]]
"""An array of float16, float32, float64 or longdouble; results keep the dtype of their inputs."""


def check_dtypes(arrays: Mapping[str, FloatArray]) -> None:
    """Every array has one and the same float dtype."""
    first, dtype = next((name, array.dtype) for name, array in arrays.items())
    for name, array in arrays.items():
        if not np.issubdtype(array.dtype, np.floating):
            raise InputError(
                f"{name} has dtype {array.dtype}, expected a float dtype; convert it, say with .astype('f8')"
            )
        if array.dtype != dtype:
            raise InputError(
                f"{name} has dtype {array.dtype} and {first} has {dtype}; all arrays must have the same dtype"
            )


def check_names(what: str, given: Mapping[str, object], expected: Mapping[str, object]) -> None:
    """The names given are exactly the names expected; the message lists all that are missing or unknown."""
    missing = [name for name in expected if name not in given]
    unknown = [name for name in given if name not in expected]
    if missing or unknown:
        raise InputError(f"{what}: missing {missing}, unknown {unknown}; expected exactly {list(expected)}")


def check_shapes(arrays: Mapping[str, FloatArray], expected: Mapping[str, tuple[int, ...]], why: str) -> None:
    """Every array has its expected shape; the message lists all that have not."""
    wrong = [
        f"{name} has shape {arrays[name].shape}, expected {shape}"
        for name, shape in expected.items()
        if arrays[name].shape != shape
    ]
    if wrong:
        raise InputError(f"{'; '.join(wrong)} ({why})")
