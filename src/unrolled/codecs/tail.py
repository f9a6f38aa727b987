r"""A threshold that scores exceed as rarely as requested, extrapolated from how often episodes reach lower levels.

Scores ``[n]`` of the calibration part have ``k`` episodes above a level ``u`` (:mod:`unrolled.codecs.episodes`). Their
peaks' excesses :math:`e` over ``u`` follow, for a high ``u``, the generalised Pareto distribution,

.. math:: P(e > x) = \left(1 + \xi x / \sigma\right)^{-1/\xi}

so that one episode in ``N`` steps is expected above

.. math:: s = u + \frac{\sigma}{\xi} \left( (N k / n)^{\xi} - 1 \right)

Sources: Davison and Smith 1990, *Models for exceedances over high thresholds*; Siffer et al. 2017, *Anomaly detection in
streams with extreme value theory*. From few peaks the shape :math:`\xi` is uncertain, so its likelihood is multiplied by the
density that Martins and Stedinger 2001 (*Generalized maximum likelihood Pareto-Poisson estimators for partial duration
series*) put on it: :math:`\xi + 1/2` is Beta(9, 6), with mean 0.1 and deviation 0.12 for :math:`\xi`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from unrolled.aliases import Values
from unrolled.codecs.episodes import episodes, peaks
from unrolled.codecs.ranges import Count, Size
from unrolled.errors import InputError

__all__ = ["Calibration", "calibrate", "fit_tail", "return_level"]


COUNTED = 10  # episodes expected in the calibration part from which on they are counted, not extrapolated
FEWEST = 8  # peaks to fit a tail to; where merging leaves fewer, less is merged, which errs towards a higher threshold
SHAPES = np.arange(-49, 50) / 100
PRIOR = 8 * np.log(SHAPES + 0.5) + 5 * np.log(0.5 - SHAPES)  # log density of Beta(9, 6), up to a constant


@dataclass(frozen=True)
class Calibration:
    """How a threshold was chosen.

    Attributes:
        threshold: an alarm is a score above it.
        method: ``counted``, the level that the asked number of episodes in the calibration part pass, or ``tail``,
            extrapolated.
        steps: scores of the calibration part.
        every: steps in which one false episode is expected.
        merge: steps within which alarms are one episode.
        episodes: episodes of the calibration part above the threshold.
        level, peaks, shape, scale: of ``tail``: u, how many episodes passed it, ξ and σ.
    """

    threshold: float
    method: Literal["counted", "tail"]
    steps: Count
    every: Count
    merge: Count
    episodes: Size
    level: float | None = None
    peaks: Size | None = None
    shape: float | None = None
    scale: float | None = None

    def __post_init__(self) -> None:
        """Check that a score can be beside the threshold, which no score is below zero."""
        if not 0 <= self.threshold < np.inf:
            raise InputError(f"threshold is {self.threshold}, expected a number from 0")


def calibrate(score: Values, every: int, merge: int) -> Calibration:
    """The threshold that one episode in ``every`` steps exceeds, if scores continue as in ``score [n]``, all finite.

    Where at least ten such episodes lie in the calibration part itself, they are counted: that many or one fewer pass the
    threshold there. Otherwise the tail is fitted to the peaks above the level that the most separate episodes pass,
    of those that a tenth of the steps or fewer pass.

    >>> scores = np.random.default_rng(0).exponential(size=5000)  # log(500) = 6.2 and log(20,000) = 9.9 would be right
    >>> for every in (500, 20_000):
    ...     found = calibrate(scores, every, merge=1)
    ...     print(found.method, round(found.threshold, 1))
    counted 6.4
    tail 9.6
    """
    n = len(score)
    wanted = n / every
    if wanted >= COUNTED:
        threshold = _counted(score, wanted, merge)
        return Calibration(threshold, "counted", n, every, merge, len(episodes(score > threshold, merge)))
    level, excess = _excesses(score, merge)
    shape, scale = fit_tail(excess) if len(excess) else (0.0, 0.0)
    threshold = return_level(level, shape, scale, len(excess) / wanted)
    above = len(episodes(score > threshold, merge))
    return Calibration(threshold, "tail", n, every, merge, above, level, len(excess), shape, scale)


def return_level(level: float, shape: float, scale: float, ratio: float) -> float:
    """The level that ``ratio`` times fewer episodes pass than ``level``; at least ``level``.

    >>> round(return_level(1.0, 0.0, 2.0, np.e), 6), round(return_level(1.0, 0.5, 2.0, 4.0), 6)
    (3.0, 5.0)
    """
    far = np.log(max(ratio, 1.0))
    return float(level + scale * (far if abs(shape) < 1e-9 else np.expm1(shape * far) / shape))


def fit_tail(excess: Values) -> tuple[float, float]:
    r"""Shape ξ, to a hundredth, and scale σ of the generalised Pareto distribution of ``excess [k]``, all above 0.

    For each ξ the best scale is where :math:`(1+\xi) \sum_i e_i / (\sigma + \xi e_i) = k`, whose left side falls
    with σ.

    >>> shape, scale = fit_tail(np.random.default_rng(0).exponential(2.0, size=2000))
    >>> abs(shape) < 0.05, abs(scale - 2) < 0.2
    (True, True)
    """
    k, xi = len(excess), SHAPES[:, None]
    low = np.maximum(-SHAPES * excess.max(), 0)  # below it the largest excess would be impossible
    high = low + 100 * excess.max()
    for _ in range(100):
        middle = (low + high) / 2
        too_small = (1 + SHAPES) * (excess / (middle[:, None] + xi * excess)).sum(1) > k
        low, high = np.where(too_small, middle, low), np.where(too_small, high, middle)
    scale = high[:, None]
    scaled = np.log1p(xi * excess / scale)
    decay = np.where(xi == 0, excess / scale, (1 + 1 / np.where(xi == 0, 1, xi)) * scaled)
    best = int(np.argmax(PRIOR - k * np.log(high) - decay.sum(1)))
    return float(SHAPES[best]), float(high[best])


def _counted(score: Values, wanted: float, merge: int) -> float:
    """A level that at most ``wanted`` episodes pass, and more would just below it."""
    ordered = np.sort(score)[::-1]
    few, many = 0, 1

    def count(rank: int) -> int:
        return len(episodes(score > ordered[rank], merge))

    while many < len(ordered) - 1 and count(many) <= wanted:
        few, many = many, min(2 * many, len(ordered) - 1)
    while many - few > 1:
        middle = (few + many) // 2
        few, many = (middle, many) if count(middle) <= wanted else (few, middle)
    return float(ordered[few])


def _excesses(score: Values, merge: int) -> tuple[float, Values]:
    """A level, and by how much the peaks of the episodes above it pass it."""
    levels = np.quantile(score, np.linspace(0.9, 1, 101))[::-1]
    while True:
        found = [episodes(score > level, merge) for level in levels]
        most = max(range(len(levels)), key=lambda i: len(found[i]))
        if len(found[most]) >= FEWEST or merge == 1:
            return float(levels[most]), score[peaks(score, found[most])] - levels[most]
        merge //= 2
