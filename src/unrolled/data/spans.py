"""Spans of time in steps: ``6``, ``"12h"``, ``"1d"``, a timedelta."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import numpy as np

from unrolled.data.frequency import Frequency
from unrolled.errors import InputError

__all__ = ["check_span", "steps_of"]

SPAN = re.compile(r"(\d+(?:\.\d+)?) ?(s|min|h|d|w)", re.ASCII)
SECONDS = {"s": 1, "min": 60, "h": 3600, "d": 86_400, "w": 604_800}


def check_span(name: str, value: Any) -> int | str:
    """Return a span as a model file can hold it: steps, or a text such as ``"12h"``.

    Raises:
        InputError: it is no span; the message names the argument.

    >>> check_span("merge", timedelta(days=1))
    '86400s'
    """
    if isinstance(value, timedelta | np.timedelta64):
        value = f"{np.timedelta64(value) / np.timedelta64(1, 's'):g}s"
    if isinstance(value, int | np.integer) and not isinstance(value, bool) and value >= 1:
        return int(value)
    if isinstance(value, str) and SPAN.fullmatch(value):
        return value
    raise InputError(
        f"{name} is {value!r}, expected steps (a whole number from 1) or a span such as '30min', '12h', '1d'"
    )


def steps_of(name: str, span: int | str, frequency: Frequency) -> int:
    """Return a span in steps, rounded, at least 1.

    Raises:
        InputError: a span of time, but the steps are not of a fixed length.

    >>> steps_of("merge", "1d", Frequency("min", 30))
    48
    """
    if isinstance(span, int):
        return span
    length = frequency.seconds
    if length is None:
        raise InputError(
            f"{name} is {span!r}, but the data has {frequency}, not of a fixed length: give a number of steps"
        )
    number, unit = SPAN.fullmatch(span).groups()  # pyright: ignore[reportOptionalMemberAccess], checked before
    return max(1, round(float(number) * SECONDS[unit] / length))
