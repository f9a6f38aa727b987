r"""Tagged sentences in the columns of the CoNLL shared tasks and in CoNLL-U, the format of Universal Dependencies.

Both have a token a line and an empty line after each sentence. CoNLL's columns stand between blanks or tabs, the token first
and usually the tag last; CoNLL-U has ten columns between tabs, with names.

Sources: Tjong Kim Sang, De Meulder 2003, *Introduction to the CoNLL-2003 shared task*; https://universaldependencies.org/format.html.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from typing import Literal, get_args

from unrolled.data.text_lines import TextLines
from unrolled.errors import InputError

__all__ = [
    "Column",
    "Sentence",
    "conll_sentences",
    "conllu_sentences",
    "iterate_conll",
    "iterate_conllu",
    "read_conll",
    "read_conllu",
]

Sentence = tuple[list[str], list[str]]
"""Tokens and their tags."""

Column = Literal["ID", "FORM", "LEMMA", "UPOS", "XPOS", "FEATS", "HEAD", "DEPREL", "DEPS", "MISC"]
COLUMNS: tuple[Column, ...] = get_args(Column)

_BLANKS = re.compile("[ \t]+")  # not any white space: some tokens are a non-breaking space


def read_conll(
    path: str | os.PathLike[str], *, tag_column: int = -1, token_column: int = 0
) -> tuple[list[list[str]], list[list[str]]]:
    r"""All sentences of a CoNLL file and their tags.

    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = pathlib.Path(folder) / "two.txt"
    ...     _ = file.write_text("Ada NNP B-PER\nsings VBZ O\n\nYes UH O\n")
    ...     read_conll(file)
    ([['Ada', 'sings'], ['Yes']], [['B-PER', 'O'], ['O']])

    Args:
        path: a UTF-8 file; one that gzip packed is unpacked.
        tag_column, token_column: from 0, or from the end if negative.

    Raises:
        InputError: naming file, line and what is wrong; there is no sentence.
    """
    return _all(path, iterate_conll(path, tag_column=tag_column, token_column=token_column))


def iterate_conll(path: str | os.PathLike[str], *, tag_column: int = -1, token_column: int = 0) -> Iterator[Sentence]:
    """The sentences of a CoNLL file one after the other; arguments and errors are those of :func:`read_conll`.

    Lines that begin with ``-DOCSTART-`` are left out.
    """
    with TextLines(path, "a CoNLL file") as lines:
        yield from conll_sentences(lines, tag_column=tag_column, token_column=token_column)


def conll_sentences(lines: TextLines, *, tag_column: int | None = -1, token_column: int = 0) -> Iterator[Sentence]:
    """The sentences of an open CoNLL file; without ``tag_column`` the tags are empty."""
    tokens: list[str] = []
    tags: list[str] = []
    width = 0
    for number, line in enumerate(lines, 1):
        fields = _BLANKS.split(line.strip(" \t\r\n"))
        if fields == [""]:
            if tokens:
                yield tokens, tags
                tokens, tags = [], []
            continue
        if fields[0] == "-DOCSTART-":
            continue
        width = width or _checked_width(len(fields), tag_column, token_column, f"{lines.path}, line {number}")
        if len(fields) != width:
            raise InputError(f"{lines.path}, line {number}: {len(fields)} columns, the lines before it have {width}")
        tokens.append(fields[token_column])
        if tag_column is not None:
            tags.append(fields[tag_column])
    if tokens:
        yield tokens, tags


def read_conllu(path: str | os.PathLike[str], *, column: Column = "UPOS") -> tuple[list[list[str]], list[list[str]]]:
    """All sentences of a CoNLL-U file and what ``column`` says of their words, ``_`` where that is nothing.

    Comments are left out, as are empty nodes (``8.1``) and the lines of words that are written together (``1-2``), whose parts
    follow.

    Args:
        path: a UTF-8 file; one that gzip packed is unpacked.
        column: ``ID``, ``FORM``, ``LEMMA``, ``UPOS``, ``XPOS``, ``FEATS``, ``HEAD``, ``DEPREL``, ``DEPS`` or ``MISC``.

    Raises:
        InputError: naming file, line and what is wrong; there is no sentence.
    """
    return _all(path, iterate_conllu(path, column=column))


def iterate_conllu(path: str | os.PathLike[str], *, column: Column = "UPOS") -> Iterator[Sentence]:
    """The sentences of a CoNLL-U file one after the other; arguments and errors are those of :func:`read_conllu`."""
    with TextLines(path, "a CoNLL-U file") as lines:
        yield from conllu_sentences(lines, column=column)


def conllu_sentences(lines: TextLines, *, column: Column = "UPOS") -> Iterator[Sentence]:
    """The sentences of an open CoNLL-U file."""
    if column not in COLUMNS:
        raise InputError(f"column is {column!r}, expected one of {', '.join(COLUMNS)}")
    place, form = COLUMNS.index(column), COLUMNS.index("FORM")
    words: list[str] = []
    tags: list[str] = []
    for number, text in enumerate(lines, 1):
        line = text.rstrip("\r\n")
        if not line.strip():
            if words:
                yield words, tags
                words, tags = [], []
            continue
        if line.startswith("#"):
            continue
        fields = line.split("\t")
        where = f"{lines.path}, line {number}"
        if len(fields) != len(COLUMNS):
            raise InputError(f"{where}: {len(fields)} columns between tabs, CoNLL-U has {len(COLUMNS)}")
        if re.fullmatch(r"\d+-\d+|\d+\.\d+", fields[0]):
            continue
        if fields[0] != str(len(words) + 1):
            raise InputError(f"{where}: the word's number is {fields[0]!r}, expected {len(words) + 1}")
        words.append(fields[form])
        tags.append(fields[place])
    if words:
        yield words, tags


def _checked_width(width: int, tag_column: int | None, token_column: int, where: str) -> int:
    """The number of columns of the first line, if those asked for are among them."""
    for name, place in {"tag_column": tag_column, "token_column": token_column}.items():
        if place is not None and not -width <= place < width:
            raise InputError(f"{where}: {width} columns, but {name} is {place}")
    if tag_column is not None and tag_column % width == token_column % width:
        raise InputError(
            f"{where}: {width} columns, expected a token and its tag in different ones; is this a CoNLL file?"
        )
    return width


def _all(path: str | os.PathLike[str], sentences: Iterable[Sentence]) -> tuple[list[list[str]], list[list[str]]]:
    read = list(sentences)
    if not read:
        raise InputError(f"{path} holds no sentences")
    return [tokens for tokens, _ in read], [tags for _, tags in read]
