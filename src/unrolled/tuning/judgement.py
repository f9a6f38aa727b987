r"""Whether a change is better than the defaults, or was lucky: both are trained again and again, and compared in pairs.

The best of many trials was partly lucky, so its own value says little. It and the defaults are trained again, :math:`R` times,
each time from another seed and judged on another part that neither has seen; :math:`d_r` is by how much the change was better:

.. math::
    \bar d = \frac 1R \sum_r d_r, \qquad s^2 = \frac{1}{R - 1} \sum_r (d_r - \bar d)^2, \qquad
    \text{better if } \bar d > t_{1 - 0.05 / K, R - 1} \, s / \sqrt R

with the quantile of Student's t distribution, where :math:`K` changes are compared (Bonferroni): if all are as good as the
defaults, one of them is taken in one of twenty cases at most.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from unrolled.aliases import Values
from unrolled.codecs.student_t import student_t_quantile

__all__ = ["Compared", "compared"]

CHANCE = 0.05  # that a change is taken which is no better


@dataclass(frozen=True)
class Compared:
    """A change beside the defaults, by the same rounds or seeds.

    Attributes:
        values: the change, by name; none where it is that of the defaults.
        scores: of the change, ``[R]``.
        usual: of the defaults, ``[R]``.
        better: by how much the change is better on average, in the units of the measure.
        uncertainty: half the width of what it may be; ``better`` is beyond chance if it is larger.
    """

    values: dict[str, Any]
    scores: Values
    usual: Values
    better: float
    uncertainty: float

    @property
    def beyond_chance(self) -> bool:
        """Whether the change is better, and not by luck."""
        return self.better > self.uncertainty

    @property
    def worse_beyond_chance(self) -> bool:
        """Whether it is worse, and not by bad luck."""
        return -self.better > self.uncertainty


def compared(
    values: Mapping[str, Any],
    scores: Sequence[float] | Values,
    usual: Sequence[float] | Values,
    *,
    larger_is_better: bool,
    among: int = 1,
) -> Compared:
    """A change beside the defaults.

    Args:
        values: the change.
        scores, usual: of the change and of the defaults, by the same rounds.
        larger_is_better: whether a larger score is.
        among: how many changes are compared, of which the best may be taken.

    >>> change = compared({"cell": "lstm"}, [1.0, 2.0, 3.0], [1.5, 2.4, 3.6], larger_is_better=False)
    >>> round(change.better, 3), round(change.uncertainty, 3), change.beyond_chance
    (0.5, 0.169, True)
    """
    a, b = np.array(scores, np.float64), np.array(usual, np.float64)
    difference = a - b if larger_is_better else b - a
    R = len(difference)
    spread = float(difference.std(ddof=1)) if R > 1 else np.inf
    quantile = float(student_t_quantile(1 - CHANCE / among, np.array(max(R - 1.0, 2.0)))) if R > 2 else np.inf
    uncertainty = 0.0 if spread == 0 else quantile * spread / R**0.5
    return Compared(dict(values), a, b, float(difference.mean()), uncertainty)
