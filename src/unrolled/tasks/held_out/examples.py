"""Examples in parts drawn by a seed, or given: learned from, validated on, and kept for a test."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.codecs.tag_scheme import infer_scheme
from unrolled.data.example_columns import ExampleColumns
from unrolled.data.items import kind_of
from unrolled.data.wav import Waveform
from unrolled.errors import InputError
from unrolled.parameters.declaration import Parameters, declared
from unrolled.parameters.numbers import NumberParameters
from unrolled.parameters.text import TokenParameters
from unrolled.parameters.values import ValueParameters
from unrolled.tasks.generation.pieces import read_pieces
from unrolled.tasks.generation.target_estimator import TargetEstimator
from unrolled.tasks.held_out.data import MEASURED, Data, Split
from unrolled.tasks.item_estimator import ExampleEstimator

__all__ = ["ExampleData"]

SHARE = 0.2  # of the examples that is held out
LEAST = 10  # different examples, of which some are held out


@dataclass(frozen=True, kw_only=True)
class ExampleData(Data):
    """Items, what is to be said of each, and the estimator that learns it.

    A fifth is held out at random, of each class alike; items that are the same are never in both parts. Of one long text the last
    fifth is held out.

    Attributes:
        items: the items.
        targets: an array or list with one of each; None where an estimator learns from items alone.
        columns: the roles of the columns they were read from.
        validation, test: other examples that were given for it; a part of these where there are none.

    >>> from unrolled import SequenceClassifier
    >>> data = ExampleData(estimator=SequenceClassifier, items=[f"text {n}" for n in range(50)], targets=np.arange(50) % 2)
    >>> learned, test = data.test_split()
    >>> train, validation = learned.validation_split(0)
    >>> len(train.items), len(validation.items), len(test.items), np.bincount(test.targets).tolist()
    (32, 8, 10, [5, 5])
    """

    items: Sequence[Any]
    targets: Any = None
    columns: ExampleColumns | None = None
    validation: ExampleData | None = None
    test: ExampleData | None = None

    def test_split(self) -> Split:
        """A fifth of the examples, or those given for the test."""
        if self.test is not None:
            return Split(replace(self, test=None), self.test)
        return self._split(seed=0)

    def validation_split(self, round: int) -> Split:
        """A fifth of the examples, another one in each round; or in each the ones that were given for it."""
        if self.validation is not None:
            return Split(replace(self, validation=None), self.validation)
        return self._split(seed=1 + round)

    def scores(self, fitted: Any) -> dict[str, float]:
        """What ``evaluate`` says of all of these examples."""
        return fitted.evaluate(self.items) if self.targets is None else fitted.evaluate(self.items, self.targets)

    def describe(self) -> str:
        """How many examples."""
        if self._is_long:
            return f"one long text of {len(self.items[0]):,} characters or steps"
        return f"{len(self.items):,} examples"

    @property
    def identity(self) -> Any:
        """The items and their targets, and the same of those that were given to be held out."""
        others = [None if each is None else each.identity for each in (self.validation, self.test)]
        return [list(self.items), None if self.targets is None else list(self.targets), *others]

    @property
    def idle(self) -> frozenset[str]:
        """What is for items of other kinds."""
        kind = kind_of(self.items)
        says_tokens = issubclass(self.estimator, TargetEstimator)  # whose embeddings are of targets, too
        groups: list[type[Parameters]] = []
        if kind not in ("text", "tokens") and not says_tokens:
            groups.append(TokenParameters)
        if kind != "numbers":
            groups += [NumberParameters, ValueParameters]
        return frozenset(name for group in groups for name in declared(group))

    @property
    def measured(self) -> tuple[str, ...]:
        """Those that there are of such items and targets."""
        lacking = LACKING.get(self.estimator.__name__)
        absent: frozenset[str] = frozenset() if lacking is None else lacking(self)
        return tuple(name for name in super().measured if name not in absent)

    def _learn(self, estimator: ExampleEstimator) -> None:
        others = self.validation
        kept_back = None if others is None else (others.items if others.targets is None else others.pair)
        estimator.fit(self.items, self.targets, validation=kept_back)
        estimator.columns_ = self.columns

    @property
    def pair(self) -> tuple[Sequence[Any], Any]:
        """Items and targets."""
        return self.items, self.targets

    def select(self, places: Sequence[int] | NDArray[np.int64]) -> ExampleData:
        """Some of the examples, by their numbers."""
        targets = self.targets
        if isinstance(targets, np.ndarray):
            chosen = targets[np.asarray(places, np.int64)]
        else:
            chosen = None if targets is None else [targets[n] for n in places]
        return replace(self, items=[self.items[n] for n in places], targets=chosen)

    @property
    def _is_long(self) -> bool:
        return len(self.items) == 1 and self.targets is None and not isinstance(self.items[0], Waveform)

    def _split(self, seed: int) -> Split:
        if self._is_long:
            end = len(self.items[0]) - round(SHARE * len(self.items[0]))
            return Split(replace(self, items=[self.items[0][:end]]), replace(self, items=[self.items[0][end:]]))
        held_out = _drawn(list(map(_identity, self.items)), self._classes(), np.random.default_rng(seed))
        if held_out is None:
            raise InputError(
                f"{self.source}: {len(self.items)} examples, of which at least {LEAST} must differ where some are held out;"
                " give more of them"
            )
        learned = np.setdiff1d(np.arange(len(self.items)), held_out)
        return Split(self.select(learned), replace(self.select(held_out), validation=None))

    def _classes(self) -> NDArray[np.int64]:
        """The number of each item's class; 0 for all that have none."""
        y = self.targets
        if isinstance(y, np.ndarray) and y.ndim == 1 and y.dtype.kind != "f":
            return np.unique(y, return_inverse=True)[1]
        return np.zeros(len(self.items), np.int64)


