"""Sentences of CoNLL and CoNLL-U files as examples."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from unrolled.data.columns import Columns
from unrolled.data.conll import COLUMNS, Sentence, conll_sentences, conllu_sentences
from unrolled.data.example_file import Example, ExampleFile, Place, Told, Wanted
from unrolled.data.text_lines import TextLines
from unrolled.errors import InputError

__all__ = ["open_conll", "open_conllu"]


def open_conll(path: Path, told: Told, *, wanted: Wanted) -> ExampleFile:
    """Open a CoNLL file; ``label`` is the number of the column of tags, from 0, by default the last.

    Raises:
        InputError: there is no such column; lines are checked as they are read.
    """
    column = -1
    if told.label is not None:
        try:
            column = int(told.label)
        except ValueError:
            raise InputError(f"{path}: label= is {told.label!r}, expected the number of a column, from 0") from None
    lines = _opened(path, told, wanted)
    return _file(lines, conll_sentences(lines, tag_column=None if wanted == "nothing" else column), told.label, wanted)


def open_conllu(path: Path, told: Told, *, wanted: Wanted) -> ExampleFile:
    """Open a CoNLL-U file; ``label`` is the column of tags, by default ``UPOS``.

    Raises:
        InputError: there is no such column; lines are checked as they are read.
    """
    column = told.label or "UPOS"
    if column not in COLUMNS:
        raise InputError(f"{path}: label= is {column!r}, expected one of {', '.join(COLUMNS)}")
    lines = _opened(path, told, wanted)
    return _file(lines, conllu_sentences(lines, column=column), told.label, wanted)


def _opened(path: Path, told: Told, wanted: Wanted) -> TextLines:
    told.allow(str(path), "label")
    if wanted == "one":
        raise InputError(f"{path}: a CoNLL file has a tag for each token, not one answer a text; a tagger learns them")
    return TextLines(path, "a CoNLL file")


def _file(lines: TextLines, sentences: Iterator[Sentence], label: str | None, wanted: Wanted) -> ExampleFile:
    examples = (
        Example(tokens, None if wanted == "nothing" else tags, Place("sentence", n))
        for n, (tokens, tags) in enumerate(sentences, 1)
    )
    columns = Columns("tokens", label)
    return ExampleFile(str(lines.path), "tokens", examples, wanted, lambda: lines.share, lines.close, columns)
