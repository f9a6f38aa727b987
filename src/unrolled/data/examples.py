"""Files of examples, by what their names end in: texts, tokens or sequences of numbers, with the target of each.

>>> import tempfile
>>> with tempfile.TemporaryDirectory() as folder:
...     file = Path(folder) / "reviews.csv"
...     _ = file.write_text("review,mood\\nwhat a film,good\\nnever again please,bad\\n")
...     with open_examples(file, wanted="one") as reviews:
...         examples = reviews.read()
>>> reviews.notes, examples.items, examples.targets
(("the text is 'review'", "the label is 'mood'"), ['what a film', 'never again please'], ['good', 'bad'])
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Literal

from unrolled.data.conll_examples import open_conll, open_conllu
from unrolled.data.csv_examples import open_csv_examples
from unrolled.data.example_columns import SERIES_NAMES, ExampleColumns
from unrolled.data.example_file import ExampleFile, ReadOptions, TargetLevel
from unrolled.data.jsonl import open_jsonl
from unrolled.data.npz import open_npz
from unrolled.data.plain_text import open_plain_text
from unrolled.data.text_lines import TextLines, unpacked_suffix
from unrolled.data.ts import open_ts
from unrolled.data.wav_examples import open_wav, open_wav_folder
from unrolled.errors import InputError

__all__ = ["open_example_file", "open_examples"]

SAMPLE = 1000  # lines that say whether a file holds sentences
TABLES = (".csv", ".tsv")
CONLL: dict[str, Callable[..., ExampleFile]] = {
    ".conll": open_conll,
    ".conllu": open_conllu,
    ".bio": open_conll,
    ".iob": open_conll,
    ".iob2": open_conll,
    ".bioes": open_conll,
}
READERS: dict[str, Callable[..., ExampleFile]] = {
    ".jsonl": open_jsonl,
    ".ndjson": open_jsonl,
    ".npz": open_npz,
    ".ts": open_ts,
    ".txt": open_plain_text,
    ".wav": open_wav,
}


def open_examples(
    path: str | os.PathLike[str],
    options: ReadOptions | None = None,
    *,
    wanted: Literal["nothing", "one", "each"],
    columns: ExampleColumns | None = None,
) -> ExampleFile:
    """Open a file of examples; they are read from it one after the other.

    Args:
        path: a name that ends in ``.csv`` or ``.tsv`` (:mod:`unrolled.data.csv_examples`), ``.jsonl``
            (:mod:`unrolled.data.jsonl`), ``.npz`` (:mod:`unrolled.data.npz`), ``.conll`` (also ``.bio``, ``.iob``, ``.iob2``,
            ``.bioes``), ``.conllu``, ``.ts``, ``.wav`` or ``.txt``, a text a line; or a folder of WAV files. Text files may be
            packed by gzip (``.csv.gz``). Where tokens are read, ``.txt`` and ``.tsv`` may be CoNLL files, too.
        options: columns and other options that the user has specified.
        wanted: the targets to read: ``nothing``, ``one`` per item, or one for ``each`` step.
        columns: the columns that a model was trained on.

    Raises:
        InputError: there is no such file, its name does not tell its format, or its contents do not match.
    """
    levels: dict[str, TargetLevel] = {"nothing": "none", "one": "sequence", "each": "step"}
    return open_example_file(path, options, target_level=levels[wanted], columns=columns)


def open_example_file(
    path: str | os.PathLike[str],
    options: ReadOptions | None = None,
    *,
    target_level: TargetLevel,
    columns: ExampleColumns | None = None,
) -> ExampleFile:
    """As :func:`open_examples`, where the targets are those of no item, of each sequence, or of each step."""
    path, options = Path(path), options or ReadOptions()
    suffix = unpacked_suffix(path)
    of_tokens = columns is not None and columns.layout == "tokens"
    of_frames = columns is not None and columns.layout == "frames"
    if suffix == ".txt" and (target_level == "step" or of_tokens):
        suffix = ".conll"
    if suffix == ".tsv" and (
        of_tokens or (target_level == "step" and columns is None and _has_sentences(path, options))
    ):
        suffix = ".conll"
    if suffix in TABLES:
        return open_csv_examples(
            path, options, target_level=target_level, columns=None if of_tokens or of_frames else columns
        )
    if suffix in CONLL:
        label = options.label or (columns.label if columns is not None and of_tokens else None)
        return CONLL[suffix](path, replace(options, label=label), target_level=target_level)
    if path.is_dir():
        return open_wav_folder(path, options, target_level=target_level)
    if suffix not in READERS:
        found = f"the name ends in {suffix!r}" if suffix else "the name has no ending"
        known = ", ".join((*TABLES, *CONLL, *READERS))
        raise InputError(
            f"{path}: {found}, which says nothing of its format; expected one of {known}, or a folder of WAV files"
        )
    return READERS[suffix](path, options, target_level=target_level)


def _has_sentences(path: Path, options: ReadOptions) -> bool:
    """Whether empty lines part the first lines of a file that could be a table, as they do sentences."""
    if options.series or options.features or not path.is_file():
        return False
    with TextLines(path, "a CoNLL file or a table") as lines:
        first = [line.strip() for line in islice(lines, SAMPLE)]
    while first and not first[-1]:
        first.pop()
    header = {name.strip().lower() for name in first[0].split("\t")} if first else set[str]()
    return "" in first[1:] and not header & SERIES_NAMES
