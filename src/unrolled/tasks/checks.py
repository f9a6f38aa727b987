"""Checks of parameters: what one is, and what it may be."""

from __future__ import annotations

from typing import Any

import numpy as np

from unrolled.errors import InputError

__all__ = ["check_count", "plain", "require"]


def check_count(name: str, value: object) -> int:
    """Return a whole number of at least 1, or raise an InputError that names the argument."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise InputError(f"{name} is {value!r}, expected a whole number of at least 1")
    return int(value)


def plain(value: Any) -> Any:
    """Turn NumPy's numbers into Python's own."""
    return value.item() if isinstance(value, np.generic) else value


def require(name: str, value: object, holds: bool, expected: str) -> None:
    """Raise an InputError that names the parameter unless the condition holds."""
    if not holds:
        raise InputError(f"{name} is {value!r}, expected {expected}")
