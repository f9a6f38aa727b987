"""Ranges of numbers, as parameters and command-line options have them."""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = ["COUNT", "POSITIVE", "SHARE", "Range"]


@dataclass(frozen=True)
class Range:
    """Numbers from ``low`` to ``high``; an open end is not among them.

    >>> print(Range(1), Range(0, 1, open_high=True), Range(0, open_low=True), Range(0, 0.8, open_low=True), sep="; ")
    at least 1; from 0 to below 1; above 0; above 0, at most 0.8
    >>> 1.0 in Range(0, 1, open_high=True), 0.0 in Range(0, 1), float("nan") in Range(0)
    (False, True, False)
    >>> "1" in Range(0), None in Range(0)
    (False, False)
    """

    low: float
    high: float = math.inf
    open_low: bool = False
    open_high: bool = False

    def __contains__(self, value: float) -> bool:
        try:
            above = value > self.low if self.open_low else value >= self.low
        except TypeError:  # no number
            return False
        return above and value < math.inf and (value < self.high if self.open_high else value <= self.high)

    def __str__(self) -> str:
        low, high = f"{self.low:g}", f"{self.high:g}"
        if math.isinf(self.high):
            return f"above {low}" if self.open_low else f"at least {low}"
        if self.open_low:
            return f"above {low}, {'below' if self.open_high else 'at most'} {high}"
        return f"from {low} to {'below ' if self.open_high else ''}{high}"


COUNT, SHARE, POSITIVE = Range(1), Range(0, 1, open_high=True), Range(0, open_low=True)
