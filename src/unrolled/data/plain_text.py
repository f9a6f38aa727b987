"""Texts without targets: a line of a plain text file each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from unrolled.data.example_file import Example, ExampleFile, Place, ReadOptions, TargetLevel
from unrolled.data.text_lines import TextLines
from unrolled.errors import InputError

__all__ = ["open_plain_text"]


def open_plain_text(path: Path, options: ReadOptions, *, target_level: TargetLevel) -> ExampleFile:
    """Open a plain text file; blank lines are passed over.

    Raises:
        InputError: targets are requested, and it has none.
    """
    options.allow(str(path))
    if target_level != "none":
        raise InputError(f"{path}: plain text has no labels; give a CSV file with a column of texts and one of labels")
    lines = TextLines(path, "a text file")
    return ExampleFile(str(path), "text", _examples(lines), target_level, lambda: lines.share, lines.close)


def _examples(lines: TextLines) -> Iterator[Example]:
    for number, line in enumerate(lines, 1):
        if line.strip():
            yield Example(line.strip(), None, Place("line", number))
