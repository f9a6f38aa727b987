"""Examples in a frame of pandas, polars or pyarrow: a text a row, a step a row, or a sequence a row."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.data.containers import in_order
from unrolled.data.example_columns import SERIES_NAMES, ExampleColumns, assign_columns
from unrolled.data.example_file import Examples, Place, ReadOptions, TargetLevel, refuse_step_targets
from unrolled.data.frame_sequences import own_names
from unrolled.data.frames import read_frame
from unrolled.data.index_columns import index_columns
from unrolled.data.real_numbers import is_missing
from unrolled.data.series_rows import SeriesRows, group_rows
from unrolled.data.step_order import StepOrder
from unrolled.data.table import Column, Table, listed
from unrolled.data.time_columns import is_time
from unrolled.errors import InputError

__all__ = ["read_frame_examples"]

SAMPLE = 1000  # rows that say what a column holds


def read_frame_examples(
    frame: Any, options: ReadOptions, *, target_level: TargetLevel, columns: ExampleColumns | None = None
) -> tuple[Examples, ExampleColumns | None, list[str]]:
    """Read a frame as :mod:`unrolled.data.csv_examples` reads a table, but that the rows of a sequence may stand apart.

    Args:
        frame: its index is read where it holds times or names sequences.
        options: the columns that the user has specified.
        target_level: which targets to read; with ``"none"`` every column must be of use unless ``options`` names those to read.
        columns: what they were when a model was trained, for those that ``options`` leaves open.

    Returns:
        What was read; what the columns are, None where they have no names; a sentence for each thing inferred.

    Raises:
        InputError: naming the row, the column and what is wrong.

    >>> import polars
    >>> days = ["2024-01-02", "2024-01-01", "2024-01-01"]
    >>> frame = polars.DataFrame({"id": ["a", "b", "a"], "day": days, "x": [5.0, 7.0, 6.0], "kind": ["up", "down", "up"]})
    >>> examples, columns, notes = read_frame_examples(frame, ReadOptions(label="kind"), target_level="sequence")
    >>> [item.tolist() for item in examples.items], examples.targets, columns.times
    ([[[6.0], [5.0]], [[7.0]]], ['up', 'down'], ('day',))
    """
    table, own = read_frame(frame), [str(name) for name in own_columns(frame)]
    _refuse_nested(frame)
    sample = {name: _as_written(column, slice(SAMPLE)) for name, column in table.columns.items()}
    if not table.rows:
        raise InputError("the data has 0 rows (0 sample(s)), a minimum of 1 is required")
    if columns is not None and columns.layout in ("text", "long", "wide") and options == ReadOptions():
        found, notes = _as_trained(table, frame, columns, target_level), list[str]()
    else:
        found, notes = _inferred(table, sample, own, options, target_level)
    if found.layout != "long":
        refuse_step_targets("the data", target_level)
    groups = _groups(table, found, sample)
    targets = None if target_level == "none" else _targets(table, frame, found, groups, each=target_level == "step")
    items = _texts(table, found) if found.layout == "text" else _sequences(table, found, groups)
    kind = "text" if found.layout == "text" else "numbers"
    places = [
        Place("row", n) if found.series is None else Place("series", group.name) for n, group in enumerate(groups)
    ]
    named = found if own_names(frame) or found.layout != "wide" else None
    return Examples("the data", kind, items, targets, places), named, notes


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


def _as_trained(table: Table, frame: Any, columns: ExampleColumns, target_level: TargetLevel) -> ExampleColumns:
    if columns.layout == "wide" and not own_names(frame):
        columns = replace(columns, features=tuple(table.columns))
    if target_level != "none" and columns.label is None:
        raise InputError(f"which column is the label? the model learned from targets given as y: give y; {_has(table)}")
    missing = [
        name
        for name in (*columns.read, *columns.times, columns.label if target_level != "none" else None)
        if name and name not in table.columns
    ]
    if missing:
        raise InputError(f"no column {missing[0]!r}, which the model was trained with; {_has(table)}")
    return columns


def _has(table: Table) -> str:
    return f"the columns are {listed(table.columns)}"


def _inferred(
    table: Table, sample: dict[str, Column], own: list[str], options: ReadOptions, target_level: TargetLevel
) -> tuple[ExampleColumns, list[str]]:
    named = {options.label, options.text, options.series, *options.features}
    used = {
        name: column
        for name, column in sample.items()
        if name in own or name in named or is_time(name, column) or name.lower() in SERIES_NAMES  # the rest is an index
    }
    columns, notes = assign_columns(
        used, "the data", label=options.label, text=options.text, series=options.series, features=options.features,
        needs_label=target_level != "none", unnamed=table.unnamed,
    )  # fmt: skip
    if target_level == "none":
        columns = replace(columns, label=options.label)
    unused = [name for name in own if name not in (*columns.read, *columns.times, *index_columns(used, table.unnamed))]
    if target_level == "none" and options == ReadOptions() and unused:
        column = table.columns[unused[0]]
        raise InputError(
            f"column {unused[0]!r}, with {column.written(0)} in row 0, is of no use beside {listed(columns.read)}: leave it"
            " out, or name what is to be read with text=, series= or features="
        )
    return columns, notes


def _groups(table: Table, columns: ExampleColumns, sample: dict[str, Column]) -> list[SeriesRows]:
    """The rows of each item, in the order of its steps."""
    if columns.series is None:
        return [SeriesRows(str(row), np.array([row])) for row in range(table.rows)]
    groups = group_rows(table, columns.series)
    if not columns.times:
        return groups
    return [replace(group, rows=_in_order(table, columns, sample, group.rows)) for group in groups]


def _in_order(
    table: Table, columns: ExampleColumns, sample: dict[str, Column], rows: NDArray[np.intp]
) -> NDArray[np.intp]:
    written = [_as_written(table.columns[name], rows) for name in columns.times]
    cells = zip(*([text or "" for text in column.texts or ()] for column in written), strict=True)
    try:
        return rows[StepOrder(columns.times, sample).permutation(list(cells))]
    except ValueError as error:
        reason, step = error.args
        raise table.cell_error(int(rows[step]), columns.times[0], reason) from None


def _texts(table: Table, columns: ExampleColumns) -> list[str]:
    assert columns.text is not None
    column = table.columns[columns.text]
    if column.kind != "text":
        raise InputError(f"column {columns.text!r} (text=) holds {column.written(0)}, expected texts")
    texts: list[Any] = column.values.tolist()
    for row, text in enumerate(texts):
        if text is None or not text.strip():
            raise table.cell_error(row, columns.text, "the text is missing; fill it or leave the row out")
    return texts


def _sequences(table: Table, columns: ExampleColumns, groups: list[SeriesRows]) -> list[NDArray[np.float64]]:
    values = np.stack([_numbers(table, name) for name in columns.features], axis=1)
    if columns.layout == "long":
        _refuse_missing(table, columns, values, np.isnan(values))
        return [values[group.rows] for group in groups]
    given = np.cumsum(~np.isnan(values)[:, ::-1], axis=1)[:, ::-1] > 0  # missing at the end of a row ends its sequence
    empty = np.flatnonzero(~given[:, 0])
    if len(empty):
        raise InputError(f"row {empty[0]} (counted from 0) holds no numbers; leave it out")
    _refuse_missing(table, columns, values, np.isnan(values) & given)
    return [row[keep][:, None] for row, keep in zip(values, given, strict=True)]


def _numbers(table: Table, name: str) -> NDArray[np.float64]:
    column: Column = table.columns[name]
    return column.values.astype(np.float64) if column.kind == "truth" else table.numbers(name, "features")


def _refuse_missing(table: Table, columns: ExampleColumns, values: NDArray[np.float64], bad: NDArray[np.bool_]) -> None:
    if bad.any():
        row, place = np.argwhere(bad)[0].tolist()
        raise table.cell_error(row, columns.features[place], "the value is missing; fill it, or leave the sequence out")


def _targets(table: Table, frame: Any, columns: ExampleColumns, groups: list[SeriesRows], *, each: bool) -> list[Any]:
    """The targets as the frame has them: one for each item, or one for each step."""
    name = columns.label
    column = next((given for given in own_columns(frame) if str(given) == name), None)
    if name is None or column is None:
        raise InputError(f"no column {name!r} (label=); {_has(table)}")
    values = list(in_order(frame[column], "labels"))
    missing = next((row for row, value in enumerate(values) if is_missing(value)), None)
    if missing is not None:
        raise table.cell_error(missing, name, "the label is missing; fill it or leave the row out")
    if each:
        return [[values[row] for row in group.rows] for group in groups]
    for group in groups:
        other = next((row for row in group.rows.tolist() if values[row] != values[group.rows[0]]), None)
        if other is not None:
            found = f"found {values[other]!r}, but another row of {group.name!r} has {values[group.rows[0]]!r}"
            raise table.cell_error(other, name, f"{found}; a sequence has one label")
    return [values[group.rows[0]] for group in groups]
