"""Examples in a file: items, their targets, and their places in the file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Literal, NamedTuple

from unrolled.data.example_columns import ExampleColumns
from unrolled.data.items import ItemKind
from unrolled.errors import InputError

__all__ = ["Example", "ExampleFile", "Examples", "Place", "ReadOptions", "TargetLevel", "refuse_step_targets"]

TargetLevel = Literal["none", "sequence", "step"]
"""Which targets are read: none, one per item (sequence level), or one per step (step level)."""


class Place(NamedTuple):
    """Where an item is in its file.

    >>> str(Place("line", 7)), str(Place("series", "a"))
    ('line 7', "series 'a'")
    """

    name: str
    value: int | str

    def __str__(self) -> str:
        return f"{self.name} {self.value!r}"


class Example(NamedTuple):
    """One item, its target if known, and its place."""

    item: Any
    target: Any
    place: Place


@dataclass(frozen=True)
class ReadOptions:
    """Options for reading a file, as the user specified them. ``label``, ``text``, ``series`` and ``features`` are columns of a
    table, or keys of JSON lines; ``labels`` and ``pattern`` describe a folder of recordings
    (:func:`unrolled.data.wav.read_wav_folder`).
    """

    label: str | None = None
    text: str | None = None
    series: str | None = None
    features: tuple[str, ...] = ()
    labels: Path | None = None
    pattern: str | None = None

    def allow(self, source: str, *names: str) -> None:
        """Raise an InputError if anything other than ``names`` was specified, since it does not apply to this file."""
        surplus = [name for name, value in vars(self).items() if value and name not in names]
        if surplus:
            goes = f"only {' and '.join(f'{name}=' for name in names)} can be given" if names else "leave it out"
            raise InputError(f"{source}: {surplus[0]}= says nothing about a file of this kind; {goes}")


def refuse_step_targets(source: str, target_level: TargetLevel) -> None:
    """Raise an InputError if targets for each step are requested from a file of this kind."""
    if target_level == "step":
        raise InputError(
            f"{source}: a file of this kind has no tag for each step; expected CoNLL, JSON lines with tags, or a table with a"
            " row a step"
        )


@dataclass(frozen=True)
class Examples:
    """Items in memory. ``targets`` is None if they were not requested."""

    source: str
    kind: ItemKind
    items: list[Any]
    targets: list[Any] | None
    places: list[Place]

    def error(self, n: int, text: str) -> InputError:
        """The error about item ``n``."""
        return InputError(f"{self.source}, {self.places[n]}: {text}")


@dataclass
class ExampleFile:
    """An open file of examples, read once from beginning to end.

    Attributes:
        source: its name in messages.
        kind: the kind of its items.
        columns: the roles of the columns of a table.
        notes: one sentence for everything that was inferred.
    """

    source: str
    kind: ItemKind
    examples: Iterator[Example]
    target_level: TargetLevel
    share: Callable[[], float]
    """How much of it has been read, from 0 to 1."""
    close: Callable[[], object] = field(default=lambda: None)
    columns: ExampleColumns | None = None
    notes: tuple[str, ...] = ()

    def __enter__(self) -> ExampleFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def batches(self, size: int) -> Iterator[Examples]:
        """The examples, ``size`` at a time; only these are kept in memory.

        Raises:
            InputError: an example is invalid, or there is none.
        """
        count = 0
        while batch := list(islice(self.examples, size)):
            count += len(batch)
            targets = [example.target for example in batch] if self.target_level != "none" else None
            yield Examples(self.source, self.kind, [e.item for e in batch], targets, [e.place for e in batch])
        if not count:
            raise InputError(f"{self.source}: 0 items, need at least 1")

    def read(self) -> Examples:
        """All examples at once."""
        parts = list(self.batches(1024))
        targets = [target for part in parts for target in part.targets or ()] if self.target_level != "none" else None
        items, places = ([one for part in parts for one in getattr(part, name)] for name in ("items", "places"))
        return Examples(self.source, self.kind, items, targets, places)
