"""The series of a table: their rows put in order of time, on one grid of equal steps, each value there or filled in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from unrolled.aliases import Values
from unrolled.codecs.whole_characters import check_characters
from unrolled.data.filling import fill
from unrolled.data.frequency import Frequency, check_unique, stamp
from unrolled.data.series_columns import SeriesColumns
from unrolled.data.table import Table
from unrolled.errors import InputError
from unrolled.parameters.series import Missing

__all__ = [
    "SeriesRows",
    "check_row_counts",
    "fill_column",
    "grid_times",
    "group_rows",
    "place_on_grid",
    "sort_by_time",
    "static_values",
]


MOST_ADDED = 50  # steps without a row for each row there is


@dataclass(frozen=True)
class SeriesRows:
    """The rows of one series of a table."""

    name: str
    rows: npt.NDArray[np.intp]  # of the table, in the order of time
    times: npt.NDArray[Any] | None = None  # [rows], sorted
    positions: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))  # [rows], in steps

    @property
    def length(self) -> int:
        """Steps from the first row to the last, those without a row included."""
        return int(self.positions[-1]) + 1


def group_rows(table: Table, series: str | None) -> list[SeriesRows]:
    """Return the series in the order they first appear, each with its rows as they come."""
    if series is None:
        return [SeriesRows("", np.arange(table.rows))]
    column = table.columns[series]
    cells = column.values.tolist() if column.texts is None else column.texts
    rows: dict[str, list[int]] = {}
    for row, cell in enumerate(cells):
        if cell is None or cell != cell:  # NaN
            raise table.cell_error(row, series, "the name of the series is missing; fill it or remove the row")
        rows.setdefault(str(cell), []).append(row)
    for name, found in rows.items():
        check_characters(name, f"{table.row_name(found[0])}, column {series!r}: {name!r}")
    return [SeriesRows(name, np.array(found)) for name, found in rows.items()]


def _label(table: Table, column: str, group: SeriesRows) -> str:
    return f"series {group.name!r}, {table.label(column)}" if group.name else table.label(column)


def _where(table: Table, rows: npt.NDArray[np.intp]) -> Callable[[int], str]:
    return lambda row: table.row_name(int(rows[row]))


def sort_by_time(
    table: Table, roles: SeriesColumns, groups: list[SeriesRows], times: npt.NDArray[Any], notes: list[str]
) -> list[SeriesRows]:
    """Return the series with their rows in order of time; a time that occurs twice is an InputError."""
    assert roles.time is not None
    result: list[SeriesRows] = []
    for group in groups:
        order = np.argsort(times[group.rows], kind="stable")
        rows = group.rows[order]
        where = _where(table, rows)
        check_unique(times[rows], _label(table, roles.time, group), where, several=not roles.values)
        result.append(replace(group, rows=rows, times=times[rows]))
    if any((sorted_.rows != group.rows).any() for sorted_, group in zip(result, groups, strict=True)):
        notes.append(f"the rows were not in the order of {roles.time!r} and were sorted")
    return result


def check_row_counts(table: Table, groups: list[SeriesRows], minimum_rows: int) -> None:
    """Raise an InputError that names the series with fewer rows (the first three)."""
    short = [group for group in groups if len(group.rows) < minimum_rows]
    if short:
        found = ", ".join(
            (f"series {m.name!r} has " if m.name else "") + f"{len(m.rows)} row{'s' * (len(m.rows) != 1)}"
            for m in short[:3]
        )
        more = f" and {len(short) - 3} more series have too few" if len(short) > 3 else ""
        raise InputError(f"{table.source}: {found}{more}, need at least {minimum_rows}")


def place_on_grid(
    table: Table,
    roles: SeriesColumns,
    groups: list[SeriesRows],
    frequency: Frequency | None,
    missing: Missing,
    notes: list[str],
) -> tuple[list[SeriesRows], Frequency]:
    """Put every row on the grid of one common frequency; without a column of times the rows are the grid."""
    if roles.time is None:
        return [replace(group, positions=np.arange(len(group.rows))) for group in groups], frequency or Frequency(
            "step"
        )
    if frequency is None:
        longest = max(groups, key=lambda group: len(group.rows))
        assert longest.times is not None
        frequency = Frequency.guess(longest.times, _label(table, roles.time, longest))
        notes.append(f"the frequency is {frequency}")
    placed: list[SeriesRows] = []
    absent = 0
    for group in groups:
        assert group.times is not None
        label = _label(table, roles.time, group)
        positions = frequency.positions(group.times, label, _where(table, group.rows))
        if missing == "raise":
            frequency.check_complete(positions, group.times, label)
        placed.append(replace(group, positions=positions))
        _check_gaps(table, label, placed[-1])
        absent += placed[-1].length - len(positions)
    if absent:
        notes.append(f"{absent} time steps without a row were added")
    return placed, frequency


def _check_gaps(table: Table, label: str, group: SeriesRows) -> None:
    """Raise an InputError where steps without a row by far outnumber the rows, as one wrong time makes them."""
    rows = len(group.positions)
    absent = group.length - rows
    if absent <= MOST_ADDED * rows:
        return
    assert group.times is not None
    where, before = _where(table, group.rows), int(np.argmax(np.diff(group.positions)))
    ends = [f"{stamp(group.times[row])} ({where(row)})" for row in (before, before + 1)]
    raise InputError(
        f"{label}: {absent:,} time steps have no row, more than {MOST_ADDED} for each of the {rows:,} rows; the widest gap is"
        f" from {ends[0]} to {ends[1]}: correct these times, or leave rows out"
    )


def grid_times(group: SeriesRows, frequency: Frequency) -> npt.NDArray[Any]:
    """Return the series' times with those of absent rows between them."""
    assert group.times is not None
    if group.length == len(group.times):
        return group.times
    first = group.times[:1]
    return np.concatenate([first, frequency.after(first[0], group.length - 1)]).astype(first.dtype)


