"""The column of times: found or refused, never overlooked; and read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from unrolled.data.frequency import stamp
from unrolled.data.table import Column, Table, TimeStyle, listed
from unrolled.data.time_numbers import number_style, read_numbers
from unrolled.data.time_parts import is_clock
from unrolled.data.timestamps import MixedZonesError, are_timestamps, parse_timestamps
from unrolled.errors import InputError

__all__ = ["TIME_NAMES", "infer_time", "is_time", "read_times", "refuse_unread_times"]

TIME_NAMES = {
    "time", "times", "date", "datetime", "timestamp", "ds", "year", "month", "day", "hour", "step", "t", "week", "quarter",
    "period", "date_time", "ts", "epoch", "unix", "datum", "zeit", "zeitstempel", "zeitpunkt", "jahr", "monat", "tag", "stunde",
    "woche", "quartal", "fecha", "data", "mois", "annee",
}  # fmt: skip
TIME_WORDS = ("time", "date", "stamp", "epoch", "unix", "yyyymm", "datum", "zeit", "month", "period")


def infer_time(table: Table, free: Mapping[str, Column], notes: list[str]) -> str | None:
    """The column of times among those without a role, None where there is none.

    Raises:
        InputError: several would do.
    """
    if table.like.time in free:
        notes.append(f"time is {table.like.time!r}, the index of the frame")
        return table.like.time
    ways = (
        lambda name, column: column.kind == "time",
        lambda name, column: _is_text_of_times(column),
        _is_number_of_times,
        lambda name, column: _is_whole(column) and name.lower() in TIME_NAMES,
        # of this name and not understood: reading it will say why
        lambda name, column: column.kind == "text" and name.lower() in TIME_NAMES and not is_clock(column),
    )
    found = next(filter(None, ([name for name, column in free.items() if way(name, column)] for way in ways)), [])
    if len(found) > 1:
        raise InputError(f"{table.source}: several columns could be the time: {listed(found)}; name one with time=")
    if not found:
        return None
    notes.append(f"time is {found[0]!r}")
    return found[0]


def is_time(name: str, column: Column) -> bool:
    """Whether a column holds the time of its row, by its values or by its name."""
    if column.kind == "text":
        return is_clock(column) or _is_text_of_times(column)
    whole = column.values.dtype.kind == "i"
    return column.kind == "time" or (whole and name.lower() in TIME_NAMES) or _is_number_of_times(name, column)


def _is_text_of_times(column: Column) -> bool:
    return column.kind == "text" and are_timestamps([text for text in column.values.tolist() if text is not None])


def _is_number_of_times(name: str, column: Column) -> bool:
    lower = name.lower()
    named = lower in TIME_NAMES or lower.endswith("_at") or any(word in lower for word in TIME_WORDS)
    return number_style(column, named=named) is not None


def _is_whole(column: Column) -> bool:
    """Whether a column holds whole numbers and nothing else."""
    values = column.values
    return values.dtype.kind == "i" or (
        values.dtype.kind == "f" and len(values) > 0 and bool((np.floor(values) == values).all())
    )


def refuse_unread_times(table: Table, free: Mapping[str, Column], series: str | None) -> None:
    """Raise an InputError where a text may be the time and was not understood, so that no order of rows is made up.

    Such is a text that differs in every row, or in every row of each series.
    """
    texts = {name: column for name, column in free.items() if column.kind == "text" and any(_given(column))}
    groups = table.columns[series].values.tolist() if series is not None else [None] * table.rows
    for name, column in texts.items():
        if len(table.columns) == 1 and table.file is not None:
            raise InputError(
                f"{table.source} has one column, {name!r}, of text such as {column.written(0)}; expected fields with a comma,"
                " semicolon or tab between them"
            )
        if is_clock(column):
            raise InputError(
                f"{table.label(name)} holds times of the day and no column the days; add a column of dates, or write both as"
                " 2024-01-31 12:00"
            )
        pairs = list(zip(groups, column.values.tolist(), strict=True))
        if len(set(pairs)) == len(pairs) > 1:
            raise InputError(
                f"{table.label(name)} holds a text of its own in every row, such as {column.written(0)}: if these are the times,"
                " write them as 2024-01-31, or name the column with time= and say how they are written with time_format=; if"
                " not, leave the column out"
            )


def _given(column: Column) -> Sequence[Any]:
    return [text for text in column.values.tolist() if text is not None]


def read_times(
    table: Table, name: str, format: str = "", known: TimeStyle | None = None
) -> tuple[npt.NDArray[Any], TimeStyle, list[str]]:
    """Return the time column as ``datetime64[us]`` or int64 [rows], how it was written, and notes on that.

    Args:
        format: as the user says it.
        known: how the times were written that a model learned from.

    Raises:
        InputError: a cell is blank, is no time, or is in another time zone than those before; its row is named.
    """
    column = table.columns[name]
    if format and (column.kind == "time" or column.values.dtype.kind == "f"):
        raise InputError(f"{table.label(name)} holds {column.kind}s, not text, for which time_format= says nothing")
    if column.kind == "text" or format:
        return _parse(table, name, column, format, known)
    if column.kind == "time":
        _refuse_blank(table, name, np.isnat(column.values))
        return column.values, column.style or TimeStyle("datetime"), []
    return _read_numbers(table, name, known)


def _refuse_blank(table: Table, name: str, blank: npt.NDArray[np.bool_]) -> None:
    if blank.any():
        raise table.cell_error(int(np.argmax(blank)), name, "the time is missing; fill it or remove the row")


def _read_numbers(table: Table, name: str, known: TimeStyle | None) -> tuple[npt.NDArray[Any], TimeStyle, list[str]]:
    column, numbers = table.columns[name], table.numbers(name, "time")
    _refuse_blank(table, name, np.isnan(numbers))
    broken = np.flatnonzero((numbers != np.floor(numbers)) | (np.abs(numbers) >= 2**63))
    if len(broken):
        row = int(broken[0])
        raise table.cell_error(row, name, f"found {column.written(row)}, expected a time stamp or an integer")
    integers = column.values.astype(np.int64)
    style = known if known is not None and known.kind == "integer" else number_style(column, named=True)
    if style is None or not style.format:
        return integers, TimeStyle("integer"), []
    try:
        times = read_numbers(integers, style)
    except ValueError as error:
        reason, row = error.args
        raise table.cell_error(row, name, f"found {column.written(row)}: {reason}") from None
    return times, style, [f"{name!r} is read as a time: {integers[0]} is {stamp(times[0])}"]


def _parse(
    table: Table, name: str, column: Column, format: str, known: TimeStyle | None
) -> tuple[npt.NDArray[Any], TimeStyle, list[str]]:
    cells = column.values.tolist() if column.kind == "text" or column.texts is None else column.texts
    texts: list[Any] = [None if cell is None else str(cell) for cell in cells]
    if None in texts:
        raise table.cell_error(texts.index(None), name, "the time is missing; fill it or remove the row")
    try:
        times, style = parse_timestamps(texts, format, known)
    except MixedZonesError as error:
        raise table.cell_error(error.row, name, f"{error}; convert all of them to one zone, such as UTC") from None
    except InputError:
        raise
    except ValueError as error:
        reason, row = error.args
        raise table.cell_error(row, name, f"found {column.written(row)}: {reason}") from None
    if column.texts is None and column.kind == "number":
        style = replace(style, kind="integer")
    if format or not style.format:
        return times, style, []
    return times, style, [f"{name!r} is read as {style.format}: {column.written(0)} is {stamp(times[0])}"]
