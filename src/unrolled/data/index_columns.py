"""Columns that number the rows, as ``DataFrame.to_csv`` and ``write.csv`` put them first."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

import numpy as np

from unrolled.data.table import Column

__all__ = ["NAMES", "index_columns", "is_ascending", "left_out_note"]

UNNAMED = re.compile(r"unnamed: \d+(_level_\d+)?(\.\d+)*", re.IGNORECASE)  # pandas' name of a column without one
NAMES = {
    "index", "idx", "level_0", "row", "rows", "row_id", "rowid", "row_number", "rownum", "rownames", "row.names", "row_names",
    "x1", "...1", "#", "no", "no.", "nr", "nr.", "lfd. nr.", "lfd. nr", "lfdnr", "obs", "observation", "record", "id",
}  # fmt: skip


def index_columns(columns: Mapping[str, Column], unnamed: Collection[str]) -> list[str]:
    """The columns that number the rows: whole numbers without a name, or each of 0 to n - 1, or 1 to n, under a usual one.

    >>> count = Column(np.arange(3))
    >>> index_columns({"column 1": count, "index": count, "sales": count, "id": Column(np.array([7, 8, 9]))}, {"column 1"})
    ['column 1', 'index']
    """
    return [name for name, column in columns.items() if _is_index(name, column, unnamed)]


def _is_index(name: str, column: Column, unnamed: Collection[str]) -> bool:
    if column.values.dtype.kind != "i" or not len(column.values):
        return False
    if name in unnamed or UNNAMED.fullmatch(name):
        return True
    if name.lower() not in NAMES or len(column.values) < 2:
        return False
    ordered = np.sort(column.values)
    return bool(ordered[0] in (0, 1) and (np.diff(ordered) == 1).all())


def left_out_note(name: str, unnamed: Collection[str]) -> str:
    """The sentence for ``inferred_`` about a column that numbers the rows."""
    return f"{'the column without a name' if name in unnamed else repr(name)} numbers the rows and is left out"


def is_ascending(column: Column) -> bool:
    """Whether a column of whole numbers rises from row to row."""
    return bool((np.diff(column.values) > 0).all())
