"""CSV files: every byte, row and cell accounted for, so that an error can say which line of the file it means."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from unrolled.data.table import BLANK, INTEGER, NUMBER, Column, FrameLike, Table
from unrolled.data.text_lines import TextLines
from unrolled.data.timestamps import is_timestamp
from unrolled.errors import InputError, MissingExtraError

__all__ = ["CsvRows", "column_of", "read_csv", "read_csv_table"]


def read_csv(path: str | os.PathLike[str]) -> Any:
    """Read a CSV file into a polars frame: numbers as Int64 or Float64, everything else as text.

    The first line names the columns. The separator is a comma, semicolon or tab; a decimal mark is a point. Blank
    cells and ``NA, N/A, NaN, null, none`` (any case) are missing. A column is numeric if at least half of its
    cells are numbers.

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
        if column.bad:
            table.numbers(name, "target")  # raises, naming the row
        columns[name] = column.texts if column.kind == "text" else column.values
    return polars.DataFrame(columns, nan_to_null=True)


def read_csv_table(path: str | os.PathLike[str], minimum_rows: int = 1) -> Table:
    """Read a CSV file into a :class:`Table` whose rows are found by their line in the file."""
    path = Path(path)
    lines: list[int] = []
    records: list[list[str]] = []
    with TextLines(path, "a CSV file") as text:
        rows = CsvRows(text, minimum_rows)
        for line, record in rows:
            lines.append(line)
            records.append(record)
    if len(records) < minimum_rows:
        found = "1 row" if len(records) == 1 else f"{len(records)} rows"
        raise InputError(f"{path}: {found}, need at least {minimum_rows}")
    columns = {name: column_of([record[i].strip() for record in records]) for i, name in enumerate(rows.header)}
    return Table(columns, len(records), lambda row: f"line {lines[row]}", FrameLike("polars"), str(path), rows.notes)


class CsvRows:
    """The rows of a CSV file, one after the other: ``(line, cells)``, as many cells as the header names.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "two.csv"
    ...     _ = file.write_text("t;x\\n1;2\\n\\n3;4\\n")
    ...     with TextLines(file, "a CSV file") as lines:
    ...         rows = CsvRows(lines)
    ...         rows.header, rows.notes, list(rows)
    (['t', 'x'], ('the fields of two.csv are separated by a semicolon',), [(2, ['1', '2']), (4, ['3', '4'])])

    Args:
        lines: the file's text.
        minimum_rows: how many rows the error about an empty file asks for.

    Attributes:
        header: the columns' names.
        notes: what was inferred.
    """

    def __init__(self, lines: TextLines, minimum_rows: int = 1) -> None:
        self._path = lines.path
        text = iter(lines)
        first: list[str] = []
        for line in text:
            first.append(line)
            if line.strip():
                break
        self._delimiter = max(",;\t", key=first[-1].count) if first else ","  # of equals the first: a comma
        self._records = self._without_last_blanks(
            csv.reader(chain(first, text), delimiter=self._delimiter, strict=True)
        )
        begin = next((record for record in self._records if record[1]), None)
        if begin is None:
            raise InputError(f"{self._path} is empty: 0 rows, need a line of column names and at least {minimum_rows}")
        self.header = _header(self._path, *begin)
        names = {",": "comma", ";": "semicolon", "\t": "tab"}
        separated = f"the fields of {self._path.name} are separated by a {names[self._delimiter]}"
        self.notes: tuple[str, ...] = () if self._delimiter == "," else (separated,)

    def __iter__(self) -> Iterator[tuple[int, list[str]]]:
        for line, record in self._records:
            if not record and len(self.header) > 1:
                continue
            cells = record or [""]
            if len(cells) != len(self.header):
                fields = "1 field" if len(cells) == 1 else f"{len(cells)} fields"
                raise InputError(f"{self._path}, line {line}: {fields}, expected {len(self.header)} as in the header")
            yield line, cells

    def _without_last_blanks(self, reader: Any) -> Iterator[tuple[int, list[str]]]:
        """Each record and the line it begins in; blank ones only where another follows."""
        waiting: list[tuple[int, list[str]]] = []
        begins = 1
        try:
            for record in reader:
                waiting.append((begins, record))
                begins = reader.line_num + 1
                if any(field.strip() for field in record):
                    yield from waiting
                    waiting.clear()
        except csv.Error as error:
            raise InputError(
                f"{self._path}, line {reader.line_num}: {error}; expected fields separated by {self._delimiter!r}"
            ) from None


def _header(path: Path, line: int, cells: list[str]) -> list[str]:
    names = [cell.strip() or f"column {i}" for i, cell in enumerate(cells, start=1)]
    if all(NUMBER.fullmatch(name) or is_timestamp(name) for name in names):
        raise InputError(
            f"{path}, line {line}: expected the names of the columns, found data ({names[0]!r}); add a first line"
        )
    twice = next((name for i, name in enumerate(names) if name in names[:i]), None)
    if twice is not None:
        raise InputError(f"{path}, line {line}: two columns are named {twice!r}; give each its own name")
    return names


def column_of(cells: list[str]) -> Column:
    """A column of its cells as written: numbers if at least half of them are."""
    blank = [cell.lower() in BLANK for cell in cells]
    number = [NUMBER.fullmatch(cell) is not None for cell in cells]
    texts = [None if empty else cell for cell, empty in zip(cells, blank, strict=True)]
    numbers = sum(number)
    if numbers == 0 or 2 * numbers < len(cells) - sum(blank):
        return Column(np.array(texts, dtype=object), texts)
    if all(INTEGER.fullmatch(cell) for cell in cells):
        return Column(np.array([int(cell) for cell in cells]), texts)
    values = np.array([float(cell) if ok else np.nan for cell, ok in zip(cells, number, strict=True)])
    bad = tuple(row for row, ok in enumerate(number) if not ok and not blank[row])
    return Column(values, texts, bad)
