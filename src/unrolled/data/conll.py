r"""Tagged sentences in the columns of the CoNLL shared tasks and in CoNLL-U, the format of Universal Dependencies.

Both have a token a line and an empty line after each sentence. CoNLL's columns stand between blanks or tabs, the token
first, or its number before it, and usually the tag last (:mod:`unrolled.data.conll_rows`); CoNLL-U has ten columns between
tabs, with names.

Sources: Tjong Kim Sang, De Meulder 2003, *Introduction to the CoNLL-2003 shared task*; https://universaldependencies.org/format.html.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Literal, get_args

from unrolled.data.conll_rows import NO_WORD, conll_rows, number_column, numbered_words
from unrolled.data.text_lines import TextLines
from unrolled.errors import InputError

__all__ = [
    "COLUMNS",
    "Column",
    "ConllSentences",
    "Sentence",
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


def read_conll(
    path: str | os.PathLike[str], *, tag_column: int = -1, token_column: int | None = None
) -> tuple[list[list[str]], list[list[str]]]:
    r"""All sentences of a CoNLL file and their tags.

    Lines that begin with ``-DOCSTART-`` end a sentence and are left out, as are lines about a sentence that stand before it and
    begin with ``#`` and a blank; within a sentence, or with a tag, ``#`` is a token.

    Args:
        path: a UTF-8 file; one that gzip packed is unpacked.
        tag_column: from 0, or from the end if negative.
        token_column: the same; by default the first, or where one of the first three numbers the tokens, the one after it.

    Raises:
        InputError: naming file, line and what is wrong; there is no sentence.

    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = pathlib.Path(folder) / "two.txt"
    ...     _ = file.write_text("# id 7\nAda NNP B-PER\nsings VBZ O\n\nYes UH O\n")
    ...     read_conll(file)
    ([['Ada', 'sings'], ['Yes']], [['B-PER', 'O'], ['O']])
    """
    return _all(path, iterate_conll(path, tag_column=tag_column, token_column=token_column))


def iterate_conll(
    path: str | os.PathLike[str], *, tag_column: int = -1, token_column: int | None = None
) -> Iterator[Sentence]:
    """The sentences of a CoNLL file one after the other; arguments and errors are those of :func:`read_conll`."""
    with TextLines(path, "a CoNLL file") as lines:
        yield from ConllSentences(lines, tag_column=tag_column, token_column=token_column)


class ConllSentences:
    """The sentences of an open CoNLL file, to be iterated over once.

    Args:
        lines: the file's text.
        tag_column: None leaves the tags empty.
        token_column: as in :func:`read_conll`.

    Attributes:
        tag_column: may be changed before the first sentence.
        as_conllu: whether it has the ten columns of CoNLL-U, the words' numbers first.
        notes: one sentence for what was inferred.
    """

    def __init__(self, lines: TextLines, *, tag_column: int | None = -1, token_column: int | None = None) -> None:
        self._path, self.tag_column = lines.path, tag_column
        rows = conll_rows(lines, tag_column)
        self._numbers, seen = number_column(rows, tag_column) if token_column is None else (None, [])
        self._rows = chain(seen, rows)
        self._token_column, self.notes, self.as_conllu = token_column or 0, (), False
        if self._numbers is not None:
            self._token_column = self._numbers + 1
            self.notes = (f"the tokens are in column {self._token_column}, their numbers in the one before it",)
            self.as_conllu = self._numbers == 0 and len(seen[0][0][1]) == len(COLUMNS)

    def __iter__(self) -> Iterator[Sentence]:
        tags, tokens = self.tag_column, self._token_column
        for n, sentence in enumerate(self._rows):
            if n == 0:
                line, fields = sentence[0]
                _check_columns(len(fields), tags, tokens, f"{self._path}, line {line}")
            rows = sentence if self._numbers is None else numbered_words(self._path, sentence, self._numbers)
            if rows:
                yield (
                    [fields[tokens] for _, fields in rows],
                    [] if tags is None else [fields[tags] for _, fields in rows],
                )


def read_conllu(path: str | os.PathLike[str], *, column: Column = "UPOS") -> tuple[list[list[str]], list[list[str]]]:
    """All sentences of a CoNLL-U file, and the entries of ``column`` for their words, ``_`` where there is none.

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
        if NO_WORD.fullmatch(fields[0]):
            continue
        if fields[0] != str(len(words) + 1):
            raise InputError(f"{where}: the word's number is {fields[0]!r}, expected {len(words) + 1}")
        empty = next((COLUMNS[k] for k in (form, place) if not fields[k]), None)
        if empty is not None:
            raise InputError(f"{where}: the column {empty} is empty; write _ for nothing")
        words.append(fields[form])
        tags.append(fields[place])
    if words:
        yield words, tags


def _check_columns(width: int, tag_column: int | None, token_column: int, where: str) -> None:
    """Raise an InputError unless the columns asked for are among those of the first line."""
    for name, place in {"tag_column": tag_column, "token_column": token_column}.items():
        if place is not None and not -width <= place < width:
            raise InputError(f"{where}: {width} columns, but {name} is {place}")
    if tag_column is not None and tag_column % width == token_column % width:
        raise InputError(
            f"{where}: {width} columns, expected a token and its tag in different ones; is this a CoNLL file?"
        )


def _all(path: str | os.PathLike[str], sentences: Iterable[Sentence]) -> tuple[list[list[str]], list[list[str]]]:
    read = list(sentences)
    if not read:
        raise InputError(f"{path} holds no sentences")
    return [tokens for tokens, _ in read], [tags for _, tags in read]
