"""Examples as a file holds them: items, what is wanted of each, and how the user finds one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Literal, NamedTuple

from unrolled.data.columns import Columns
from unrolled.data.items import Kind
from unrolled.errors import InputError

__all__ = ["Example", "ExampleFile", "Examples", "Place", "Told", "Wanted", "refuse_each"]

Wanted = Literal["nothing", "one", "each"]
"""Answers: none are read, one an item, or one for each step."""


class Place(NamedTuple):
    """How the user finds an item in its file.

    >>> str(Place("line", 7)), str(Place("series", "a"))
    ('line 7', "series 'a'")
    """

    name: str
    value: int | str

    def __str__(self) -> str:
        return f"{self.name} {self.value!r}"


class Example(NamedTuple):
    """One item, what is wanted of it if that is known, and where it stands."""

    item: Any
    answer: Any
    place: Place


@dataclass(frozen=True)
class Told:
    """What the user says about a file. Columns of a table (for JSON lines, keys) are ``label``, ``text``, ``series`` and
    ``features``; ``labels`` and ``pattern`` say what a folder of recordings is (:func:`unrolled.data.wav.read_wav_folder`).
    """

    label: str | None = None
    text: str | None = None
    series: str | None = None
    features: tuple[str, ...] = ()
    labels: Path | None = None
    pattern: str | None = None

    def allow(self, source: str, *names: str) -> None:
        """Raise an InputError if anything but ``names`` was told: this file has no use for it."""
        surplus = [name for name, value in vars(self).items() if value and name not in names]
        if surplus:
            goes = f"only {' and '.join(f'{name}=' for name in names)} can be told" if names else "leave it out"
            raise InputError(f"{source}: {surplus[0]}= says nothing about a file of this kind; {goes}")


def refuse_each(source: str, wanted: Wanted) -> None:
    """Raise an InputError where a file of this kind is asked for an answer a step."""
    if wanted == "each":
        raise InputError(
            f"{source}: a file of this kind has no tag for each step; expected CoNLL, JSON lines with tags, or a table with a"
            " row a step"
        )


@dataclass(frozen=True)
class Examples:
    """Items at hand. ``answers`` is None where they were not asked for."""

    source: str
    kind: Kind
    items: list[Any]
    answers: list[Any] | None
    places: list[Place]

    def error(self, n: int, text: str) -> InputError:
        """The error about item ``n``."""
        return InputError(f"{self.source}, {self.places[n]}: {text}")


@dataclass
class ExampleFile:
    """An open file of examples, read from its beginning to its end, once.

    Attributes:
        source: what messages call it.
        kind: of its items.
        columns: of a table, what each is for.
        notes: one sentence for each thing inferred.
    """

    source: str
    kind: Kind
    examples: Iterator[Example]
    wanted: Wanted
    share: Callable[[], float]
    """How much of it has been read, from 0 to 1."""
    close: Callable[[], object] = field(default=lambda: None)
    columns: Columns | None = None
    notes: tuple[str, ...] = ()

    def __enter__(self) -> ExampleFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def batches(self, size: int) -> Iterator[Examples]:
        """The examples, ``size`` at a time; no more than these are held.

        Raises:
            InputError: something is wrong with an example, or there is none.
        """
        count = 0
        while batch := list(islice(self.examples, size)):
            count += len(batch)
            answers = [example.answer for example in batch] if self.wanted != "nothing" else None
            yield Examples(self.source, self.kind, [e.item for e in batch], answers, [e.place for e in batch])
        if not count:
            raise InputError(f"{self.source}: 0 items, need at least 1")

    def read(self) -> Examples:
        """All examples at once."""
        parts = list(self.batches(1024))
        answers = [answer for part in parts for answer in part.answers or ()] if self.wanted != "nothing" else None
        items, places = ([one for part in parts for one in getattr(part, name)] for name in ("items", "places"))
        return Examples(self.source, self.kind, items, answers, places)
