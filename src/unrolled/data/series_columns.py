"""The roles of columns: time, the names of the series, the target; specified by the user, or inferred."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cached_property

from unrolled.data.header import first_duplicate
from unrolled.data.index_columns import index_columns, is_ascending, left_out_note
from unrolled.data.table import Column, Table, listed
from unrolled.data.time_columns import infer_time, refuse_unread_times
from unrolled.data.time_parts import join_times
from unrolled.data.timestamps import are_timestamps
from unrolled.errors import InputError

__all__ = ["SeriesColumns", "assign_channels", "assign_roles"]


@dataclass(frozen=True)
class SeriesColumns:
    """The names of the columns by role."""

    target: str | None
    time: str | None
    series: str | None
    past: tuple[str, ...] = ()
    future: tuple[str, ...] = ()
    static: tuple[str, ...] = ()
    values: tuple[str, ...] = ()  # channels of equal rank, where nothing is forecast

    @cached_property
    def named(self) -> dict[str, str]:
        """Column name -> the argument that claims it."""
        single = {"target": self.target, "time": self.time, "series": self.series}
        pairs = [(name, argument) for argument, name in single.items() if name is not None]
        pairs += [(name, "past") for name in self.past] + [(name, "future") for name in self.future]
        pairs += [(name, "static") for name in self.static] + [(name, "values") for name in self.values]
        again = first_duplicate([name for name, _ in pairs])
        if again is not None:
            arguments = " and ".join(f"{argument}=" for name, argument in pairs if name == again)
            raise InputError(f"column {again!r} is named by {arguments}; a column has one role")
        return dict(pairs)


def assign_roles(table: Table, given: SeriesColumns, *, with_target: bool) -> tuple[Table, SeriesColumns, list[str]]:
    """Return the table with its times in one column, all roles, and one sentence for each that was inferred.

    Raises:
        InputError: a named column does not exist or is named twice, or more than one column would do.
    """
    table, roles, notes = _with_joined_times(table, given)
    if roles.time is None:
        roles = replace(roles, time=_infer_time(table, roles, notes, one_series=roles.series is None))
    table = _without_row_numbers(table, roles, notes)
    if roles.series is None:
        roles = replace(roles, series=_infer_series(table, roles, notes))
    if roles.target is None and with_target:
        roles = replace(roles, target=_infer_target(table, roles, notes))
    unused = [name for name in table.columns if name not in roles.named]
    if unused:
        notes.append(f"not used: {listed(unused)}")
    return table, roles, notes


def assign_channels(table: Table, given: SeriesColumns) -> tuple[Table, SeriesColumns, list[str]]:
    """As :func:`assign_roles` for time and channels: every column of numbers is a channel.

    Raises:
        InputError: a named column does not exist or is named twice, or no column holds numbers.
    """
    table, roles, notes = _with_joined_times(table, given)
    if roles.time is None:
        roles = replace(roles, time=_infer_time(table, roles, notes, one_series=False))
    table = _without_row_numbers(table, roles, notes)
    if not roles.values:
        roles = replace(roles, values=tuple(n for n, column in _free(table, roles).items() if column.kind == "number"))
        if not roles.values:
            raise _no_numbers(table, "to watch")
        notes.append(f"the values are {listed(roles.values)}")
    unused = [name for name in table.columns if name not in roles.named]
    if unused:
        notes.append(f"not used: {listed(unused)}")
    return table, roles, notes


def _with_joined_times(table: Table, given: SeriesColumns) -> tuple[Table, SeriesColumns, list[str]]:
    """The table with its times in one column, under the name they then have; every column that was named exists."""
    others = [name for name in given.named if name != given.time]
    table, time, notes = join_times(table, given.time, others)
    given = replace(given, time=time)
    for name, argument in given.named.items():
        table.column(name, argument)
    return table, given, notes


def _free(table: Table, roles: SeriesColumns) -> dict[str, Column]:
    return {name: column for name, column in table.columns.items() if name not in roles.named}


def _infer_time(table: Table, roles: SeriesColumns, notes: list[str], *, one_series: bool) -> str | None:
    """The column of times; without one the rows are in order, unless something speaks against it."""
    free = _free(table, roles)
    found = infer_time(table, free, notes)
    if found is None:
        found = _row_numbers_as_time(table, free, notes)
    if found is None:
        if one_series:
            _refuse_times_as_names(table)
        refuse_unread_times(table, free, roles.series)
        texts = [name for name, column in free.items() if column.kind == "text" and _repeats(column)]
        if texts and one_series:
            raise InputError(
                f"{table.source}: there is no column of times, and {listed(texts)} may tell several series apart, which are not"
                " to be joined to one; name it with series=, or leave it out"
            )
        notes.append("no column of times was found: the rows are taken as equal steps, in their order")
    return found


def _row_numbers_as_time(table: Table, free: dict[str, Column], notes: list[str]) -> str | None:
    """A column that numbers the rows and is not in order: what it numbered was in order once."""
    shuffled = [name for name in index_columns(free, table.unnamed) if not is_ascending(free[name])]
    if not shuffled:
        return None
    name = shuffled[0]
    if len(shuffled) > 1 or len(set(free[name].values.tolist())) < table.rows:
        raise InputError(
            f"{table.source}: there is no column of times, and {listed(shuffled)} number the rows in another order; sort them"
            " as they came one after the other, and leave the numbers out"
        )
    notes.append(f"the rows are in the order of {name!r}, which numbers them")
    return name


def _without_row_numbers(table: Table, roles: SeriesColumns, notes: list[str]) -> Table:
    """The table without the columns that number its rows, unless they have a role."""
    names = index_columns(_free(table, roles), table.unnamed)
    notes += [left_out_note(name, table.unnamed) for name in names]
    return replace(table, columns={name: column for name, column in table.columns.items() if name not in names})


def _refuse_times_as_names(table: Table) -> None:
    """Raise an InputError where the columns are named by times: a row is a series then, not a time."""
    names = [name for name, column in table.columns.items() if column.kind == "number"]
    years = [name for name in names if re.fullmatch("(1[89]|2[01])[0-9]{2}", name)]
    if len(names) > 1 and (len(years) == len(names) or (not years and are_timestamps(names))):
        raise InputError(
            f"{table.source}: the columns {listed(names[:2])} and so on are named by times, but a row for each time is expected;"
            " turn the table: a column of times, one of the series' names, one of the values"
        )


def _repeats(column: Column) -> bool:
    given = [text for text in column.values.tolist() if text is not None]
    return len(set(given)) < len(given)


def _infer_series(table: Table, roles: SeriesColumns, notes: list[str]) -> str | None:
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
    notes.append(f"series are told apart by {texts[0]!r}")
    return texts[0]


def _infer_target(table: Table, roles: SeriesColumns, notes: list[str]) -> str:
    numeric = [name for name, column in _free(table, roles).items() if column.kind == "number"]
    if len(numeric) > 1:
        raise InputError(
            f"{table.source}: several columns could be the target: {listed(numeric)}; name one with target="
            + _if_several_series(table, roles)
        )
    if not numeric:
        raise _no_numbers(table, "to forecast")
    notes.append(f"the target is {numeric[0]!r}, the only column of numbers left")
    return numeric[0]


def _if_several_series(table: Table, roles: SeriesColumns) -> str:
    """What else columns of numbers beside times may be."""
    if roles.time is None:
        return ""
    times = table.columns[roles.time].values.tolist()
    apart = "; if another tells several series apart, name it with series=" if len(set(times)) < len(times) else ""
    below = "put them below each other (columns of times, of the series' names and of the values)"
    return f"{apart}; if each is a series, {below}"


def _no_numbers(table: Table, what_for: str) -> InputError:
    samples = [f"{name!r} (such as {column.written(0)})" for name, column in table.columns.items()]
    return InputError(f"{table.source}: no column of numbers {what_for} among {', '.join(samples[:12])}")
