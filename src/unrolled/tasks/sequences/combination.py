"""Networks and a linear part that answer together: when they do, which examples judge them, and how much each counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from unrolled.aliases import Values
from unrolled.codecs.inputs import InputCodec, NumberCodec
from unrolled.parameters.declaration import require
from unrolled.runtime.probabilities import softmax
from unrolled.tasks.sequences.fitting import EncodedTargets
from unrolled.tasks.sequences.linear_part import LinearPart
from unrolled.tasks.sequences.model import SequenceModel
from unrolled.tasks.sequences.parameters import PoolingParameters, SequenceParameters

__all__ = ["folds", "has_linear_part", "with_linear_part"]

MANY = 1000  # sequences from which networks answer alone
FOLDS = 5
FEWEST = 10  # sequences of which each network leaves a fold out


def has_linear_part(settings: SequenceParameters, codec: InputCodec, encoded: EncodedTargets, learned: int) -> bool:
    """Whether a linear part is fitted to this many sequences.

    Raises:
        InputError: it was asked for where there can be none.
    """
    asked = settings.convolutions if isinstance(settings, PoolingParameters) else False
    alike = encoded.weights is None and (encoded.counts is None or bool(np.ptp(encoded.counts) == 0))
    possible = isinstance(codec, NumberCodec) and alike and (encoded.stratified or bool(encoded.targets))
    expected = "None or False: they are for numbers, one class or numbers a sequence, and equal weights"
    require("convolutions", asked, possible or not asked, expected)
    return possible and (learned < MANY if asked is None else asked)


class LeftOut(NamedTuple):
    """Items of which each network has left a fold out, and what is said of them by those that have not learned from them."""

    places: NDArray[np.int64]
    outputs: Values
    """Of one network and the linear part, ``[N, O]``."""


def folds(encoded: EncodedTargets, members: int, seed: int) -> list[NDArray[np.int64]]:
    """For each network other items that it does not see, a fifth of all and of each class; none where there are too few."""
    N = len(encoded.values)
    if N < FEWEST:
        return []
    order = np.random.default_rng(seed).permutation(N)
    if encoded.stratified:
        order = order[np.argsort(np.asarray(encoded.values)[order], kind="stable")]
    return [np.sort(order[member % FOLDS :: FOLDS]) for member in range(members)]


def with_linear_part(
    model: SequenceModel,
    items: Sequence[Any],
    encoded: EncodedTargets,
    seed: int,
    *,
    kept_back: NDArray[np.int64],
    left_out: Sequence[NDArray[np.int64]],
) -> tuple[SequenceModel, LeftOut | None]:
    """The networks beside a linear part that is fitted to all items but those that are kept back.

    How much each counts is decided by the items kept back, or else by those that a network has left out, of which the linear
    part says what it does without them; without either both count alike.

    Returns:
        The model, and what it says of items that networks have left out.
    """
    targets = np.asarray(encoded.values, np.int64 if encoded.stratified else np.float64)
    used = np.setdiff1d(np.arange(len(items)), kept_back)
    sequences = model.standardized(items)
    part, alone = LinearPart.fit(
        [sequences[n] for n in used], targets[used], encoded.outputs, np.random.default_rng(seed)
    )
    output = softmax if encoded.stratified else _numbers
    if len(kept_back):
        networks = model.mean_output([items[n] for n in kept_back], output)
        own = output(part.scores([sequences[n] for n in kept_back]))
        part = part.weighed(networks, own, targets[kept_back])
    elif left_out:
        judges = np.concatenate(left_out)
        said = [model.member_output(k, [items[n] for n in own], output) for k, own in enumerate(left_out)]
        networks, own = np.concatenate(said), output(alone[judges])
        part = part.weighed(networks, own, targets[judges])
        return replace(model, linear=part), LeftOut(judges, part.mixed(networks, own))
    return replace(model, linear=part), None


def _numbers(scores: Values | NDArray[np.float32]) -> Values:
    return scores.astype(np.float64)
