"""Pairs of a source and its target in files: parallel texts, tables, JSON lines and dictionaries.

>>> import tempfile
>>> with tempfile.TemporaryDirectory() as folder:
...     english, french = Path(folder) / "train.en", Path(folder) / "train.fr"
...     _ = english.write_text("go on\\nstop\\n"), french.write_text("continue\\narrête\\n", "utf-8")
...     with open_pairs(english, french) as pairs:
...         examples = pairs.read()
>>> examples.items, examples.targets
(['go on', 'stop'], ['continue', 'arrête'])
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from unrolled.data.dictionary import open_dictionary
from unrolled.data.example_columns import ExampleColumns
from unrolled.data.example_file import ExampleFile
from unrolled.data.pair_objects import open_pair_objects
from unrolled.data.pair_table import open_pair_table
from unrolled.data.parallel_text import open_parallel_text
from unrolled.data.text_lines import TextLines, unpacked_suffix
from unrolled.errors import InputError
from unrolled.parameters.pairs import PairLayout

__all__ = ["PairOptions", "open_pairs", "pair_layout"]

OF_NAMES: dict[str, PairLayout] = {
    ".csv": "table", ".tsv": "table", ".jsonl": "objects", ".ndjson": "objects", ".dict": "dictionary",
    ".dic": "dictionary", ".lex": "dictionary",
}  # fmt: skip
DICTIONARY = "cmudict"  # which the names of its files begin with, whatever they end in


@dataclass(frozen=True)
class PairOptions:
    """What the user said of a file.

    Attributes:
        source, target: columns or keys.
        layout: by default that of the name.
        columns: those that a model was trained on, for a file that has them, where ``source`` and ``target`` name no others.
    """

    source: str | None = None
    target: str | None = None
    layout: PairLayout | None = None
    columns: ExampleColumns | None = None


def pair_layout(
    path: str | os.PathLike[str],
    second: str | os.PathLike[str] | None = None,
    options: PairOptions | None = None,
    *,
    targets: bool = True,
) -> PairLayout:
    """How a file holds pairs: as the user said, or by its name, or for a name that says nothing by its first line.

    Raises:
        InputError: the layout cannot be told, or there is a second file where one holds both.

    >>> pair_layout("a.en", "a.de"), pair_layout("pairs.tsv.gz"), pair_layout("cmudict-0.7b"), pair_layout("a.en", targets=False)
    ('lines', 'table', 'dictionary', 'lines')
    """
    path, given = Path(path), (options or PairOptions()).layout
    if given is not None and given not in get_args(PairLayout):
        raise InputError(f"layout is {given!r}, expected one of {', '.join(get_args(PairLayout))}")
    if second is not None:
        if given not in (None, "lines"):
            raise InputError(f"layout is {given!r}, which is one file, but {path} and {second} are two: leave one out")
        return "lines"
    suffix = unpacked_suffix(path)
    of_name = "dictionary" if path.name.lower().startswith(DICTIONARY) else OF_NAMES.get(suffix)
    found = given or of_name or ("lines" if not targets else _by_first_line(path))
    if found == "lines" and targets:
        raise InputError(f"{path}: where are its targets? expected a second file (second=), a target a line")
    return found


def open_pairs(
    path: str | os.PathLike[str],
    second: str | os.PathLike[str] | None = None,
    options: PairOptions | None = None,
    *,
    targets: bool = True,
    beside: Sequence[str] = (),
) -> ExampleFile:
    """Open a file of pairs, or two; they are read from it one after the other.

    ============== =================================================================================================
    layout         the file
    ============== =================================================================================================
    ``lines``      two files, a source a line and a target a line; blank lines where both have one are passed over
    ``table``      ``.csv`` and ``.tsv``: the columns ``source`` and ``target``, or those named, or the only two; a TSV
                   file whose first line has no such names begins with a pair, and its first two columns are read
    ``objects``    ``.jsonl``: ``{"source": …, "target": …}``, each a text or a list of tokens;
                   a source may also be steps of numbers
    ``dictionary`` ``.dict``, ``.dic``, ``.lex``, ``cmudict…``: a word, a tab or blanks, its symbols between blanks;
                   several lines of a word are several right answers, as are CMU's ``WORD(2)``; ``;;;`` is a comment
    ============== =================================================================================================

    Text is UTF-8, with or without a byte order mark; lines may end as on any system, and files may be packed by gzip.

    Args:
        path: the file; ``-`` is the standard input, a source a line.
        second: the file of targets, if they stand in their own.
        options: columns, and the layout where the name does not tell it.
        targets: whether targets are read; without them any text is a source a line.
        beside: other keys of JSON lines, to be read in the place of targets: of each line those it has, by name.

    Raises:
        InputError: there is no such file, its layout cannot be told, or a column is missing; lines are checked as they are
            read.
    """
    options = options or PairOptions()
    layout = pair_layout(path, second, options, targets=targets)
    if layout in ("lines", "dictionary") and (options.source or options.target):
        name = "source" if options.source else "target"
        raise InputError(f"{path}: {name}= says nothing about a file of this kind, which has no names; leave it out")
    if layout == "lines":
        return open_parallel_text(Path(path), None if second is None else Path(second))
    opening: dict[str, Callable[[], ExampleFile]] = {
        "table": lambda: open_pair_table(Path(path), options.source, options.target, options.columns, targets=targets),
        "objects": lambda: open_pair_objects(
            Path(path), options.source, options.target, options.columns, targets=targets, beside=beside
        ),
        "dictionary": lambda: open_dictionary(Path(path), targets=targets),
    }
    return opening[layout]()


def _by_first_line(path: Path) -> PairLayout:
    """The layout of a file whose name says nothing.

    Raises:
        InputError: neither does its first line.
    """
    if str(path) != "-" and (path.is_file() or path.is_dir() or not path.exists()):  # a pipe cannot be read twice
        with TextLines(path, "a file of pairs") as lines:
            first = next((line for line in lines if line.strip()), "")
        if first.startswith(";;;"):
            return "dictionary"
        if "\t" in first.strip():
            return "table"
    raise InputError(
        f"{path}: nothing says where a source ends and its target begins; expected two files (second=), a line a sentence each,"
        " or one .tsv, .csv, .jsonl or .dict file"
    )
