r"""How much of a score chance can have made: the seed that a network began with, and which items the test part happens to have.

.. math::
    u_{seeds} = t_{S-1}(0.975)\, \frac{s}{\sqrt S}, \qquad
    u_{items} = t_{n-1}(0.975)\, \frac{s'}{\sqrt n}, \qquad
    \bar x \pm \sqrt{u_{seeds}^2 + u_{items}^2}

with ``s`` the deviation of the scores of ``S`` seeds and ``s'`` that of the ``n`` items' scores. Shares of right answers have
Wilson's interval in the place of :math:`u_{items}`, which is not of zero width where all answers are right: Wilson 1927,
*Probable inference, the law of succession, and statistical inference*.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist

import numpy as np

from unrolled.aliases import Values
from unrolled.codecs.student_t import student_t_quantile

__all__ = ["Interval", "apart", "half_width", "interval", "wilson"]

Interval = tuple[float, float]
"""The lower and the upper end, of 95 %."""


def half_width(values: Sequence[float] | Values) -> float:
    """How far the mean of at least two values can be off, by Student's t.

    >>> round(half_width([1.0, 2.0, 3.0]), 2)
    2.48
    """
    freedom = len(values) - 1
    quantile = math.tan(0.475 * math.pi) if freedom == 1 else float(student_t_quantile(0.975, np.array(float(freedom))))
    return quantile * float(np.std(values, ddof=1)) / len(values) ** 0.5


def wilson(share: float, count: int) -> Interval:
    """Where the share of right answers lies, of which so many were seen.

    >>> [round(end, 3) for end in wilson(1.0, 24)]
    [0.862, 1.0]
    """
    z2 = NormalDist().inv_cdf(0.975) ** 2
    middle = (share + z2 / (2 * count)) / (1 + z2 / count)
    half = math.sqrt(z2 * (share * (1 - share) / count + z2 / (4 * count**2))) / (1 + z2 / count)
    return middle - half, middle + half


def interval(each: Sequence[Values], *, seeded: bool, share: bool) -> Interval | None:
    """Of a mean score; None if there is too little to tell.

    Args:
        each: of each seed the scores of all items ``[n]``.
        seeded: whether a seed has a part in them, so that one of it tells nothing of chance.
        share: whether scores are 1 for a right answer and 0 for a wrong one.

    >>> all_right = [np.ones(24)]
    >>> [round(end, 3) for end in interval(all_right, seeded=False, share=True)]
    [0.862, 1.0]
    >>> interval(all_right, seeded=True, share=True) is None
    True
    """
    items = np.mean(each, 0)
    if (seeded and len(each) < 2) or len(items) < 2:
        return None
    mean = float(items.mean())
    seeds = half_width([float(scores.mean()) for scores in each]) if len(each) > 1 else 0.0
    if not share:
        half = math.hypot(seeds, half_width(items))
        return mean - half, mean + half
    low, high = wilson(mean, len(items))
    return max(0.0, mean - math.hypot(seeds, mean - low)), min(1.0, mean + math.hypot(seeds, high - mean))


def apart(a: Interval | None, b: Interval | None) -> bool:
    """Whether two intervals are there and do not touch."""
    return a is not None and b is not None and (a[1] < b[0] or b[1] < a[0])