def fill_column(
    table: Table, name: str, roles: SeriesColumns, groups: list[SeriesRows], missing: Missing, notes: list[str]
) -> list[Values]:
    """Return a column's values by series, on the grid, without a missing one."""
    values = table.numbers(name, roles.named[name])
    blank = np.flatnonzero(np.isnan(values))
    if len(blank):
        row = int(blank[0])
        if missing == "raise":
            more = f" ({len(blank)} such rows)" if len(blank) > 1 else ""
            raise table.cell_error(
                row,
                name,
                f"the value is missing{more}, expected a number; fill it, or choose how with missing='interpolate',"
                " 'previous' or 'zero'",
            )
        count = f"{len(blank)} missing value{'s' * (len(blank) > 1)}"
        notes.append(f"{count} of {name!r} filled by missing={missing!r}, the first in {table.row_name(row)}")
    return [_on_grid(table, name, values, group, missing) for group in groups]


def _on_grid(table: Table, name: str, values: Values, group: SeriesRows, missing: Missing) -> Values:
    grid = np.full(group.length, np.nan)
    grid[group.positions] = values[group.rows]
    try:
        return fill(grid, missing)
    except InputError as error:
        raise InputError(f"{_label(table, name, group)}: {error}") from None


def static_values(table: Table, name: str, groups: list[SeriesRows]) -> list[float]:
    """Return a column's one number for each series."""
    values = table.numbers(name, "static")
    result: list[float] = []
    for group in groups:
        first = values[group.rows[0]]
        other = np.flatnonzero(values[group.rows] != first)  # a missing value differs from itself
        if len(other):
            row = int(group.rows[other[0]])
            expected = "a number" if np.isnan(values[row]) else f"{first} as in {table.row_name(int(group.rows[0]))}"
            raise table.cell_error(
                row, name, f"found {values[row]}, expected {expected}: a static column has one value for each series"
            )
        result.append(float(first))
    return result
