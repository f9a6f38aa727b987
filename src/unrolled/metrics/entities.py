"""How many entities were found: an entity is right if its type, its first and its last step are right."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from unrolled.codecs.tag_scheme import Scheme, spans
from unrolled.errors import InputError

__all__ = ["EntityMetrics", "Found", "entity_metrics"]


@dataclass(frozen=True)
class Found:
    """Precision, recall and their harmonic mean, 0 where there is nothing to divide by; ``support`` is the true entities."""

    precision: float
    recall: float
    f1: float
    support: int


@dataclass(frozen=True)
class EntityMetrics:
    """``micro`` counts all entities alike, ``macro`` is the mean over ``types``, which are those in truth or prediction."""

    micro: Found
    macro: Found
    types: dict[str, Found]


def entity_metrics(truth: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]], scheme: Scheme) -> EntityMetrics:
    r"""Compare the entities that two lists of tag sequences mark.

    .. math::
        \text{precision} = \frac{\text{right}}{\text{predicted}}, \qquad \text{recall} = \frac{\text{right}}{\text{true}}

    Args:
        truth, predicted: a sequence of tags each, of the same lengths.
        scheme: ``none`` reads tags in any order, as the CoNLL shared tasks do (seqeval's default mode); in ``bio`` and
            ``bioes`` only entities in order count (its strict mode with IOB2 and IOBES).

    Raises:
        InputError: the sequences differ in number or length, or a tag marks no entity.

    >>> found = entity_metrics([["B-PER", "I-PER", "O", "B-LOC"]], [["B-PER", "I-PER", "O", "O"]], "bio")
    >>> found.micro.precision, found.micro.recall, found.types["LOC"].support
    (1.0, 0.5, 1)
    """
    if len(truth) != len(predicted):
        raise InputError(
            f"{len(truth)} sequences of true tags and {len(predicted)} of predicted ones: expected as many"
        )
    right: Counter[str] = Counter()
    guessed: Counter[str] = Counter()
    true: Counter[str] = Counter()
    for n, (ours, theirs) in enumerate(zip(truth, predicted, strict=True)):
        if len(ours) != len(theirs):
            raise InputError(
                f"sequence {n} has {len(ours)} true tags and {len(theirs)} predicted ones: expected as many"
            )
        actual, found = (_entities(tags, scheme, n) for tags in (ours, theirs))
        true.update(type_ for type_, _, _ in actual)
        guessed.update(type_ for type_, _, _ in found)
        right.update(type_ for type_, _, _ in actual & found)
    types = {t: _found(right[t], guessed[t], true[t]) for t in sorted(true | guessed)}
    micro = _found(right.total(), guessed.total(), true.total())
    macro = Found(
        _mean([each.precision for each in types.values()]),
        _mean([each.recall for each in types.values()]),
        _mean([each.f1 for each in types.values()]),
        true.total(),
    )
    return EntityMetrics(micro, macro, types)


def _entities(tags: Sequence[str], scheme: Scheme, n: int) -> set[tuple[str, int, int]]:
    try:
        return set(spans(tags, scheme))
    except InputError as error:
        raise InputError(f"sequence {n}, {error}") from None


def _found(right: int, guessed: int, true: int) -> Found:
    precision, recall = right / max(1, guessed), right / max(1, true)
    f1 = 2 * precision * recall / (precision + recall) if right else 0.0
    return Found(precision, recall, f1, true)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / max(1, len(values))
