"""Time stamps written as text: recognised, read and written back in the same look."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt

from unrolled.data.table import TimeStyle

__all__ = ["MixedZonesError", "is_timestamp", "parse_timestamps", "write_timestamps"]

PATTERN = re.compile(
    r"(?P<date>\d{4}(?P<dash>[-/])\d{1,2}(?:(?P=dash)\d{1,2})?)"
    r"(?:(?P<between>[T ])(?P<time>\d{1,2}:\d{2}(?P<seconds>:\d{2}(?P<fraction>[.,]\d{1,9})?)?)"
    r"(?P<zone>Z|[+-]\d{2}(?::?\d{2})?)?)?",
    re.ASCII,
)
UNITS = ("M", "D", "m", "s", "us")


class MixedZonesError(ValueError):
    """Two rows are in different time zones; ``row`` is the first that differs from the rows before."""

    def __init__(self, row: int, zone: str, expected: str) -> None:
        super().__init__(f"its time zone is {zone or 'not given'}, in the rows before it is {expected or 'not given'}")
        self.row = row


def is_timestamp(text: str) -> bool:
    """Whether a text is a time stamp this module reads.

    >>> [is_timestamp(text) for text in ("1949-01", "1949/1/31", "2020-01-01T12:30:00.5Z", "12.5.2020")]
    [True, True, True, False]
    """
    return PATTERN.fullmatch(text.strip()) is not None


def parse_timestamps(texts: Sequence[str]) -> tuple[npt.NDArray[Any], TimeStyle]:
    """Return the stamps as ``datetime64[us]``, on the clock they were written in, and how they were written.

    Raises:
        ValueError: with the row as ``args[1]``: no such time. Ask :func:`is_timestamp` about the others first.
        MixedZonesError: rows in different time zones, or some without.
    """
    distinct = list(dict.fromkeys(texts))  # the series of a panel share theirs
    parts = [_parts(text, texts) for text in distinct]
    zone = parts[0]["zone"]
    other = next((i for i, part in enumerate(parts) if part["zone"] != zone), None)
    if other is not None:
        raise MixedZonesError(texts.index(distinct[other]), parts[other]["zone"], zone)
    places = {text: i for i, text in enumerate(distinct)}
    times = np.array([_moment(part, text, texts) for part, text in zip(parts, distinct, strict=True)], "datetime64[us]")
    unit = UNITS[max(UNITS.index(_unit(part)) for part in parts)]
    first_with_time = next((part["between"] for part in parts if part["between"]), "T")
    style = TimeStyle("text", unit, (parts[0]["dash"], first_with_time), zone)
    return times[[places[text] for text in texts]], style


def _parts(text: str, texts: Sequence[str]) -> dict[str, str]:
    match = PATTERN.fullmatch(text.strip())
    if match is None:
        raise ValueError("expected a time such as 1949-01, 1949-01-31 or 2020-01-01T12:30:00Z", texts.index(text))
    return match.groupdict(default="")


def _unit(part: dict[str, str]) -> str:
    if part["time"]:
        return "us" if part["fraction"] else "s" if part["seconds"] else "m"
    return "D" if part["date"].count(part["dash"]) == 2 else "M"


def _moment(part: dict[str, str], text: str, texts: Sequence[str]) -> datetime:
    try:
        day = [int(number) for number in part["date"].split(part["dash"])]
        clock = [int(number) for number in part["time"].removesuffix(part["fraction"]).split(":") if number]
        fraction = part["fraction"][1:].ljust(6, "0")
        if any(fraction[6:].strip("0")):
            raise ValueError("time is finer than a microsecond")
        year, month, date, *_ = *day, 1
        hour, minute, second, *_ = *clock, 0, 0, 0
        return datetime(year, month, date, hour, minute, second, int(fraction[:6]))
    except ValueError as error:
        raise ValueError(str(error), texts.index(text)) from None


def write_timestamps(times: npt.NDArray[Any], style: TimeStyle) -> list[str]:
    """Return stamps as text in the look of ``style``.

    >>> times, style = parse_timestamps(["1949/11", "1949/12"])
    >>> write_timestamps(times + np.timedelta64(31, "D"), style)
    ['1949/12', '1950/01']
    """
    dash, between = style.separators
    texts: list[str] = np.datetime_as_string(times.astype(f"datetime64[{style.unit}]")).tolist()
    return [text.replace("-", dash).replace("T", between) + style.suffix for text in texts]
