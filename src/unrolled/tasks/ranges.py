"""What a parameter that is a count, a share or a rate may be: said once, for the estimators and the command line."""

from __future__ import annotations

import math
from dataclasses import dataclass

from unrolled.errors import InputError

__all__ = ["RANGES", "Range", "check_ranges"]


@dataclass(frozen=True)
class Range:
    """Numbers from ``low`` to ``high``; an open end is not among them.

    >>> print(Range(1), Range(0, 1, open_high=True), Range(0, open_low=True), Range(0, 0.8, open_low=True), sep="; ")
    at least 1; from 0 to below 1; above 0; above 0, at most 0.8
    >>> 1.0 in Range(0, 1, open_high=True), 0.0 in Range(0, 1), float("nan") in Range(0)
    (False, True, False)
    """

    low: float
    high: float = math.inf
    open_low: bool = False
    open_high: bool = False

    def __contains__(self, value: float) -> bool:
        above = value > self.low if self.open_low else value >= self.low
        return above and value < math.inf and (value < self.high if self.open_high else value <= self.high)

    def __str__(self) -> str:
        low, high = f"{self.low:g}", f"{self.high:g}"
        if math.isinf(self.high):
            return f"above {low}" if self.open_low else f"at least {low}"
        if self.open_low:
            return f"above {low}, {'below' if self.open_high else 'at most'} {high}"
        return f"from {low} to {'below ' if self.open_high else ''}{high}"


COUNT, SHARE, POSITIVE = Range(1), Range(0, 1, open_high=True), Range(0, open_low=True)

RANGES = {
    "hidden_size": COUNT,
    "num_layers": COUNT,
    "members": COUNT,
    "max_epochs": COUNT,
    "patience": COUNT,
    "batch_size": COUNT,
    "input_window": COUNT,
    "horizon": COUNT,
    "season_length": COUNT,
    "seasons": Range(2),
    "code_size": COUNT,
    "min_count": COUNT,
    "embedding_size": COUNT,
    "character_size": Range(0),
    "warmup": Range(0),
    "learning_rate": POSITIVE,
    "clip_norm": POSITIVE,
    "dropout": SHARE,
    "token_dropout": SHARE,
    "weight_decay": SHARE,
    "oldest_weight": Range(0, 1, open_low=True),
    "validation_fraction": Range(0, 0.5),
    "calibration_fraction": Range(0, 0.8, open_low=True),
    "threshold": Range(0),
}


def check_ranges(**values: float | None) -> None:
    """Check parameters by name; None is one that was not given.

    >>> check_ranges(hidden_size=0)
    Traceback (most recent call last):
    unrolled.errors.InputError: hidden_size is 0, expected at least 1
    """
    for name, value in values.items():
        if value is not None and value not in RANGES[name]:
            raise InputError(f"{name} is {value!r}, expected {RANGES[name]}")
