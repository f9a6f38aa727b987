"""CSV files, read so that every error can name the line of the file."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np

from unrolled.data.csv_rows import CsvRows
from unrolled.data.numbers import NumberForm, number_forms
from unrolled.data.table import BLANK, INTEGER, Column, FrameLike, Table
from unrolled.data.text_lines import TextLines
from unrolled.errors import InputError, MissingExtraError

__all__ = ["columns_of", "read_csv", "read_csv_table"]


def read_csv(path: str | os.PathLike[str]) -> Any:
    """Read a CSV file into a polars frame: numbers as Int64 or Float64, everything else as text.

    The first line names the columns; comments (``#``) and Excel's ``sep=;`` may come before it. The separator is a comma,
    semicolon, tab or vertical bar. Numbers may have a decimal point or comma, marks between thousands, and a currency
    or ``%`` beside each of a column; where that leaves two readings they are refused. Blank cells and ``NA, N/A, NaN, null,
    none`` (any case) are missing. A column is numeric if at least half of its cells are numbers.

    Raises:
        InputError: no file, not UTF-8 or a NUL byte (with the offset), no rows, a line with too few or too many fields,
            text in a numeric column (with the line).
        MissingExtraError: polars is not installed.
    """
    table = read_csv_table(path)
    try:
        import polars
    except ImportError:
        raise MissingExtraError("a frame from a CSV file", "polars", "cli") from None
    columns: dict[str, Any] = {}
    for name, column in table.columns.items():
        if column.kind == "text":
            columns[name] = column.values.tolist()
        else:
            integers = column.values.dtype.kind == "i"
            columns[name] = column.values if integers else table.numbers(name, "target")  # raises, naming the row
    return polars.DataFrame(columns, nan_to_null=True)


def read_csv_table(path: str | os.PathLike[str], minimum_rows: int = 1, known: Collection[str] = ()) -> Table:
    """Read a CSV file into a :class:`Table` that knows the line of each row.

    Args:
        path: the file; ``-`` is the standard input.
        minimum_rows: how many rows it needs.
        known: columns that it has, whatever they look like.
    """
    lines: list[int] = []
    records: list[list[str]] = []
    with TextLines(path, "a CSV file") as text:
        rows = CsvRows(text, minimum_rows, known)
        for line, record in rows:
            lines.append(line)
            records.append(record)
    if len(records) < minimum_rows:
        found = "1 row" if len(records) == 1 else f"{len(records)} rows"
        raise InputError(f"{text.path}: {found}, need at least {minimum_rows}")
    columns, notes = columns_of(rows, records)
    return Table(
        columns=columns,
        rows=len(records),
        row_name=lambda row: f"line {lines[row]}",
        like=FrameLike("polars"),
        file=str(text.path),
        notes=(*rows.notes, *notes),
        unnamed=rows.unnamed,
    )


def columns_of(rows: CsvRows, records: Sequence[Sequence[str]]) -> tuple[dict[str, Column], list[str]]:
    """The columns of a file's rows by name, and notes on how their numbers are written.

    A column without name and content, as separators at the ends of lines make it, is none.
    """
    cells = [[record[i].strip() for record in records] for i in range(len(rows.header))]
    forms = number_forms(cells, rows.delimiter)
    notes: list[str] = []
    with_comma = [
        name for name, form in zip(rows.header, forms, strict=True) if form is not None and form.decimal == ","
    ]
    if with_comma:
        more = f" and {len(with_comma) - 3} more columns" if len(with_comma) > 3 else ""
        notes.append(f"a comma is the decimal mark in {', '.join(map(repr, with_comma[:3]))}{more}")
    for name, form in zip(rows.header, forms, strict=True):
        if form is not None and (form.before or form.after):
            notes.append(f"the numbers of {name!r} are read without {form.before or form.after!r}")
    triples = zip(rows.header, cells, forms, strict=True)
    columns = {name: _column(column, form) for name, column, form in triples if any(column) or name not in rows.unnamed}
    return columns, notes


def _column(cells: Sequence[str], form: NumberForm | None) -> Column:
    """A column of its cells as written; in text only a cell that is empty is missing."""
    texts = [cell or None for cell in cells]
    blank = [cell.lower() in BLANK for cell in cells]
    if form is None:
        return Column(
            np.array([None if empty else cell for cell, empty in zip(cells, blank, strict=True)], object), texts
        )
    if all(INTEGER.fullmatch(cell) for cell in cells):
        return Column(np.array([int(cell) for cell in cells]), texts, form=form)
    numbers = [form.read(cell) for cell in cells]
    values = np.array([np.nan if number is None else number for number in numbers])
    bad = tuple(row for row, number in enumerate(numbers) if number is None and not blank[row])
    return Column(values, texts, bad, form=form)
