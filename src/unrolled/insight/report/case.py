"""A fitted estimator and the data that it is looked at with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from unrolled.cells import Cell, get_cell
from unrolled.errors import InputError
from unrolled.insight.gates import LayerGates, gates

__all__ = ["FAMILIES", "Case", "called", "shortened"]

FAMILIES = {
    "SequenceClassifier": "classes", "SequenceRegressor": "numbers", "SequenceTagger": "tags", "Seq2Seq": "answers",
    "CTCTranscriber": "transcripts", "SequenceGenerator": "pieces", "Forecaster": "series", "AnomalyDetector": "channels",
}  # fmt: skip
LOOKED_INTO = 16
"""Items whose gradients are measured."""
LONG = 300
"""Steps above which an item is too long to be looked into one step at a time, while there are shorter ones."""


@dataclass(frozen=True)
class Case:
    """What is inspected.

    Attributes:
        estimator: fitted.
        data: of its ``evaluate``: ``(X, y)``, or what its ``read`` returns of a table.
        places: where each item stands in its file, or its number.
    """

    estimator: Any
    data: Any
    places: Sequence[str]

    @property
    def family(self) -> str:
        """Which kind of targets there are: ``classes``, ``numbers``, ``tags``, ``answers``, ``transcripts``, ``pieces``,
        ``series`` or ``channels``."""
        return FAMILIES[type(self.estimator).__name__]

    @property
    def of_items(self) -> bool:
        """Whether the data are items, and not one table."""
        return self.family not in ("series", "channels")

    @property
    def items(self) -> list[Any]:
        """The items, ``X``."""
        return list(self.data[0])

    @property
    def targets(self) -> Any:
        """The targets, ``y``; None where there are none."""
        return self.data[1]

    @property
    def target_name(self) -> str:
        """What the column of the targets was called when the model learned; nothing where there was none."""
        columns = getattr(self.estimator, "columns_", None)
        return str(getattr(columns, "label", None) or "")

    def place(self, number: int) -> str:
        """Where an item stands in its file."""
        return self.places[number]

    @property
    def cell(self) -> Cell:
        """The recurrent cell."""
        return get_cell({"rnn": "rnn_tanh"}.get(self.estimator.cell, self.estimator.cell))

    def some(self, numbers: Sequence[int]) -> tuple[list[Any], Any]:
        """A few items with their targets, as ``evaluate`` takes them."""
        y = None if self.targets is None else [self.targets[n] for n in numbers]
        return [self.items[n] for n in numbers], y

    @cached_property
    def looked_into(self) -> list[int]:
        """The numbers of the items that are looked into one step at a time, spread over all, long ones last."""
        lengths = np.array([_steps(item) for item in self.items])
        if not len(lengths):
            raise InputError("there is no item")
        fitting = np.flatnonzero((lengths <= LONG) & (lengths > 1))
        if not len(fitting):
            return [int(lengths.argmin())]
        return fitting[np.linspace(0, len(fitting) - 1, min(LOOKED_INTO, len(fitting))).round().astype(int)].tolist()

    @cached_property
    def layers(self) -> dict[str, LayerGates]:
        """The gates of every layer in the first of those items, by place."""
        return gates(self.estimator, self.some(self.looked_into[:1]) if self.one_by_one else self.sample())

    @property
    def one_by_one(self) -> bool:
        """Whether an item can be looked into by itself: one that is neither a table nor a stretch of a long text."""
        return self.of_items and not (self.family == "pieces" and self.estimator.carried_)

    @property
    def main_place(self) -> str:
        """The first of :attr:`places_inside`."""
        return self.places_inside[0]

    @cached_property
    def places_inside(self) -> list[str]:
        """The layers, what reads the sequence before what reads how each of its words is spelled, wide ones first."""
        sizes = {place: layer.output.shape for place, layer in self.layers.items()}
        return sorted(sizes, key=lambda place: (sizes[place][1], -sizes[place][2]))

    def sample(self) -> Any:
        """The data of which gradients are measured."""
        if not self.of_items:
            return self.data
        if self.family == "pieces" and self.estimator.carried_:
            return _beginning(self.items[0]), self.targets
        return self.some(self.looked_into)


CARRIED = 2000
"""Symbols of a long text that are looked into."""


def _beginning(text: Any) -> list[Any]:
    return [text[:CARRIED]]


def _steps(item: Any) -> int:
    """About how many steps an item has."""
    if isinstance(item, str):
        return len(item.split())
    return len(item.samples) // 160 if hasattr(item, "samples") else len(item)


def called(case: Case, number: int, most: int = 60) -> str:
    """An item in words: its beginning, or what it is."""
    item = case.items[number]
    if isinstance(item, str):
        return shortened(item, most)
    if hasattr(item, "samples"):
        return f"{shortened(_file_name(item), most - 16)}, {len(item.samples) / item.rate:.2g} seconds"
    if len(item) and isinstance(item[0], str):
        return shortened(" ".join(item), most)
    return f"{len(item)} steps"


def _file_name(recording: Any) -> str:
    """Of a recording, without its folder."""
    return Path(str(recording.name).rsplit(": ", 1)[-1]).name or "a recording"


def shortened(text: Any, most: int = 60) -> str:
    """A text on one line, without its end if it is long.

    >>> shortened("a long  story", 8)
    'a long …'
    """
    line = " ".join(str(text).split())
    return line if len(line) <= most else line[: most - 1] + "…"
