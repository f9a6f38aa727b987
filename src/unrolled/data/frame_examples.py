"""Examples in a frame of pandas, polars or pyarrow: a text a row, a step a row, or a sequence a row."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.data.columns import SERIES_NAMES, Columns, assign_columns
from unrolled.data.containers import in_order
from unrolled.data.example_file import Examples, Place, Told, Wanted, refuse_each
from unrolled.data.frame_sequences import own_names
from unrolled.data.frames import read_frame
from unrolled.data.index_columns import index_columns
from unrolled.data.members import Member, split_members
from unrolled.data.real_numbers import is_missing
from unrolled.data.step_order import StepOrder
from unrolled.data.table import Column, Table, listed
from unrolled.data.time_columns import is_time
from unrolled.errors import InputError

__all__ = ["read_frame_examples"]

SAMPLE = 1000  # rows that say what a column holds


def read_frame_examples(
    frame: Any, told: Told, *, wanted: Wanted, columns: Columns | None = None
) -> tuple[Examples, Columns | None, list[str]]:
    """Read a frame as :mod:`unrolled.data.csv_examples` reads a table, but that the rows of a sequence may stand apart.

    >>> import polars
    >>> days = ["2024-01-02", "2024-01-01", "2024-01-01"]
    >>> frame = polars.DataFrame({"id": ["a", "b", "a"], "day": days, "x": [5.0, 7.0, 6.0], "kind": ["up", "down", "up"]})
    >>> examples, columns, notes = read_frame_examples(frame, Told(label="kind"), wanted="one")
    >>> [item.tolist() for item in examples.items], examples.answers, columns.times
    ([[[6.0], [5.0]], [[7.0]]], ['up', 'down'], ('day',))

    Args:
        frame: its index counts where it says a time, or tells sequences apart.
        told: what the user says its columns are.
        wanted: which answers; where there are none to be read, every column must be of use unless it was told which are.
        columns: what they were when a model was trained, for those that ``told`` leaves open.

    Returns:
        What was read; what the columns are, None where they have no names; a sentence for each thing inferred.

    Raises:
        InputError: naming the row, the column and what is wrong.
    """
    table, own = read_frame(frame), [str(name) for name in own_columns(frame)]
    _refuse_nested(frame)
    sample = {name: _as_written(column, slice(SAMPLE)) for name, column in table.columns.items()}
    if not table.rows:
        raise InputError("the data has 0 rows (0 sample(s)), a minimum of 1 is required")
    if columns is not None and columns.layout in ("text", "long", "wide") and told == Told():
        found, notes = _as_trained(table, frame, columns, wanted), list[str]()
    else:
        found, notes = _inferred(table, sample, own, told, wanted)
    if found.layout != "long":
        refuse_each("the data", wanted)
    members = _members(table, found, sample)
    answers = None if wanted == "nothing" else _answers(table, frame, found, members, each=wanted == "each")
    items = _texts(table, found) if found.layout == "text" else _sequences(table, found, members)
    kind = "text" if found.layout == "text" else "numbers"
    places = [Place("row", n) if found.series is None else Place("series", m.name) for n, m in enumerate(members)]
    named = found if own_names(frame) or found.layout != "wide" else None
    return Examples("the data", kind, items, answers, places), named, notes


def _as_written(column: Column, rows: slice | NDArray[np.intp]) -> Column:
    """Some rows of a column, with its cells as a file would have them."""
    values = column.values[rows]
    if column.texts is not None:
        texts: Any = np.array(column.texts, object)[rows].tolist()
        return Column(values, texts)
    texts = [
        None if is_missing(value) else str(value) for value in (values if column.kind == "time" else values.tolist())
    ]
    if column.kind == "time":
        return Column(np.array(texts, object), texts)
    return Column(values.astype(np.float64) if column.kind == "truth" else values, texts)


def own_columns(frame: Any) -> list[Any]:
    """The columns' names, as they are."""
    return list(getattr(frame, "column_names", frame.columns))


def _refuse_nested(frame: Any) -> None:
    """Raise an InputError where cells are lists: read as text they would be something else."""
    import narwhals.stable.v1 as nw

    native = nw.from_native(frame, eager_only=True)
    for name in native.columns:
        column = native.get_column(name)
        nested = column.dtype.is_nested()
        if column.dtype == nw.Object:
            given = next((cell for cell in column.to_list() if not is_missing(cell)), None)
            nested = hasattr(given, "__len__") and not isinstance(given, str)
        if nested:
            raise InputError(
                f"column {name!r} holds lists: give the column itself, X=frame[{name!r}], or one row a step"
            )


def _as_trained(table: Table, frame: Any, columns: Columns, wanted: Wanted) -> Columns:
    if columns.layout == "wide" and not own_names(frame):
        columns = replace(columns, features=tuple(table.columns))
    if wanted != "nothing" and columns.label is None:
        raise InputError(f"which column is the label? the model learned from answers given as y: give y; {_has(table)}")
    missing = [
        name
        for name in (*columns.read, *columns.times, columns.label if wanted != "nothing" else None)
        if name and name not in table.columns
    ]
    if missing:
        raise InputError(f"no column {missing[0]!r}, which the model was trained with; {_has(table)}")
    return columns


