r"""A threshold that scores exceed as rarely as requested, carried a bounded way beyond the scores that were seen.

Scores ``[n]`` of the calibration part have ``k`` episodes above a level ``u`` (:mod:`unrolled.codecs.episodes`). If the
excesses of their peaks over ``u`` are exponential with an unknown mean, estimated by that of ``k`` of them, :math:`m`, the
next excess :math:`e` has the predictive distribution

.. math:: P(e > x) = \left(1 + \frac{x}{\kappa m}\right)^{-\kappa}, \qquad \kappa = k

which is generalised Pareto with shape :math:`\xi = 1/\kappa` and scale :math:`\sigma = m`: the margin that few peaks need is
in it. But what comes later is never quite like the calibration part, and peaks that lie close together are peaks of one
time. So the peaks of 250 steps tell as much as one,

.. math:: \kappa = \min\left(k, \max\left(\tfrac{5}{2}, \tfrac{n}{250}\right)\right)

With these two numbers false episodes came about as rarely as was asked on streams watched for as long again (docs/detecting.md).
One episode in ``N`` steps is expected above

.. math:: s = u + \frac{\sigma}{\xi} \left( (N k / n)^{\xi} - 1 \right)

A peak that the others make incredible (a holiday, a fault in the history) is none of the noise, and is left out: the ``j``
largest of ``k`` if even the least of them lies where, by the distribution of the rest, the highest of so many comes with a
probability below 0.05; at most a quarter of the peaks.

Sources: Davison and Smith 1990, *Models for exceedances over high thresholds*; Siffer et al. 2017, *Anomaly detection in
streams with extreme value theory*; Geisser 1993, *Predictive Inference: An Introduction* (exponential excesses); Rosner 1983,
*Percentage points for a generalized ESD many-outlier procedure* (several outliers, from the inside).
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
APART = 250  # steps whose peaks tell as much as one peak would
LEAST = 2.5  # peaks that many count for at least, however few the steps
ODD = 0.05  # probability below which a peak belongs to no noise
ODD_SHARE = 0.25  # of the peaks that may be left out


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
        left_out: of ``tail``: how many of the peaks were too high to be noise.
        reach: the highest score that a value would have had in the calibration part, which lies up to half the range of all
            values seen beyond them; if it is below ``threshold``, an alarm is hardly possible.
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
    left_out: Size | None = None
    reach: float | None = None

    def __post_init__(self) -> None:
        """Check that a score can be beside the threshold, which no score is below zero."""
        if not 0 <= self.threshold < np.inf:
            raise InputError(f"threshold is {self.threshold}, expected a number from 0")


def calibrate(score: Values, every: int, merge: int) -> Calibration:
    """The threshold that one episode in ``every`` steps exceeds, if scores continue as in ``score [n]``, all finite.

    Where at least ten such episodes lie in the calibration part itself, they are counted: that many or one fewer pass the
    threshold there. Otherwise the tail is fitted to the peaks above the level that the most separate episodes pass,
    of those that a tenth of the steps or fewer pass.

    >>> scores = np.random.default_rng(0).exponential(size=5000)  # log(500) = 6.2, log(20_000) = 9.9
    >>> for every in (500, 20_000):
    ...     found = calibrate(scores, every, merge=1)
    ...     print(found.method, round(found.threshold, 1))
    counted 6.4
    tail 12.7
    """
    n = len(score)
    wanted = n / every
    if wanted >= COUNTED:
        threshold = _counted(score, wanted, merge)
        return Calibration(threshold, "counted", n, every, merge, len(episodes(score > threshold, merge)))
    level, excess = _excesses(score, merge)
    shape, scale, left_out = fit_tail(excess, n) if len(excess) else (0.0, 0.0, 0)
    threshold = return_level(level, shape, scale, (len(excess) - left_out) / wanted)
    above = len(episodes(score > threshold, merge))
    return Calibration(threshold, "tail", n, every, merge, above, level, len(excess), shape, scale, left_out)


def return_level(level: float, shape: float, scale: float, ratio: float) -> float:
    """The level that ``ratio`` times fewer episodes pass than ``level``; at least ``level``.

    >>> round(return_level(1.0, 0.0, 2.0, np.e), 6), round(return_level(1.0, 0.5, 2.0, 4.0), 6)
    (3.0, 5.0)
    """
    far = np.log(max(ratio, 1.0))
    return float(level + scale * (far if abs(shape) < 1e-9 else np.expm1(shape * far) / shape))


def fit_tail(excess: Values, steps: int) -> tuple[float, float, int]:
    """Shape ξ and scale σ of the predictive distribution of ``excess [k]``, all above 0, of so many steps, and how many of
    them were left out.

    >>> noise = np.arange(1.0, 13.0)
    >>> fit_tail(noise, 600), fit_tail(np.append(noise, [100.0, 120.0]), 2000), fit_tail(noise, 10_000)[0] == 1 / 12
    ((0.4, 6.5, 0), (0.125, 6.5, 2), True)
    """
    ordered = np.sort(excess)
    kept, k = ordered, len(ordered)
    for odd in range(int(ODD_SHARE * k), 0, -1):
        rest = ordered[: k - odd]
        likely = return_level(0.0, 1 / len(rest), float(rest.mean()), (len(rest) + 1) / ODD)
        if ordered[k - odd] > likely:
            kept = rest
            break
    return 1 / min(len(kept), max(LEAST, steps / APART)), float(kept.mean()), k - len(kept)


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
