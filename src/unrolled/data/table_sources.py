"""Tables from wherever they come: a frame, a CSV file, a Parquet file, or the standard input."""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

from unrolled.data.csv import read_csv_table
from unrolled.data.frames import read_frame
from unrolled.data.table import Table
from unrolled.errors import InputError, MissingExtraError

__all__ = ["read_table"]

PARQUET = (".parquet", ".pq")


def read_table(data: Any, minimum_rows: int = 1, known: Collection[str] = ()) -> Table:
    """Return a frame, or a file by its path, as a :class:`Table`.

    Args:
        data: a pandas, polars or pyarrow frame; the path of a CSV file, or of a Parquet file (``.parquet``); or ``-``, the
            standard input, as CSV.
        minimum_rows: how many rows a file needs.
        known: columns that it has, whatever they look like.

    Raises:
        InputError: anything else.
        MissingExtraError: a package for frames is not installed.
    """
    if not isinstance(data, str | os.PathLike):
        return read_frame(data)
    path = Path(data)
    if path.suffix.lower() in PARQUET:
        return _read_parquet(path)
    return read_csv_table(data, minimum_rows, known)


def _read_parquet(path: Path) -> Table:
    try:
        import polars
    except ImportError:
        raise MissingExtraError("reading Parquet", "polars", "cli") from None
    try:
        with path.open("rb") as file:
            frame = polars.read_parquet(file)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (OSError, ValueError, polars.exceptions.PolarsError) as error:
        raise InputError(f"{path} cannot be read as Parquet: {str(error).splitlines()[0]}") from None
    table = read_frame(frame)
    unnamed = frozenset(name for name in table.columns if name.startswith("__index_level_"))
    return replace(table, file=str(path), row_name=lambda row: f"row {row} (counted from 0)", unnamed=unnamed)
