r"""Answers that are ranked by two opinions: that of networks, and that of n-grams of pairs.

.. math:: s(y) = \frac{\log p_\text{networks}(y \mid x) + \lambda \log p_\text{n-grams}(x, y)}{lp(y)} + cp(y)

with the penalties of :mod:`unrolled.runtime.decoding.beam`. The n-grams find answers of their own, too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import perf_counter
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from unrolled.aliases import Values
from unrolled.errors import InputError
from unrolled.metrics.edits import edit_distance
from unrolled.runtime.decoding.beam import BeamSearch, Hypothesis
from unrolled.statistical.joint_ngrams import JointNGrams
from unrolled.statistical.pair_alignment import ROUNDS, Pair, cells
from unrolled.tasks.generation.seq2seq_parameters import JOINT_ORDER

if TYPE_CHECKING:
    from unrolled.training.progress import Progress

__all__ = ["WEIGHTS", "Judged", "best_weight", "judged", "learned_joint"]

Tokens = NDArray[np.int64]

WEIGHTS = (0.0, 0.3, 0.6, 1.0, 1.5)
"""Of the n-grams, that are tried."""
MOST = 12_000_000
"""Cells of the lattices of all pairs, which take up to about 70 bytes each while the n-grams are learned."""
WAYS = 4
"""To go through a source that the n-grams follow, for each answer of the networks' beam."""


class Judged(NamedTuple):
    """Answers to a source by networks alone, and what the n-grams add to the score of each."""

    answers: list[Hypothesis]
    opinions: Values
    """``[n]``"""

    def ranked(self, weight: float) -> list[Hypothesis]:
        """The answers by both, the best first; those that have an end before others."""
        scored = [
            each._replace(score=each.score + weight * float(opinion))
            for each, opinion in zip(self.answers, self.opinions, strict=True)
        ]
        return sorted(scored, key=lambda each: (not each.finished, -each.score))


def learned_joint(
    pairs: Sequence[Pair],
    bases: tuple[int, int],
    order: int | None,
    callback: Callable[[Progress], object] | None = None,
) -> JointNGrams | None:
    """N-grams of pairs; None where ``order`` is None and they cannot be learned from these pairs.

    Raises:
        InputError: they cannot be learned.

    >>> learned_joint([(np.array([0]), np.array([1, 1, 0]))], (1, 2), None) is None
    True
    >>> learned_joint([(np.array([0]), np.array([1, 1, 0]))], (1, 2), 2)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    unrolled.errors.InputError: joint_ngrams=2: no target has at most two tokens for each token of its source...
    """
    from unrolled.training.progress import Progress

    began = perf_counter()

    def report(done: int, loss: float) -> None:
        if callback is not None:
            callback(Progress("aligning pairs", done, ROUNDS, done, loss, None, perf_counter() - began))

    try:
        size, known = cells(pairs), (bases[0] + 1) ** 2 * (bases[1] + 1) ** 2
        if size > MOST:
            raise InputError(
                f"sources and targets are too long for it, {size:,} cells to be compared, expected at most {MOST:,}"
            )
        if known >= 2**63:
            raise InputError(f"sources have {bases[0]:,} tokens and targets {bases[1]:,}, too many for it")
        return JointNGrams.fit(pairs, bases, order=JOINT_ORDER if order is None else order, report=report)
    except InputError as error:
        if order is None:
            return None
        raise InputError(f"joint_ngrams={order}: {error}") from None


def judged(
    model: JointNGrams,
    sources: Sequence[Tokens],
    found: Sequence[list[Hypothesis]],
    search: BeamSearch,
    free: Sequence[int],
    log_likelihoods: Callable[[list[int], list[Tokens]], Sequence[Values]],
) -> list[Judged]:
    """What the n-grams think of the answers that networks have found, and find.

    Args:
        model: the n-grams.
        sources: their tokens.
        found: the answers to each.
        search: as they were searched.
        free: the places of the sources to which the n-grams are to find answers, too.
        log_likelihoods: what the networks think of a target for each of the sources at these places.
    """
    norms = search.length_norms()
    answers = [list(own) for own in found]
    own = model.search([sources[n] for n in free], width=WAYS * search.width, n_best=search.width)
    new: list[tuple[int, Tokens]] = []
    for n, targets in zip(free, own, strict=True):
        said = {each.tokens.tobytes() for each in answers[n]}
        new += [(n, y) for y in targets if len(y) < len(norms) and y.all() and y.tobytes() not in said]
    likely = log_likelihoods([n for n, _ in new], [y for _, y in new]) if new else []
    for (n, y), log_p in zip(new, likely, strict=True):
        total = float(log_p.sum())
        answers[n].append(Hypothesis(y, total / float(norms[len(y)]), total, True))
    flat = [(n, each) for n, own in enumerate(answers) for each in own]
    opinions = model.log_p([sources[n] for n, _ in flat], [each.tokens for _, each in flat])
    opinions /= norms[[min(len(each.tokens), len(norms) - 1) for _, each in flat]]
    starts = np.cumsum([len(own) for own in answers])[:-1]
    return [Judged(own, opinion) for own, opinion in zip(answers, np.split(opinions, starts), strict=True)]


def best_weight(judged: Sequence[Judged], true: Sequence[Tokens]) -> tuple[float, list[int]]:
    r"""By which weight sources are answered rightly, and how many are by each of ``WEIGHTS``.

    It is 0 where none brings more right answers, or as many with fewer edits. Of the others, which few pairs cannot tell apart,
    it is the one nearest to 1 whose answers are right no less often than the best one's by more than the standard error
    :math:`\sqrt{r (1 - r / n)}` of its r of n.
    """
    right: list[int] = []
    far: list[int] = []
    for weight in WEIGHTS:
        said = [next((answer.tokens.tolist() for answer in each.ranked(weight)), []) for each in judged]
        distances = [edit_distance(own, target.tolist()) for own, target in zip(said, true, strict=True)]
        right.append(distances.count(0))
        far.append(sum(distances))
    best = max(range(len(WEIGHTS)), key=lambda k: (right[k], -far[k], -k))
    if not best:
        return 0.0, right
    least = right[best] - np.sqrt(right[best] * (1 - right[best] / len(true)))
    near = [weight for weight, r in zip(WEIGHTS, right, strict=True) if weight and r >= least]
    return min(near, key=lambda weight: abs(weight - 1)), right
