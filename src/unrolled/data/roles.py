"""Which column is time, which tells the series apart, which is to be forecast: as told, or inferred and said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from unrolled.data.table import Column, Table, TimeStyle, listed
from unrolled.data.timestamps import MixedZonesError, is_timestamp, parse_timestamps
from unrolled.errors import InputError

__all__ = ["Roles", "assign_channels", "assign_roles", "read_times"]

TIME_NAMES = {"time", "times", "date", "datetime", "timestamp", "ds", "year", "month", "day", "hour", "step", "t"}


@dataclass(frozen=True)
class Roles:
    """The columns' names by what they are for."""

    target: str | None
    time: str | None
    series: str | None
    past: tuple[str, ...] = ()
    future: tuple[str, ...] = ()
    static: tuple[str, ...] = ()
    values: tuple[str, ...] = ()  # channels of equal rank, where nothing is forecast

    @property
    def named(self) -> dict[str, str]:
        """Column name -> the argument that claims it."""
        single = {"target": self.target, "time": self.time, "series": self.series}
        pairs = [(name, argument) for argument, name in single.items() if name is not None]
        pairs += [(name, "past") for name in self.past] + [(name, "future") for name in self.future]
        pairs += [(name, "static") for name in self.static] + [(name, "values") for name in self.values]
        names = [name for name, _ in pairs]
        twice = next((name for i, name in enumerate(names) if name in names[:i]), None)
        if twice is not None:
            arguments = " and ".join(f"{argument}=" for name, argument in pairs if name == twice)
            raise InputError(f"column {twice!r} is named by {arguments}; a column has one role")
        return dict(pairs)


def assign_roles(table: Table, told: Roles, *, with_target: bool) -> tuple[Roles, list[str]]:
    """Return all roles, and one sentence for each that was inferred.

    Raises:
        InputError: a named column does not exist or is named twice, or more than one column would do.
    """
    for name, argument in told.named.items():
        table.column(name, argument)
    said: list[str] = []
    roles = told
    if roles.time is None:
        roles = replace(roles, time=_infer_time(table, roles, said))
    if roles.series is None:
        roles = replace(roles, series=_infer_series(table, roles, said))
    if roles.target is None and with_target:
        roles = replace(roles, target=_infer_target(table, roles, said))
    unused = [name for name in table.columns if name not in roles.named]
    if unused:
        said.append(f"not used: {listed(unused)}")
    return roles, said


def assign_channels(table: Table, told: Roles) -> tuple[Roles, list[str]]:
    """Return time and channels, and one sentence for each that was inferred: every column of numbers is a channel.

    Raises:
        InputError: a named column does not exist or is named twice, or no column holds numbers.
    """
    for name, argument in told.named.items():
        table.column(name, argument)
    said: list[str] = []
    roles = told
    if roles.time is None:
        roles = replace(roles, time=_infer_time(table, roles, said))
    if not roles.values:
        roles = replace(roles, values=tuple(n for n, column in _free(table, roles).items() if column.kind == "number"))
        if not roles.values:
            raise _no_numbers(table, "to watch")
        said.append(f"the values are {listed(roles.values)}")
    unused = [name for name in table.columns if name not in roles.named]
    if unused:
        said.append(f"not used: {listed(unused)}")
    return roles, said


def _free(table: Table, roles: Roles) -> dict[str, Column]:
    return {name: column for name, column in table.columns.items() if name not in roles.named}


