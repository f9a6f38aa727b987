"""Time stamps written as text or in digits: recognised, read and written back in the same format."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from unrolled.data.table import TimeStyle
from unrolled.data.time_formats import TimeFormat, find_formats, parse_format

__all__ = ["MixedZonesError", "are_timestamps", "is_timestamp", "parse_timestamps", "write_timestamps"]

PATTERN = re.compile(
    r"(?P<date>\d{4}(?P<dash>[-/])\d{1,2}(?:(?P=dash)\d{1,2})?)"
    r"(?:(?P<between>[T ])(?P<time>\d{1,2}:\d{2}(?P<seconds>:\d{2}(?P<fraction>[.,]\d{1,9})?)?)"
    r"(?P<zone>Z| ?UTC| ?GMT| ?[+-]\d{2}(?::?\d{2})?)?)?",
    re.ASCII,
)
ZONED = re.compile(
    r"(?P<rest>.*:\d{2}(?:[.,]\d+)?(?: ?[AaPp]\.?[Mm]\.?)?)(?P<zone> ?(?:Z|UTC|GMT|[+-]\d{2}(?::?\d{2})?))", re.ASCII
)
MOST_LOOKED_AT = 500  # texts, to see whether they are times at all
UNITS = ("M", "D", "m", "s", "us")
EXPECTED = "expected a time such as 1949-01, 1949-01-31 or 2020-01-01T12:30:00Z"


class MixedZonesError(ValueError):
    """Two rows are in different time zones; ``row`` is the first that differs from the rows before."""

    def __init__(self, row: int, zone: str, expected: str) -> None:
        super().__init__(f"its time zone is {zone or 'not given'}, in the rows before it is {expected or 'not given'}")
        self.row = row


def is_timestamp(text: str) -> bool:
    """Whether a text is a time stamp that begins with the year, as ISO 8601 writes it.

    >>> [is_timestamp(text) for text in ("1949-01", "1949/1/31", "2020-01-01T12:30:00.5Z", "12.5.2020")]
    [True, True, True, False]
    """
    return PATTERN.fullmatch(text.strip()) is not None


def are_timestamps(texts: Sequence[str]) -> bool:
    """Whether most of the texts are time stamps of one form, whatever the order of day and month.

    >>> are_timestamps(["31.1.2020", "28.2.2020", "total"]), are_timestamps(["Q1 2005"]), are_timestamps(["north"])
    (True, True, False)
    """
    distinct = list(dict.fromkeys(texts))
    distinct = distinct[:: len(distinct) // MOST_LOOKED_AT + 1]
    return bool(distinct) and (_mostly_iso(distinct) or bool(find_formats([_split_zone(text)[0] for text in distinct])))


def parse_timestamps(
    texts: Sequence[str], given_format: str = "", known: TimeStyle | None = None
) -> tuple[npt.NDArray[Any], TimeStyle]:
    """Return the stamps as ``datetime64[us]``, on the clock they were written in, and how they were written.

    Args:
        texts: in the order of the rows.
        given_format: the format they are in, if the user gave one.
        known: how the times were written that a model learned from; tried first.

    Raises:
        ValueError: with the row as ``args[1]``: no time, no such time, or day and month could be either way round.
        MixedZonesError: rows in different time zones, or some without.
        InputError: ``given_format`` is no format.
    """
    distinct = list(dict.fromkeys(texts))  # the series of a panel share theirs
    if not given_format and _mostly_iso(distinct):
        return _parse_iso(texts, distinct)
    pairs = [_split_zone(text) for text in distinct]
    zone = pairs[0][1]
    other = next((i for i, pair in enumerate(pairs) if pair[1] != zone), None)
    if other is not None:
        raise MixedZonesError(texts.index(distinct[other]), pairs[other][1].strip(), zone.strip())
    bare = {text: pair[0] for text, pair in zip(distinct, pairs, strict=True)}
    format = (
        parse_format(given_format)
        if given_format
        else _known_format(known, list(bare.values())) or _found_format(texts, bare)
    )
    style = TimeStyle("text", suffix=zone, format=format.text, months=format.months)
    return _placed(texts, distinct, lambda text: format.read(bare[text])), style


def _mostly_iso(distinct: Sequence[str]) -> bool:
    return 2 * sum(map(is_timestamp, distinct)) >= len(distinct)


def _split_zone(text: str) -> tuple[str, str]:
    """A text without its time zone, and the zone."""
    found = ZONED.fullmatch(text.strip())
    return (found["rest"], found["zone"]) if found else (text.strip(), "")


def _known_format(known: TimeStyle | None, texts: Sequence[str]) -> TimeFormat | None:
    if known is None or not known.format or known.kind != "text":
        return None
    format = TimeFormat(known.format, known.months)
    return format if all(map(format.matches, texts)) else None


def _found_format(texts: Sequence[str], bare: dict[str, str]) -> TimeFormat:
    """The one format the texts are in.

    Raises:
        ValueError: there is none, or it is not clear which.
    """
    formats = find_formats(list(bare.values()))
    if not formats:
        raise ValueError(f"{EXPECTED}, or say how it is written with time_format=", 0)
    chosen = formats[0] if len(formats) == 1 else _conventional(formats, list(bare.values()))
    if chosen is None:
        row, readings = _disagreement(texts, bare, formats)
        raise ValueError(
            f"it could be {' or '.join(readings)}; say which with time_format={formats[0].text!r} or"
            f" {formats[1].text!r}, or write it as 2020-01-31",
            row,
        )
    if set(re.findall("%[A-Za-z]", chosen.text)) == {"%b", "%y"} and _same_months(texts):
        raise ValueError(
            f"its number could be a year or a day; say that it is a year with time_format={chosen.text!r}, or write days as"
            " 2020-01-31",
            0,
        )
    return chosen


def _conventional(formats: Sequence[TimeFormat], texts: Sequence[str]) -> TimeFormat | None:
    """Of formats that all would do the one that convention prefers, None where it prefers none.

    Between points the day comes first. A year of two digits comes last, unless that spreads days over decades.
    """
    by_order = {"".join(re.findall("[dmYyb]", format.text)): format for format in formats}
    orders = set(by_order)
    if "." in formats[0].text and any(order.startswith("dm") for order in orders):
        orders = {order for order in orders if not order.startswith("md")}
    if "ymd" in orders and len(orders) == 2:
        (year_last,) = orders - {"ymd"}
        if _span(by_order[year_last], texts) <= 10 * _span(by_order["ymd"], texts):
            orders = {year_last}
    return by_order[orders.pop()] if len(orders) == 1 else None


def _span(format: TimeFormat, texts: Sequence[str]) -> float:
    moments: list[datetime] = []
    for text in texts:
        try:
            moments.append(format.read(text))
        except ValueError:
            continue
    return (max(moments) - min(moments)).total_seconds()


def _disagreement(texts: Sequence[str], bare: dict[str, str], formats: Sequence[TimeFormat]) -> tuple[int, list[str]]:
    """The first row that two formats read differently, and how each does."""
    for row, text in enumerate(texts):
        try:
            readings = [format.read(bare[text]).date().isoformat() for format in formats[:2]]
        except ValueError:
            continue
        if readings[0] != readings[1]:
            return row, readings
    raise AssertionError("formats that read all texts alike are one")


def _same_months(texts: Sequence[str]) -> bool:
    """Whether most rows have the same word as those before, as days of a month do."""
    words = [re.sub(r"[\W\d]", "", text) for text, after in pairwise([*texts, ""]) if text != after]
    return 2 * sum(a == b for a, b in pairwise(words)) > len(words) - 1 > 0


def _placed(texts: Sequence[str], distinct: Sequence[str], read: Callable[[str], datetime]) -> npt.NDArray[Any]:
    moments: dict[str, datetime] = {}
    for text in distinct:
        try:
            moments[text] = read(text)
        except (ValueError, OverflowError) as error:
            raise ValueError(str(error.args[0]), texts.index(text)) from None
    places = {text: i for i, text in enumerate(distinct)}
    times = np.array(list(moments.values()), "datetime64[us]")
    return times[[places[text] for text in texts]]


def _parse_iso(texts: Sequence[str], distinct: Sequence[str]) -> tuple[npt.NDArray[Any], TimeStyle]:
    parts = {text: _parts(text, texts) for text in distinct}
    first = parts[distinct[0]]
    zone = first["zone"]
    other = next((text for text in distinct if parts[text]["zone"] != zone), None)
    if other is not None:
        raise MixedZonesError(texts.index(other), parts[other]["zone"].strip(), zone.strip())
    if all(map(_spans_two_years, parts.values())) and len(parts) > 2:
        raise ValueError(
            "it could be a month, or a year that begins in one and ends in the next; write 2011-12-01, or 2011", 0
        )
    times = _placed(texts, distinct, lambda text: _moment(parts[text]))
    unit = UNITS[max(UNITS.index(_unit(part)) for part in parts.values())]
    first_with_time = next((part["between"] for part in parts.values() if part["between"]), "T")
    return times, TimeStyle("text", unit, (first["dash"], first_with_time), zone)


def _parts(text: str, texts: Sequence[str]) -> dict[str, str]:
    match = PATTERN.fullmatch(text.strip())
    if match is None:
        raise ValueError(EXPECTED, texts.index(text))
    return match.groupdict(default="")


def _spans_two_years(part: dict[str, str]) -> bool:
    """Whether a date looks like 2011/12, of which the second number is the year after the first."""
    year, *rest = (int(number) for number in part["date"].split(part["dash"]))
    return rest == [(year + 1) % 100]


def _unit(part: dict[str, str]) -> str:
    if part["time"]:
        return "us" if part["fraction"] else "s" if part["seconds"] else "m"
    return "D" if part["date"].count(part["dash"]) == 2 else "M"


def _moment(part: dict[str, str]) -> datetime:
    day = [int(number) for number in part["date"].split(part["dash"])]
    clock = [int(number) for number in part["time"].removesuffix(part["fraction"]).split(":") if number]
    fraction = part["fraction"][1:].ljust(6, "0")
    if any(fraction[6:].strip("0")):
        raise ValueError("time is finer than a microsecond")
    year, month, date, *_ = *day, 1
    hour, minute, second, *_ = *clock, 0, 0, 0
    return datetime(year, month, date, hour, minute, second, int(fraction[:6]))


def write_timestamps(times: npt.NDArray[Any], style: TimeStyle) -> list[str]:
    """Return stamps as text in the format of ``style``.

    >>> times, style = parse_timestamps(["1949/11", "1949/12"])
    >>> write_timestamps(times + np.timedelta64(31, "D"), style)
    ['1949/12', '1950/01']
    >>> times, style = parse_timestamps(["30.12.1949", "31.12.1949"])
    >>> write_timestamps(times + np.timedelta64(2, "D"), style)
    ['01.01.1950', '02.01.1950']
    """
    if style.format:
        format = TimeFormat(style.format, style.months)
        moments: list[datetime] = times.astype("datetime64[us]").tolist()
        return [format.write(moment) + style.suffix for moment in moments]
    dash, between = style.separators
    texts: list[str] = np.datetime_as_string(times.astype(f"datetime64[{style.unit}]")).tolist()
    return [text.replace("-", dash).replace("T", between) + style.suffix for text in texts]
