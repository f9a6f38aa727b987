"""Times that stand in several columns: a day and a clock, or year, month, day and hour; joined into one."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from unrolled.data.month_names import month_numbers
from unrolled.data.table import Column, Table, TimeStyle
from unrolled.data.timestamps import are_timestamps, parse_timestamps

__all__ = ["ORDERS", "is_clock", "join_times", "part_of"]

CLOCK = re.compile(r"\d{1,2}:\d{2}(:\d{2}([.,]\d{1,9})?)?( ?[AaPp]\.?[Mm]\.?)?", re.ASCII)
PARTS: dict[str, tuple[set[str], range]] = {  # names, and what the numbers may be
    "year": ({"year", "yr", "yyyy", "jahr", "annee", "année", "anno", "año", "ano"}, range(1000, 3000)),
    "quarter": ({"quarter", "qtr", "quartal", "trimestre"}, range(1, 5)),
    "month": ({"month", "mon", "mm", "monat", "mois", "mese", "mes"}, range(1, 13)),
    "week": ({"week", "woche", "kw", "semaine", "isoweek"}, range(1, 54)),
    "day": ({"day", "dd", "tag", "jour", "dia", "giorno", "mday"}, range(1, 32)),
    "hour": ({"hour", "hh", "hr", "stunde", "heure", "hora", "ora"}, range(24)),
    "minute": ({"minute", "min", "minutes"}, range(60)),
}
ORDERS = (
    ("year", "month", "day", "hour", "minute"), ("year", "month", "day", "hour"), ("year", "month", "day"),
    ("year", "month"), ("year", "quarter"), ("year", "week"),
)  # fmt: skip
_STYLES = {
    "minute": TimeStyle("text", "m", ("-", " ")),
    "hour": TimeStyle("text", "m", ("-", " ")),
    "day": TimeStyle("text", "D"),
    "month": TimeStyle("text", "M"),
    "quarter": TimeStyle("text", format="%YQ%q"),
    "week": TimeStyle("text", format="%G-W%V"),
}


def join_times(table: Table, time: str | None, taken: Sequence[str] = ()) -> tuple[Table, str | None, list[str]]:
    """A table whose times are in one column, the name of that column if there were several, and a sentence about it.

    Args:
        table: as it was read.
        time: the column the user names; a name such as ``"date time"`` is that of two columns.
        taken: the columns that are for something else.
    """
    claimed = set(taken)
    free = {name: column for name, column in table.columns.items() if name not in claimed}
    parts = _parts(table, free, time)
    column = _joined(free, parts)
    if column is None:
        return table, time, []
    name = " ".join(parts)
    columns = {
        (name if old == parts[0] else old): (column if old == parts[0] else kept)
        for old, kept in table.columns.items()
        if old not in parts[1:]
    }
    together = ", ".join(map(repr, parts[:-1])) + f" and {parts[-1]!r}"
    return replace(table, columns=columns), name, [f"time is {together} together"]


def _parts(table: Table, free: Mapping[str, Column], time: str | None) -> tuple[str, ...]:
    """The columns that make up the time, none if it is a single one."""
    if time is not None and time not in table.columns:
        return _named(time, free)
    clocks = [name for name, column in free.items() if is_clock(column)]
    days = [name for name, column in free.items() if _is_day(column)]
    if time is not None:
        days = [time] if _is_day(table.columns[time]) else []
    if len(days) == 1:
        hours = [name for name, column in free.items() if part_of(name, column) == "hour"]
        clocks = clocks or (hours if _repeats(table.columns[days[0]]) else [])
        return (days[0], clocks[0]) if len(clocks) == 1 else ()
    if days or time is not None or table.like.time in free:
        return ()
    if any(_is_moment(column) for column in free.values()):
        return ()
    found: dict[str, str] = {}
    for name, column in free.items():
        if (part := part_of(name, column)) is not None:
            found.setdefault(part, name)
    return next((tuple(found[part] for part in order) for order in ORDERS if set(order) <= set(found)), ())


def _named(time: str, free: Mapping[str, Column]) -> tuple[str, ...]:
    """The columns whose names, with spaces between, are ``time``."""
    for name in free:
        if time.startswith(f"{name} "):
            rest = time[len(name) + 1 :]
            others = (rest,) if rest in free else _named(rest, {n: c for n, c in free.items() if n != name})
            if others:
                return (name, *others)
    return ()


def is_clock(column: Column) -> bool:
    """Whether a column holds times of the day alone."""
    texts = _given(column)
    return bool(texts) and all(CLOCK.fullmatch(text.strip()) for text in texts)


def part_of(name: str, column: Column) -> str | None:
    """Which part of a date a column of whole numbers holds, by its name: ``year``, ``month``, …"""
    for part, (names, numbers) in PARTS.items():
        if name.strip().lower() in names:
            if column.kind == "text":
                words = [text.strip() for text in _given(column)]
                return part if part == "month" and len(words) == len(column.values) and month_numbers(words) else None
            whole = column.values.dtype.kind == "i" and len(column.values) > 0
            inside = whole and column.values.min() in numbers and column.values.max() in numbers
            return part if inside else None
    return None


def _given(column: Column) -> list[str]:
    return [text for text in column.values.tolist() if text is not None] if column.kind == "text" else []


def _is_day(column: Column) -> bool:
    """Whether a column holds dates, all without a time of the day."""
    if column.kind == "time":
        times = column.values[~np.isnat(column.values)]
        return bool(len(times)) and bool((times == times.astype("datetime64[D]")).all()) and _zoneless(column)
    texts = _given(column)
    return bool(texts) and not any(":" in text for text in texts) and are_timestamps(texts)


def _zoneless(column: Column) -> bool:
    return column.style is None or column.style.zone is None


def _is_moment(column: Column) -> bool:
    return column.kind == "time" or are_timestamps(_given(column))


def _repeats(column: Column) -> bool:
    values = column.values.tolist()
    return len(set(values)) < len(values)


def _joined(free: Mapping[str, Column], parts: Sequence[str]) -> Column | None:
    """The column of the parts together, None if they are none."""
    if len(parts) < 2:
        return None
    day, others = free[parts[0]], [free[name] for name in parts[1:]]
    if part_of(parts[0], day) == "year":
        kinds = [part_of(name, free[name]) for name in parts]
        return _of_numbers({kind: free[name] for kind, name in zip(kinds, parts, strict=True) if kind is not None})
    if len(others) > 1 or not _is_day(day) or not (is_clock(others[0]) or part_of(parts[1], others[0]) == "hour"):
        return None
    clocks = [_clock_text(cell) for cell in others[0].values.tolist()]
    if day.kind == "time":
        return _on_days(day, clocks)
    pairs = zip(day.values.tolist(), clocks, strict=True)
    texts = [None if a is None or b is None else f"{a.strip()} {b}" for a, b in pairs]
    return Column(np.array(texts, dtype=object), texts)


def _clock_text(cell: Any) -> str | None:
    return cell.strip() if isinstance(cell, str) else None if cell is None else f"{cell:02d}:00"


def _on_days(day: Column, clocks: Sequence[str | None]) -> Column:
    """Days of a frame with the times of the day that stand beside them as text."""
    given = [text for text in clocks if text is not None]
    moments, _ = parse_timestamps([f"1970-01-01 {text}" for text in given])
    spans = dict(zip(given, moments.astype(np.int64).tolist(), strict=True))
    added = np.array([0 if text is None else spans[text] for text in clocks]).astype("timedelta64[us]")
    blank = np.array([text is None for text in clocks])
    return Column(np.where(blank, np.datetime64("NaT", "us"), day.values + added), style=TimeStyle("datetime"))


def _of_numbers(parts: Mapping[str, Column]) -> Column:
    """Year, month and so on as times."""
    n = {part: _numbers(column) for part, column in parts.items()}
    months = n["month"] - 1 if "month" in n else 3 * (n["quarter"] - 1) if "quarter" in n else 0 * n["year"]
    times = ((n["year"] - 1970) * 12 + months).astype("datetime64[M]").astype("datetime64[us]")
    if "week" in n:
        fourth = times + np.timedelta64(3, "D")  # is in the first week of its year
        monday = fourth - (_weekday(fourth)).astype("timedelta64[D]")
        times = monday + (7 * (n["week"] - 1)).astype("timedelta64[D]")
    if "day" in n:
        moved = times + (n["day"] - 1).astype("timedelta64[D]")
        there = moved.astype("datetime64[M]") == times.astype("datetime64[M]")
        times = np.where(there, moved, np.datetime64("NaT", "us"))  # the 30th of February is no time
    for part, unit in (("hour", "h"), ("minute", "m")):
        if part in n:
            times = times + n[part].astype(f"timedelta64[{unit}]")
    return Column(times.astype("datetime64[us]"), style=_STYLES[list(n)[-1]])


def _numbers(column: Column) -> npt.NDArray[np.int64]:
    if column.kind != "text":
        return column.values.astype(np.int64)
    texts = [str(text).strip() for text in column.values.tolist()]
    found = month_numbers(texts)
    return np.array([found[text] for text in texts], np.int64)


def _weekday(times: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """0 for a Monday."""
    return (times.astype("datetime64[D]").astype(np.int64) + 3) % 7
