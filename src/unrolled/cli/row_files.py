"""Rows of a result as they are made: CSV, JSON or a format of their own, to stdout or, whole or not at all, to a file."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import sys
from collections.abc import Callable, Generator, Iterable
from pathlib import Path
from typing import IO, cast

from unrolled.cli.json_report import Row, finite
from unrolled.cli.wording import printable

__all__ = ["Writer", "write_csv", "write_json_lines", "writing_to"]

Writer = Callable[[Iterable[Row], IO[str]], None]


def write_csv(rows: Iterable[Row], file: IO[str]) -> None:
    """Write a line of names, that of the first row, and a line a row."""
    writer = csv.writer(file, lineterminator="\n")
    for n, row in enumerate(rows):
        if n == 0:
            writer.writerow(row)
        writer.writerow(row.values())


def write_json_lines(rows: Iterable[Row], file: IO[str]) -> None:
    """Write an object a line."""
    for row in rows:
        file.write(json.dumps(finite(row)) + "\n")


class _Terminal:
    """Stdout for a reader: what is in the data steers nothing."""

    def write(self, text: str) -> int:
        return sys.stdout.write(printable(text))


@contextlib.contextmanager
def writing_to(path: Path | None) -> Generator[IO[str], None, None]:
    """Yield a text file: stdout, or one that becomes ``path`` when all has gone well."""
    if path is None:
        yield cast("IO[str]", _Terminal()) if sys.stdout.isatty() else sys.stdout
        return
    from unrolled.runtime.atomic_write import replacing

    with replacing(path) as file:
        text = io.TextIOWrapper(file, encoding="utf-8", newline="")
        try:
            yield text
            text.flush()
        finally:
            text.detach()
