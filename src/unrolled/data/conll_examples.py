"""Sentences of CoNLL and CoNLL-U files as examples."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from unrolled.data.conll import COLUMNS, ConllSentences, Sentence, conllu_sentences
from unrolled.data.example_columns import ExampleColumns
from unrolled.data.example_file import Example, ExampleFile, Place, ReadOptions, TargetLevel
from unrolled.data.text_lines import TextLines
from unrolled.errors import InputError

__all__ = ["open_conll", "open_conllu"]


def open_conll(path: Path, options: ReadOptions, *, target_level: TargetLevel) -> ExampleFile:
    """Open a CoNLL file; ``label`` is the number of the column of tags, from 0, by default the last.

    Where it has the columns of CoNLL-U, whatever its name, ``label`` may be one of their names, and is ``UPOS`` by default.

    Raises:
        InputError: there is no such column; lines are checked as they are read.
    """
    column = -1 if options.label is None else _number_of(path, options.label)
    with ExitStack() as stack:
        lines = stack.enter_context(_opened(path, options, target_level))
        sentences = ConllSentences(lines, tag_column=None if target_level == "none" else column)
        if options.label in COLUMNS and not sentences.as_conllu:
            raise InputError(f"{path}: label= is {options.label!r}, but the file does not have the columns of CoNLL-U")
        notes = sentences.notes
        if target_level != "none" and options.label is None and sentences.as_conllu:
            sentences.tag_column = COLUMNS.index("UPOS")
            notes = (*notes, "the file has the columns of CoNLL-U: the tags are those of UPOS")
        stack.pop_all()  # from here on who reads the examples closes the file
    return _file(lines, iter(sentences), options.label, target_level, notes)


def _number_of(path: Path, label: str) -> int:
    if label in COLUMNS:
        return COLUMNS.index(label)
    try:
        return int(label)
    except ValueError:
        raise InputError(f"{path}: label= is {label!r}, expected the number of a column, from 0") from None


def open_conllu(path: Path, options: ReadOptions, *, target_level: TargetLevel) -> ExampleFile:
    """Open a CoNLL-U file; ``label`` is the column of tags, by default ``UPOS``.

    Raises:
        InputError: there is no such column; lines are checked as they are read.
    """
    column = options.label or "UPOS"
    if column not in COLUMNS:
        raise InputError(f"{path}: label= is {column!r}, expected one of {', '.join(COLUMNS)}")
    lines = _opened(path, options, target_level)
    return _file(lines, conllu_sentences(lines, column=column), options.label, target_level)


def _opened(path: Path, options: ReadOptions, target_level: TargetLevel) -> TextLines:
    options.allow(str(path), "label")
    if target_level == "sequence":
        raise InputError(f"{path}: a CoNLL file has a tag for each token, not one label a text; a tagger learns them")
    return TextLines(path, "a CoNLL file")


def _file(
    lines: TextLines,
    sentences: Iterator[Sentence],
    label: str | None,
    target_level: TargetLevel,
    notes: tuple[str, ...] = (),
) -> ExampleFile:
    examples = (
        Example(tokens, None if target_level == "none" else tags, Place("sentence", n))
        for n, (tokens, tags) in enumerate(sentences, 1)
    )
    columns = ExampleColumns("tokens", label)
    return ExampleFile(
        str(lines.path), "tokens", examples, target_level, lambda: lines.share, lines.close, columns, notes
    )
