"""CSV files: every byte, row and cell accounted for, so that an error can say which line of the file it means."""

from __future__ import annotations

import csv
import io
import os
from pathlib import Path
from typing import Any

import numpy as np

from unrolled.data.table import BLANK, INTEGER, NUMBER, Column, FrameLike, Table
from unrolled.data.timestamps import is_timestamp
from unrolled.errors import InputError, MissingExtraError

__all__ = ["read_csv", "read_csv_table"]


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
    text = _read_text(path)
    delimiter = _delimiter(text)
    header, records, lines = _parse(path, text, delimiter, minimum_rows)
    if len(records) < minimum_rows:
        rows = "1 row" if len(records) == 1 else f"{len(records)} rows"
        raise InputError(f"{path}: {rows}, need at least {minimum_rows}")
    columns = {name: _column([record[i].strip() for record in records]) for i, name in enumerate(header)}
    names = {",": "comma", ";": "semicolon", "\t": "tab"}
    notes = () if delimiter == "," else (f"the fields of {path.name} are separated by a {names[delimiter]}",)
    return Table(columns, len(records), lambda row: f"line {lines[row]}", FrameLike("polars"), str(path), notes)


def _read_text(path: Path) -> str:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except IsADirectoryError:
        raise InputError(f"{path} is a folder, expected a CSV file") from None
    except ValueError as error:  # a NUL in the name
        raise InputError(f"{str(path)!r} cannot be the name of a file: {error}") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise InputError(f"{path} is not UTF-8: byte 0x{data[0]:02x} at offset 0 begins UTF-16 text; save it as UTF-8")
    nul = data.find(b"\0")
    if nul >= 0:
        raise InputError(f"{path} is not a text file: a NUL byte at offset {nul} (line {_line(data, nul)})")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        offset = error.start + (3 if data.startswith(b"\xef\xbb\xbf") else 0)
        raise InputError(
            f"{path} is not UTF-8: byte 0x{data[offset]:02x} at offset {offset} (line {_line(data, offset)});"
            " save it as UTF-8"
        ) from None


def _line(data: bytes, offset: int) -> int:
    return data.count(b"\n", 0, offset) + 1


def _delimiter(text: str) -> str:
    first = next((line for line in text.splitlines() if line.strip()), "")
    return max(",;\t", key=first.count)  # of equals the first: a comma


def _parse(path: Path, text: str, delimiter: str, minimum_rows: int) -> tuple[list[str], list[list[str]], list[int]]:
    """Return header, records and the line each record begins in."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows: list[tuple[int, list[str]]] = []
    try:
        begins = 1
        for record in reader:
            rows.append((begins, record))
            begins = reader.line_num + 1
    except csv.Error as error:
        raise InputError(
            f"{path}, line {reader.line_num}: {error}; expected fields separated by {delimiter!r}"
        ) from None
    while rows and not any(field.strip() for field in rows[-1][1]):
        rows.pop()
    while rows and not rows[0][1]:
        rows.pop(0)
    if not rows:
        raise InputError(f"{path} is empty: 0 rows, need a line of column names and at least {minimum_rows}")
    header = _header(path, *rows[0])
    records = [(line, record or [""]) for line, record in rows[1:] if record or len(header) == 1]
    for line, record in records:
        if len(record) != len(header):
            fields = "1 field" if len(record) == 1 else f"{len(record)} fields"
            raise InputError(f"{path}, line {line}: {fields}, expected {len(header)} as in the header")
    return header, [record for _, record in records], [line for line, _ in records]


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


def _column(cells: list[str]) -> Column:
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
