"""What separates the fields of a file, by its first lines: the mark that divides all of them alike."""

from __future__ import annotations

import csv
from collections.abc import Sequence

__all__ = ["DELIMITERS", "find_delimiter"]

DELIMITERS = {
    "\t": "tab",
    ";": "semicolon",
    "|": "vertical bar",
    ",": "comma",
}  # of equals the first: commas are in numbers


def find_delimiter(lines: Sequence[str]) -> str:
    r"""The delimiter of lines that begin with the names of the columns; a comma if there is none.

    >>> find_delimiter(["Datum;Umsatz, netto\n", "2015-01;100,5\n"]), find_delimiter(["a,b;c\n", "1,2\n"])
    (';', ',')
    """
    shares = {delimiter: _share(lines, delimiter) for delimiter in DELIMITERS}
    if len(lines) == 1:  # the header alone
        return max(reversed(DELIMITERS), key=lines[0].count)
    best = max(shares.values())
    return next(delimiter for delimiter, share in shares.items() if share == best) if best else ","


def _share(lines: Sequence[str], delimiter: str) -> float:
    """The share of records with as many fields as the first, 0 if that is one."""
    try:
        records = [record for record in csv.reader(lines, delimiter=delimiter, skipinitialspace=True) if record]
    except csv.Error:
        return 0.0
    width = len(records[0]) if records else 0
    if width < 2:
        return 0.0
    return sum(len(record) == width for record in records) / len(records)
