"""Two files of texts, line for line: sources and their targets; or one, of sources alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from itertools import zip_longest
from pathlib import Path

from unrolled.data.example_file import Example, ExampleFile, Place
from unrolled.data.text_lines import TextLines
from unrolled.errors import InputError

__all__ = ["open_parallel_text"]


def open_parallel_text(path: Path, second: Path | None) -> ExampleFile:
    """Open a file of sources and one of their targets; without the second, of sources alone.

    Raises:
        InputError: no such file; while it is read: a source or a target is blank, or one file has more lines.
    """
    with ExitStack() as stack:
        sources = stack.enter_context(TextLines(path, "a text file"))
        targets = None if second is None else stack.enter_context(TextLines(second, "a text file"))
        files = stack.pop_all()  # from here on who reads the examples closes them
    if targets is None:
        return ExampleFile(str(sources.path), "text", _alone(sources), "none", lambda: sources.share, files.close)
    share = lambda: (sources.share + targets.share) / 2  # noqa: E731
    return ExampleFile(str(sources.path), "text", _pairs(sources, targets), "sequence", share, files.close)


def _alone(sources: TextLines) -> Iterator[Example]:
    for number, source in enumerate(_without_last_blanks(sources), 1):
        if not source:
            raise InputError(f"{sources.path}, line {number}: the source is empty; fill it or leave the line out")
        yield Example(source, None, Place("line", number))


def _pairs(sources: TextLines, targets: TextLines) -> Iterator[Example]:
    lines = enumerate(zip_longest(_without_last_blanks(sources), _without_last_blanks(targets)), 1)
    for number, (source, target) in lines:
        if source is None or target is None:
            counts = number - 1, number + sum(1 for _ in lines)
            left, right = counts if source is None else counts[::-1]
            longer = targets if source is None else sources
            raise InputError(
                f"{sources.path} has {left:,} lines and {targets.path} {right:,}: expected as many, a target for each source;"
                f" line {number} of {longer.path} has no partner"
            )
        if source and target:
            yield Example(source, target, Place("line", number))
        elif source or target:
            blank, what = (targets, "target") if source else (sources, "source")
            raise InputError(
                f"{blank.path}, line {number}: the {what} is empty; fill it, or leave the line out of both files"
            )


def _without_last_blanks(lines: TextLines) -> Iterator[str]:
    """Each line without the blanks around it; blank ones only where another follows."""
    waiting = 0
    for line in lines:
        text = line.strip()
        if not text:
            waiting += 1
            continue
        yield from [""] * waiting
        waiting = 0
        yield text
