"""The lines of a CoNLL file: sentences of rows, without the comments between them, and the column that numbers the tokens.

The shared tasks agree on little more than a token a line and an empty line after a sentence. Some files number the tokens
first (CoNLL-X, GermEval), or name document and part before that (CoNLL-2012); some have lines about a sentence before it,
such as ``# id 17 <tab> domain=en``, or mark where a document begins.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TypeAlias

from unrolled.data.text_lines import TextLines
from unrolled.errors import InputError

__all__ = ["NO_WORD", "Row", "conll_rows", "number_column", "numbered_words"]

Row: TypeAlias = tuple[int, list[str]]
"""The number of a line, and its fields."""

NO_WORD = re.compile(r"\d+-\d+|\d+\.\d+")
"""The number of words that are written together, whose parts follow, or of an empty node."""

LEADING = 3  # columns among which the numbers are looked for
ENOUGH = 20  # sentences that are looked at
_BLANKS = re.compile("[ \t]+")  # not any white space: some tokens are a non-breaking space
_ENTITY = re.compile(r"O|[BIESLUM]-.+")


def conll_rows(lines: TextLines, tag_column: int | None) -> Iterator[list[Row]]:
    """The rows of each sentence, all with as many fields; it ends at an empty line, or where a document begins or ends."""
    sentence: list[Row] = []
    tags: set[str] = set()
    width = 0
    for number, line in enumerate(lines, 1):
        fields = _BLANKS.split(line.strip(" \t\r\n"))
        if fields == [""] or fields[0] == "-DOCSTART-" or fields[:2] in (["#begin", "document"], ["#end", "document"]):
            if sentence:
                yield sentence
                sentence = []
            continue
        if not sentence and _is_comment(fields, width, tag_column, tags):
            continue
        width = width or len(fields)
        if len(fields) != width:
            raise InputError(f"{lines.path}, line {number}: {len(fields)} columns, the lines before it have {width}")
        sentence.append((number, fields))
        if tag_column is not None and -width <= tag_column < width:
            tags.add(fields[tag_column])
    if sentence:
        yield sentence


def _is_comment(fields: list[str], width: int, tag_column: int | None, tags: set[str]) -> bool:
    """Whether a line before a sentence is a comment on it, and not a first token ``#`` with its tag."""
    if fields[0] != "#":
        return False
    if len(fields) != (width or len(fields)):
        return True
    if len(fields) == 1:
        return False
    place = -1 if tag_column is None or not -len(fields) <= tag_column < len(fields) else tag_column
    return fields[place] not in tags and _ENTITY.fullmatch(fields[place]) is None


def number_column(sentences: Iterable[list[Row]], tag_column: int | None) -> tuple[int | None, list[list[Row]]]:
    """The column that numbers the tokens of each sentence, if there is one, and the sentences that had to be looked at."""
    seen: list[list[Row]] = []
    possible: list[int] = []
    for sentence in sentences:
        if not seen:
            width = len(sentence[0][1])
            possible = [c for c in range(min(LEADING, width - 1)) if tag_column is None or tag_column % width > c + 1]
        seen.append(sentence)
        possible = [c for c in possible if _are_numbers([fields[c] for _, fields in sentence])]
        if not possible or len(seen) == ENOUGH:
            break
    several = any(len(sentence) > 1 for sentence in seen)  # a sentence of the single token "1" says little
    return (possible[0] if possible and several else None), seen


def _are_numbers(fields: list[str]) -> bool:
    words = [field for field in fields if not NO_WORD.fullmatch(field)]
    return words[:1] in (["0"], ["1"]) and words == [str(int(words[0]) + n) for n in range(len(words))]


def numbered_words(path: object, sentence: list[Row], column: int) -> list[Row]:
    """The rows of a sentence that are words; an InputError where these are not numbered in a row."""
    words = [row for row in sentence if not NO_WORD.fullmatch(row[1][column])]
    first = 0 if words and words[0][1][column] == "0" else 1
    for number, (line, fields) in enumerate(words, first):
        if fields[column] != str(number):
            raise InputError(f"{path}, line {line}: the word's number is {fields[column]!r}, expected {number}")
    return words
