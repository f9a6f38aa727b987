"""Sentences of CoNLL and CoNLL-U files as examples."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from unrolled.data.columns import Columns
from unrolled.data.conll import COLUMNS, ConllSentences, Sentence, conllu_sentences
from unrolled.data.example_file import Example, ExampleFile, Place, Told, Wanted
from unrolled.data.text_lines import TextLines
from unrolled.errors import InputError

__all__ = ["open_conll", "open_conllu"]


def open_conll(path: Path, told: Told, *, wanted: Wanted) -> ExampleFile:
    """Open a CoNLL file; ``label`` is the number of the column of tags, from 0, by default the last.

    Where it has the columns of CoNLL-U, whatever its name, ``label`` may be one of their names, and is ``UPOS`` by default.

    Raises:
        InputError: there is no such column; lines are checked as they are read.
    """
    column = -1 if told.label is None else _number_of(path, told.label)
    with ExitStack() as stack:
        lines = stack.enter_context(_opened(path, told, wanted))
        sentences = ConllSentences(lines, tag_column=None if wanted == "nothing" else column)
        if told.label in COLUMNS and not sentences.as_conllu:
            raise InputError(f"{path}: label= is {told.label!r}, but the file does not have the columns of CoNLL-U")
        notes = sentences.notes
        if wanted != "nothing" and told.label is None and sentences.as_conllu:
            sentences.tag_column = COLUMNS.index("UPOS")
            notes = (*notes, "the file has the columns of CoNLL-U: the tags are those of UPOS")
        stack.pop_all()  # from here on who reads the examples closes the file
    return _file(lines, iter(sentences), told.label, wanted, notes)


def _number_of(path: Path, label: str) -> int:
    if label in COLUMNS:
        return COLUMNS.index(label)
    try:
        return int(label)
    except ValueError:
        raise InputError(f"{path}: label= is {label!r}, expected the number of a column, from 0") from None


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


def _file(
    lines: TextLines, sentences: Iterator[Sentence], label: str | None, wanted: Wanted, notes: tuple[str, ...] = ()
) -> ExampleFile:
    examples = (
        Example(tokens, None if wanted == "nothing" else tags, Place("sentence", n))
        for n, (tokens, tags) in enumerate(sentences, 1)
    )
    columns = Columns("tokens", label)
    return ExampleFile(str(lines.path), "tokens", examples, wanted, lambda: lines.share, lines.close, columns, notes)
