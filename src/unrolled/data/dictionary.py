"""Dictionaries: a word and its symbols a line, as of pronunciations; a word may have several."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from unrolled.data.example_file import Example, ExampleFile, Place
from unrolled.data.text_lines import TextLines
from unrolled.errors import InputError

__all__ = ["open_dictionary", "several_targets"]

COMMENT = ";;;"
AFTER = re.compile(r"\s#.*$")  # a comment at the end of a line, as in cmudict.dict
AGAIN = re.compile(r"(.+)\(\d+\)")  # WORD(2), CMU's second pronunciation


def open_dictionary(path: Path, *, targets: bool) -> ExampleFile:
    """Open a file of lines such as ``word TAB W ER1 D``, or with blanks in place of the tab as CMU's dictionary has them.

    A word is a text, its symbols are a list of tokens. ``WORD(2)`` is ``WORD`` again where that came before. Without targets
    each word comes once, and may stand alone.

    Source of the format: the Carnegie Mellon Pronouncing Dictionary, http://www.speech.cs.cmu.edu/cgi-bin/cmudict.

    Raises:
        InputError: no such file; while it is read: a line has no word or no symbols.
    """
    lines = TextLines(path, "a dictionary")
    examples, level = _examples(lines, targets=targets), "sequence" if targets else "none"
    return ExampleFile(str(lines.path), "text", examples, level, lambda: lines.share, lines.close)


def several_targets(items: Sequence[Any], targets: Sequence[Any]) -> tuple[list[int], list[list[Any]]]:
    """The place of each source where it comes first, and all of its targets in order, none of them twice.

    >>> several_targets(["a", "b", "a"], [["AH"], ["B"], ["EY"]])
    ([0, 1], [[['AH'], ['EY']], [['B']]])
    """
    places: dict[Any, int] = {}
    several: dict[Any, list[Any]] = {}
    for n, (item, target) in enumerate(zip(items, targets, strict=True)):
        key = item if isinstance(item, str) else tuple(item)
        places.setdefault(key, n)
        known = several.setdefault(key, [])
        if target not in known:
            known.append(target)
    return list(places.values()), list(several.values())


def _examples(lines: TextLines, *, targets: bool) -> Iterator[Example]:
    known: set[str] = set()
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith(COMMENT):
            continue
        word, symbols = _split(line.strip("\r\n"))
        if not word or (targets and not symbols):
            what = "the word is empty" if not word else f"{word!r} has no symbols"
            raise InputError(
                f"{lines.path}, line {number}: {what}; expected a word, a tab and its symbols with blanks between them:"
                " correct it or leave the line out"
            )
        again = AGAIN.fullmatch(word)
        if again is not None and again[1] in known:
            word = again[1]
        if targets or word not in known:
            yield Example(word, list(symbols) if targets else None, Place("line", number))
        known.add(word)


def _split(line: str) -> tuple[str, Sequence[str]]:
    """A word and its symbols, after a tab or else after the first blank."""
    if "\t" in line:
        word, _, symbols = line.partition("\t")
        return word.strip(), symbols.split()
    if line[0].isspace():
        return "", line.split()
    word, *symbols = AFTER.sub("", line).split()
    return word, symbols
