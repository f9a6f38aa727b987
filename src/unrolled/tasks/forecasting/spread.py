r"""How far true values lie from a forecast, measured at rolling origins.

The errors :math:`\epsilon_k` of the forecasts ``k`` steps ahead have a variance that grows in a straight line, as that of
exponential smoothing does (constant for a stationary series, from zero for a random walk),

.. math:: \sigma_k^2 = a + b\,k, \qquad a, b \ge 0,

fitted by least squares to the mean squares at the origins, each as heavy as there are origins for it. The quantiles are those of
Student's t distribution, that of a normal value whose variance is known from a small sample only, with as many degrees of
freedom as whole horizons fit into the held-out steps:

.. math:: \hat z^{(q)}_{t+k} = \hat z_{t+k} + t_\nu^{-1}(q)\, \sigma_k, \qquad \nu = \max(2, R / H).

Source: Student, "The probable error of a mean", 1908, doi 10.1093/biomet/6.1.1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from unrolled.aliases import Values
from unrolled.codecs.student_t import student_t_quantile

__all__ = ["FEWEST", "Spread"]

FEWEST = 2.0  # degrees of freedom: of one, the mean of an interval's width has no bound


@dataclass(frozen=True)
class Spread:
    """Of the forecasts of ``N`` series.

    Attributes:
        growth: ``a`` and ``b``, ``[2, N]``.
        freedom: degrees of freedom, ``[N]``.
    """

    growth: Values
    freedom: Values

    @classmethod
    def measure(cls, errors: Values, evidence: Values) -> Spread:
        """From errors ``[origins, N, H]`` with nan beyond the end of a series, of which each has some.

        ``evidence`` is ``R / H`` of each series, ``[N]``.

        >>> walk = np.sqrt(np.arange(1.0, 4.0))[None, None] * np.array([1.0, -1.0])[:, None, None]
        >>> Spread.measure(walk, np.array([8.0])).growth.round(6).ravel().tolist()
        [0.0, 1.0]
        """
        count = (~np.isnan(errors)).sum(axis=0)  # [N, H]
        squares = np.nansum(np.square(errors), axis=0) / np.maximum(count, 1)
        k = np.arange(1.0, errors.shape[2] + 1)
        growth = np.stack([_line(k, each, weight) for each, weight in zip(squares, count, strict=True)], axis=1)
        return cls(growth, np.maximum(evidence, FEWEST))

    @classmethod
    def of_changes(cls, z: Sequence[Values]) -> Spread:
        """For series ``[T_i]`` that kept nothing back: those of a random walk, with the least degrees of freedom."""
        changes = [float(np.square(np.diff(series)).mean()) if len(series) > 1 else 0.0 for series in z]
        return cls(np.stack([np.zeros(len(z)), np.array(changes)]), np.full(len(z), FEWEST))

    def select(self, series: Sequence[int | None]) -> Spread:
        """Those of these series; None is one that is not known, which gets what is usual."""
        growth, freedom = np.median(self.growth, axis=1), np.median(self.freedom)
        return Spread(
            np.stack([growth if i is None else self.growth[:, i] for i in series], axis=1),
            np.array([freedom if i is None else self.freedom[i] for i in series]),
        )

    def times(self, scales: Values) -> Spread:
        """For series measured in another unit: errors are ``scales [N]`` times what they were."""
        return Spread(self.growth * np.square(scales), self.freedom)

    def distances(self, steps: int, levels: tuple[float, ...]) -> Values:
        """Distances of quantiles from the median, ``[N, steps, Q]``."""
        a, b = self.growth[..., None]
        deviation = np.sqrt(a + b * np.arange(1.0, steps + 1))
        return np.stack([student_t_quantile(q, self.freedom)[:, None] * deviation for q in levels], axis=-1)


def _line(k: Values, squares: Values, weight: Values) -> tuple[float, float]:
    """``a`` and ``b``, neither below zero, of the line nearest to ``squares``."""
    mean_k, mean = np.average(k, weights=weight), np.average(squares, weights=weight)
    moment = np.average(np.square(k - mean_k), weights=weight)
    slope = np.average((k - mean_k) * (squares - mean), weights=weight) / moment if moment > 0 else 0.0
    if slope <= 0:
        return float(mean), 0.0
    if mean - slope * mean_k < 0:
        return 0.0, float(np.average(k * squares, weights=weight) / np.average(k * k, weights=weight))
    return float(mean - slope * mean_k), float(slope)