def _infer_time(table: Table, roles: Roles, said: list[str]) -> str | None:
    free = _free(table, roles)
    if table.like.time in free:
        said.append(f"time is {table.like.time!r}, the index of the frame")
        return table.like.time
    found = [name for name, column in free.items() if column.kind == "time"]
    if not found:
        found = [name for name, column in free.items() if column.kind == "text" and _all_timestamps(column)]
    if not found:
        found = [
            name for name, column in free.items() if column.values.dtype.kind == "i" and name.lower() in TIME_NAMES
        ]
    if not found:  # of this name and not understood: reading it will say why
        found = [name for name in free if name.lower() in TIME_NAMES and free[name].kind == "text"]
    if len(found) > 1:
        raise InputError(f"{table.source}: several columns could be the time: {listed(found)}; name one with time=")
    if found:
        said.append(f"time is {found[0]!r}")
        return found[0]
    said.append("no column of times was found: the rows are taken as equal steps, in their order")
    return None


def _all_timestamps(column: Column) -> bool:
    given = [text for text in column.values if text is not None]
    return bool(given) and is_timestamp(given[0]) and all(map(is_timestamp, set(given)))


def _infer_series(table: Table, roles: Roles, said: list[str]) -> str | None:
    """A column of text tells the series apart if the same time comes more than once; otherwise there is one series."""
    if roles.time is None:
        return None
    times = table.columns[roles.time].values
    if len(set(times.tolist())) == len(times):
        return None
    texts = [name for name, column in _free(table, roles).items() if column.kind == "text"]
    if len(texts) > 1:
        raise InputError(
            f"{table.source}: times occur more than once, and several columns could tell the series apart:"
            f" {listed(texts)}; name one with series="
        )
    if not texts:
        return None
    said.append(f"series are told apart by {texts[0]!r}")
    return texts[0]


def _infer_target(table: Table, roles: Roles, said: list[str]) -> str:
    numeric = [name for name, column in _free(table, roles).items() if column.kind == "number"]
    if len(numeric) > 1:
        raise InputError(
            f"{table.source}: several columns could be the target: {listed(numeric)}; name one with target="
        )
    if not numeric:
        raise _no_numbers(table, "to forecast")
    said.append(f"the target is {numeric[0]!r}, the only column of numbers left")
    return numeric[0]


def _no_numbers(table: Table, what_for: str) -> InputError:
    samples = [f"{name!r} (such as {column.written(0)})" for name, column in table.columns.items()]
    return InputError(f"{table.source}: no column of numbers {what_for} among {', '.join(samples[:12])}")


def read_times(table: Table, name: str) -> tuple[npt.NDArray[Any], TimeStyle]:
    """Return the time column as ``datetime64[us]`` or int64 [rows], and how it was written.

    Raises:
        InputError: a cell is blank, is no time, or is in another time zone than those before; its row is named.
    """
    column = table.columns[name]
    if column.kind == "text":
        return _parse(table, name, column)
    if column.kind == "time":
        blank = np.flatnonzero(np.isnat(column.values))
        if len(blank):
            raise table.cell_error(int(blank[0]), name, "the time is missing; fill it or remove the row")
        return column.values, column.style or TimeStyle("datetime")
    numbers = table.numbers(name, "time")
    blank = np.flatnonzero(np.isnan(numbers))
    if len(blank):
        raise table.cell_error(int(blank[0]), name, "the time is missing; fill it or remove the row")
    integers = column.values.astype(np.int64)
    broken = np.flatnonzero(integers != numbers)
    if len(broken):
        row = int(broken[0])
        raise table.cell_error(row, name, f"found {column.written(row)}, expected a time stamp or an integer")
    return integers, TimeStyle("integer")


def _parse(table: Table, name: str, column: Column) -> tuple[npt.NDArray[Any], TimeStyle]:
    texts: Sequence[str | None] = column.values.tolist()
    given = [text for text in texts if text is not None]
    if len(given) < len(texts):
        raise table.cell_error(texts.index(None), name, "the time is missing; fill it or remove the row")
    try:
        return parse_timestamps(given)
    except MixedZonesError as error:
        raise table.cell_error(error.row, name, f"{error}; convert all of them to one zone, such as UTC") from None
    except ValueError as error:
        reason, row = error.args
        raise table.cell_error(row, name, f"found {column.written(row)}: {reason}") from None