ENTITIES = frozenset({"f1", "precision", "recall"})
OF_TEXTS, OF_TOKENS = frozenset({"word_error_rate", "character_error_rate"}), frozenset({"token_error_rate"})
OF_PIECES: dict[str, frozenset[str]] = {
    "symbols": frozenset({"bits_per_character", "nats", "perplexity"}),
    "notes": frozenset({"nats_per_frame", "nats_per_piece"}),
}
"""By what is said at a step; of anything else there are nats of a step."""


def _of_tags(data: ExampleData) -> frozenset[str]:
    """Tags in no scheme mark no entities."""
    scheme = data.values.get("scheme", "infer")
    if scheme == "infer" and data.targets is not None:
        scheme = infer_scheme(data.targets)
    return ENTITIES if scheme == "none" else frozenset()


def _of_transcripts(data: ExampleData) -> frozenset[str]:
    texts = data.targets is not None and all(isinstance(each, str) for each in data.targets)
    return OF_TOKENS if texts else OF_TEXTS


def _of_pieces(data: ExampleData) -> frozenset[str]:
    _, kind, said = read_pieces(list(data.items), data.values.get("steps", "auto"))
    there = OF_PIECES.get(said, frozenset({"nats_per_step"}))
    absent = frozenset(MEASURED["SequenceGenerator"]) - there
    return absent if kind == "text" else absent | {"bits_per_character"}


LACKING: dict[str, Callable[[ExampleData], frozenset[str]]] = {
    "SequenceTagger": _of_tags, "CTCTranscriber": _of_transcripts, "SequenceGenerator": _of_pieces,
}  # fmt: skip
"""Which measures there are not of some data of an estimator, of which others have them."""


def _drawn(
    identities: Sequence[Any], classes: NDArray[np.int64], generator: np.random.Generator
) -> NDArray[np.int64] | None:
    """Numbers of the items that are held out; None where there are too few different ones."""
    alike: dict[Any, list[int]] = {}
    for n, identity in enumerate(identities):
        alike.setdefault(identity, []).append(n)
    groups = list(alike.values())
    if len(groups) < LEAST:
        return None
    chosen: list[int] = []
    first = classes[[group[0] for group in groups]]
    for each in np.unique(first):
        own = np.flatnonzero(first == each)
        for place in generator.permutation(own)[: round(SHARE * len(own))].tolist():
            chosen += groups[place]
    return np.sort(np.array(chosen, np.int64)) if chosen else None


def _identity(item: Any) -> Any:
    """What two items have in common that are the same."""
    if isinstance(item, str):
        return item
    if isinstance(item, Waveform):
        return item.rate, item.samples.tobytes()
    if isinstance(item, list) and all(isinstance(token, str) for token in item):
        return tuple(item)
    array = np.asarray(item)
    return array.shape, array.tobytes()
