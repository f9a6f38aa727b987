"""Files with the time windows in which something was known to be wrong, each with a start and an end."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

from unrolled.codecs.strict_json import parse_strict_json
from unrolled.data.csv import read_csv_table
from unrolled.data.table import INTEGER
from unrolled.errors import InputError

__all__ = ["read_anomaly_windows"]

Window = tuple[str | int, str | int]


def read_anomaly_windows(path: Path, of: str) -> list[Window]:
    """Windows ``(start, end)``, as times in text form or as row numbers.

    Args:
        path: a CSV file with the columns ``start`` and ``end``; or JSON, a list of pairs, or an object with such a list
            for each of several files, as that of the Numenta Anomaly Benchmark.
        of: the name of the file whose windows to read, if there are several.

    Raises:
        InputError: no such file, or it holds no windows, or none of ``of``.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "windows.json"
    ...     _ = file.write_text('{"known/taxi.csv": [["2014-10-30 15:30", "2014-11-03 22:30"]], "other.csv": []}')
    ...     read_anomaly_windows(file, "taxi.csv")
    [('2014-10-30 15:30', '2014-11-03 22:30')]
    """
    if path.suffix.lower() != ".json":
        return _of_table(path)
    try:
        found = parse_strict_json(path.read_bytes())
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (ValueError, OSError) as error:
        raise InputError(f"{path} cannot be read as JSON: {error}") from None
    if isinstance(found, dict):
        found = _of_file(path, cast("dict[str, Any]", found), of)
    if not isinstance(found, list):
        raise InputError(f"{path}: expected a list of windows, found {json.dumps(found)[:40]}")
    return [_pair(path, n, pair) for n, pair in enumerate(cast("list[Any]", found))]


def _of_table(path: Path) -> list[Window]:
    table = read_csv_table(path)
    columns = [table.column(name, "windows").texts or [] for name in ("start", "end")]
    windows: list[Window] = []
    for row in range(table.rows):
        start, end = (column[row] for column in columns)
        if start is None or end is None:
            raise table.cell_error(row, "start" if start is None else "end", "it is blank; fill it in")
        windows.append((_moment(start), _moment(end)))
    return windows


def _of_file(path: Path, found: dict[str, Any], of: str) -> Any:
    own = [name for name in found if Path(name).name == of.removesuffix(".gz")]
    if len(own) != 1:
        raise InputError(
            f"{path}: {'several entries are' if own else 'no entry is'} for {of}, expected one of its name"
        )
    return found[own[0]]


def _pair(path: Path, n: int, pair: Any) -> Window:
    if isinstance(pair, dict):
        named = cast("dict[str, Any]", pair)
        bounds = [named[name] for name in ("start", "end") if name in named]
    else:
        bounds = cast("list[Any]", pair) if isinstance(pair, list) else []
    if len(bounds) != 2 or not all(type(bound) in (str, int) for bound in bounds):
        raise InputError(f"{path}, window {n}: {json.dumps(pair)[:40]}, expected a start and an end")
    start, end = bounds
    return start, end


def _moment(text: str) -> str | int:
    """Rows are numbered where there are no times."""
    return int(text) if INTEGER.fullmatch(text) else text