def _has(table: Table) -> str:
    return f"the columns are {listed(table.columns)}"


def _inferred(
    table: Table, sample: dict[str, Column], own: list[str], told: Told, wanted: Wanted
) -> tuple[Columns, list[str]]:
    named = {told.label, told.text, told.series, *told.features}
    used = {
        name: column
        for name, column in sample.items()
        if name in own or name in named or is_time(name, column) or name.lower() in SERIES_NAMES  # the rest is an index
    }
    columns, notes = assign_columns(
        used, "the data", label=told.label, text=told.text, series=told.series, features=told.features,
        needs_label=wanted != "nothing", unnamed=table.unnamed,
    )  # fmt: skip
    if wanted == "nothing":
        columns = replace(columns, label=told.label)
    unused = [name for name in own if name not in (*columns.read, *columns.times, *index_columns(used, table.unnamed))]
    if wanted == "nothing" and told == Told() and unused:
        column = table.columns[unused[0]]
        raise InputError(
            f"column {unused[0]!r}, with {column.written(0)} in row 0, is of no use beside {listed(columns.read)}: leave it"
            " out, or name what is to be read with text=, series= or features="
        )
    return columns, notes


def _members(table: Table, columns: Columns, sample: dict[str, Column]) -> list[Member]:
    """The rows of each item, in the order of its steps."""
    if columns.series is None:
        return [Member(str(row), np.array([row])) for row in range(table.rows)]
    members = split_members(table, columns.series)
    if not columns.times:
        return members
    return [replace(member, rows=_in_order(table, columns, sample, member.rows)) for member in members]


def _in_order(table: Table, columns: Columns, sample: dict[str, Column], rows: NDArray[np.intp]) -> NDArray[np.intp]:
    written = [_as_written(table.columns[name], rows) for name in columns.times]
    cells = zip(*([text or "" for text in column.texts or ()] for column in written), strict=True)
    try:
        return rows[StepOrder(columns.times, sample).permutation(list(cells))]
    except ValueError as error:
        reason, step = error.args
        raise table.cell_error(int(rows[step]), columns.times[0], reason) from None


def _texts(table: Table, columns: Columns) -> list[str]:
    assert columns.text is not None
    column = table.columns[columns.text]
    if column.kind != "text":
        raise InputError(f"column {columns.text!r} (text=) holds {column.written(0)}, expected texts")
    texts: list[Any] = column.values.tolist()
    for row, text in enumerate(texts):
        if text is None or not text.strip():
            raise table.cell_error(row, columns.text, "the text is missing; fill it or leave the row out")
    return texts


def _sequences(table: Table, columns: Columns, members: list[Member]) -> list[NDArray[np.float64]]:
    values = np.stack([_numbers(table, name) for name in columns.features], axis=1)
    if columns.layout == "long":
        _refuse_missing(table, columns, values, np.isnan(values))
        return [values[member.rows] for member in members]
    given = np.cumsum(~np.isnan(values)[:, ::-1], axis=1)[:, ::-1] > 0  # missing at the end of a row ends its sequence
    empty = np.flatnonzero(~given[:, 0])
    if len(empty):
        raise InputError(f"row {empty[0]} (counted from 0) holds no numbers; leave it out")
    _refuse_missing(table, columns, values, np.isnan(values) & given)
    return [row[keep][:, None] for row, keep in zip(values, given, strict=True)]


def _numbers(table: Table, name: str) -> NDArray[np.float64]:
    column: Column = table.columns[name]
    return column.values.astype(np.float64) if column.kind == "truth" else table.numbers(name, "features")


def _refuse_missing(table: Table, columns: Columns, values: NDArray[np.float64], bad: NDArray[np.bool_]) -> None:
    if bad.any():
        row, place = np.argwhere(bad)[0].tolist()
        raise table.cell_error(row, columns.features[place], "the value is missing; fill it, or leave the sequence out")


def _answers(table: Table, frame: Any, columns: Columns, members: list[Member], *, each: bool) -> list[Any]:
    """What is wanted of each item, as the frame has it: one answer, or one for every step."""
    name = columns.label
    column = next((given for given in own_columns(frame) if str(given) == name), None)
    if name is None or column is None:
        raise InputError(f"no column {name!r} (label=); {_has(table)}")
    values = list(in_order(frame[column], "labels"))
    missing = next((row for row, value in enumerate(values) if is_missing(value)), None)
    if missing is not None:
        raise table.cell_error(missing, name, "the label is missing; fill it or leave the row out")
    if each:
        return [[values[row] for row in member.rows] for member in members]
    for member in members:
        other = next((row for row in member.rows.tolist() if values[row] != values[member.rows[0]]), None)
        if other is not None:
            found = f"found {values[other]!r}, but another row of {member.name!r} has {values[member.rows[0]]!r}"
            raise table.cell_error(other, name, f"{found}; a sequence has one label")
    return [values[member.rows[0]] for member in members]
