"""Checks of the arguments of methods."""

from __future__ import annotations

import numpy as np

from unrolled.errors import InputError

__all__ = ["check_count"]


def check_count(name: str, value: object) -> int:
    """Return a whole number of at least 1, or raise an InputError that names the argument."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise InputError(f"{name} is {value!r}, expected a whole number of at least 1")
    return int(value)
