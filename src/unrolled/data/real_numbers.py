"""Real numbers of any type as floats of 64 bits."""

from __future__ import annotations

import math
from typing import Any

__all__ = ["nearest_float"]


def nearest_float(value: Any) -> float:
    """A real number as the nearest float; a whole one too large for any is infinite, as ``1e999`` is.

    >>> nearest_float(3), nearest_float(-(10**400))
    (3.0, -inf)
    """
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf
