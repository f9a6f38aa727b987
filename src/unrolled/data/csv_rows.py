"""The rows of a CSV file, read one after the other: where they begin, what their columns are called, what separates them."""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterator
from itertools import chain, islice

from unrolled.data.delimiter import DELIMITERS, find_delimiter
from unrolled.data.header import data_in_header, first_duplicate
from unrolled.data.table import NUMBER
from unrolled.data.text_lines import TextLines
from unrolled.data.timestamps import is_timestamp
from unrolled.errors import InputError

__all__ = ["CsvRows"]

LINES_LOOKED_AT = 100  # to see what separates the fields
ROWS_LOOKED_AT = 1000  # to see whether the first one is names
MOST_COLUMNS = 1_000_000

Record = tuple[int, list[str]]


class CsvRows:
    """The rows of a CSV file, one after the other: ``(line, cells)``, as many cells as the header names.

    Args:
        lines: the file's text.
        minimum_rows: how many rows the error about an empty file asks for.
        known: names of columns that the file has, whatever they look like.

    Attributes:
        header: the columns' names.
        unnamed: those that have none in the file.
        delimiter: what separates the fields.
        notes: what was inferred.

    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "two.csv"
    ...     _ = file.write_text("t;x\\n1;2\\n\\n3;4\\n")
    ...     with TextLines(file, "a CSV file") as lines:
    ...         rows = CsvRows(lines)
    ...         rows.header, rows.notes, list(rows)
    (['t', 'x'], ('the fields of two.csv are separated by a semicolon',), [(2, ['1', '2']), (4, ['3', '4'])])
    """

    def __init__(self, lines: TextLines, minimum_rows: int = 1, known: Collection[str] = ()) -> None:
        self._path = lines.path
        text = iter(lines)
        head = list(islice(text, LINES_LOOKED_AT))
        skipped, delimiter = _before_header(head)
        whole = len(head) < LINES_LOOKED_AT
        self._check_width(head[skipped:])
        self.delimiter = delimiter or find_delimiter(_complete(head[skipped:], whole=whole))
        skipped, comments = self._comments(head, skipped)
        self._width: int | None = None
        self._records = self._without_last_blanks(self._split(chain(head[skipped:], text), skipped))
        begin = next((record for record in self._records if record[1]), None)
        if begin is None:
            raise InputError(f"{self._path} is empty: 0 rows, need a line of column names and at least {minimum_rows}")
        line, cells = begin
        if cells[0].startswith("#"):
            cells = [cells[0].lstrip("#").strip() or "#", *cells[1:]]
        self._width = len(cells)
        self.header = [cell.strip() or f"column {i}" for i, cell in enumerate(cells, start=1)]
        self.unnamed = frozenset(name for name, cell in zip(self.header, cells, strict=True) if not cell.strip())
        self._check_header(line, known)
        separated = (
            f"the fields of {self._path.name} are separated by a {DELIMITERS.get(self.delimiter, self.delimiter)}"
        )
        left_out = f"{comments} line{'s' * (comments > 1)} of comment before the names of the columns left out"
        self.notes: tuple[str, ...] = (*[separated] * (self.delimiter != ","), *[left_out] * bool(comments))

    def __iter__(self) -> Iterator[Record]:
        for line, record in self._records:
            if not record and len(self.header) > 1:
                continue
            cells = record or [""]
            if len(cells) == len(self.header) + 1 and not cells[-1].strip():
                cells = cells[:-1]  # a separator ends the line
            if len(cells) != len(self.header):
                fields = "1 field" if len(cells) == 1 else f"{len(cells)} fields"
                further = "; if the columns' names stand further down, remove the lines before them"
                raise InputError(
                    f"{self._path}, line {line}: {fields}, expected {len(self.header)} as in the header"
                    + further * (len(self.header) == 1)
                )
            yield line, cells

    def _check_width(self, head: list[str]) -> None:
        for line in head[:1]:
            count = max(map(line.count, DELIMITERS)) + 1
            if count > MOST_COLUMNS:
                raise InputError(f"{self._path}: {count:,} columns, at most {MOST_COLUMNS:,} are read; turn the table")

    def _comments(self, head: list[str], skipped: int) -> tuple[int, int]:
        """How many lines to leave out, and how many of them are comments; the last one may hold the names of the columns."""
        after = skipped
        while after < len(head) and head[after].startswith("#"):
            after += 1
        comments = after - skipped
        if not comments:
            return skipped, 0
        widths = [line.count(self.delimiter) for line in head[after - 1 : after + 1]]
        cells = head[after].strip().split(self.delimiter) if after < len(head) else []
        holds_data = any(NUMBER.fullmatch(cell.strip()) or is_timestamp(cell) for cell in cells)
        if len(widths) == 2 and widths[0] == widths[1] > 0 and holds_data:
            return after - 1, comments - 1
        return after, comments

    def _check_header(self, line: int, known: Collection[str]) -> None:
        name = first_duplicate(self.header)
        if name is not None:
            raise InputError(f"{self._path}, line {line}: two columns are named {name!r}; give each its own name")
        first = list(islice(self._records, ROWS_LOOKED_AT))
        self._records = chain(first, self._records)
        found = data_in_header(self.header, [record for _, record in first], known)
        if found is not None:
            raise InputError(f"{self._path}, line {line}: expected the names of the columns, {found}; add a first line")

    def _split(self, lines: Iterator[str], skipped: int) -> Iterator[Record]:
        """Each record and the line it begins in."""
        if self.delimiter == "\t":
            yield from self._split_at_tabs(lines, skipped)
            return
        reader = csv.reader(lines, delimiter=self.delimiter, strict=True, skipinitialspace=True)
        begins = skipped + 1
        try:
            for record in reader:
                yield begins, record
                begins = skipped + reader.line_num + 1
        except csv.Error as error:
            raise self._broken(skipped + reader.line_num, error) from None

    def _split_at_tabs(self, lines: Iterator[str], skipped: int) -> Iterator[Record]:
        """Between tabs a quotation mark is a letter, unless it encloses the field, or a field that holds tabs or line ends."""
        begins = skipped
        for line in lines:
            begins += 1
            cells = line.rstrip("\r\n").split("\t")
            whole = len(cells) == self._width if self._width is not None else line.count('"') % 2 == 0
            if whole or '"' not in line:
                yield begins, [_unquoted(cell) for cell in cells] if line.strip("\r\n") else []
                continue
            reader = csv.reader(chain([line], lines), delimiter="\t", strict=True)
            try:
                yield begins, next(reader)
            except csv.Error as error:
                raise self._broken(begins, error) from None
            begins += reader.line_num - 1

    def _broken(self, line: int, error: csv.Error) -> InputError:
        return InputError(f"{self._path}, line {line}: {error}; expected fields separated by {self.delimiter!r}")

    def _without_last_blanks(self, records: Iterator[Record]) -> Iterator[Record]:
        """Blank records only where another follows."""
        waiting: list[Record] = []
        for line, record in records:
            waiting.append((line, record))
            if any(field.strip() for field in record):
                yield from waiting
                waiting.clear()


def _before_header(head: list[str]) -> tuple[int, str]:
    """How many lines come before the comments and the header, and the delimiter if Excel's ``sep=;`` is among them."""
    skipped = next((n for n, line in enumerate(head) if line.strip()), len(head))
    line = head[skipped].strip().strip('"') if skipped < len(head) else ""
    if line.lower().startswith("sep=") and len(line) == len("sep=") + 1:
        return skipped + 1, line[-1]
    if skipped < len(head) and head[skipped].lower().startswith("sep=\t"):
        return skipped + 1, "\t"
    return skipped, ""


def _complete(head: list[str], *, whole: bool) -> list[str]:
    """The lines without comments before them, and without one that may go on in a line not looked at."""
    start = next((n for n, line in enumerate(head) if not line.startswith("#")), len(head) - 1)
    lines = head[max(start, 0) :]
    return lines if whole or len(lines) < 3 else lines[: LINES_LOOKED_AT // 2]


def _unquoted(cell: str) -> str:
    """What quotation marks enclose, if they do."""
    inner = cell[1:-1]
    enclosed = len(cell) > 1 and cell[0] == cell[-1] == '"' and '"' not in inner.replace('""', "")
    return inner.replace('""', '"') if enclosed else cell
