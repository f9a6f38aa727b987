r"""Exponential smoothing of level, trend and season, of many recurrences side by side.

.. math::
    b'_t &= \max(\phi\, b_{t-1}, -1 / 2c) \\
    e_t &= z_t - s_t - l_{t-1} - g_c(b'_t) \\
    l_t &= l_{t-1} + g_c(b'_t) + \alpha\, e_t \\
    b_t &= b'_t / (1 + c\, b'_t) + \beta\, e_t \\
    s_{t+m} &= s_t + \gamma\, e_t \\
    \hat z_{t+k} &= l_t + g_c\big((\phi + \phi^2 + \dots + \phi^k)\, b_t\big) + s_{t+k}

with :math:`g_c(b) = \log(\max(1 + c\, b, 0.1)) / c`, which is :math:`b` for :math:`c = 0`.

One recurrence is many methods: with :math:`\beta = \phi = 0` simple exponential smoothing, with :math:`\phi < 1` a damped
trend, with :math:`\alpha = \phi = 0, \gamma = 1` the last season repeated, and with :math:`\beta = 0, \phi = 1` and half of the
history's slope as :math:`b` the Theta method. Where :math:`z` is a logarithm divided by :math:`c`, a trend with
:math:`\phi = 1` is a straight line in the units of the series: :math:`c\, b` is the growth of the next step as a part of the
level, which becomes smaller as the level rises.

Sources: R. J. Hyndman, A. B. Koehler, J. K. Ord and R. D. Snyder, *Forecasting with Exponential Smoothing*, 2008; R. J.
Hyndman and B. Billah, "Unmasking the Theta method", 2003, doi 10.1016/S0169-2070(01)00143-1. The special case that networks
are trained together with, and its backward pass, is :mod:`unrolled.codecs.smoothing`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from unrolled.aliases import Values

__all__ = ["Gains", "Start", "States", "run", "squared_errors"]

LEAST = 0.1  # of its level that a forecast may fall to along a straight line
STEEPEST = 0.5  # of its level that it may lose in a step
TINY = np.finfo(np.float64).tiny


@dataclass(frozen=True)
class Gains:
    """How fast ``C`` recurrences follow a series, and ``bend``, the ``c`` of their trend: arrays ``[..., C]``."""

    alpha: Values
    beta: Values
    gamma: Values
    phi: Values
    bend: Values

    @cached_property
    def lowest(self) -> Values:
        """The lowest trend, of the steepest fall."""
        return -STEEPEST / np.maximum(self.bend, TINY)


@dataclass(frozen=True)
class Start:
    """Where recurrences begin: ``level [..., C]``, ``trend [..., C]`` and ``season [m, ..., C]``."""

    level: Values
    trend: Values
    season: Values


@dataclass(frozen=True)
class States:
    """States of ``C`` recurrences after each of ``T`` steps, from which any of them can be continued.

    ``levels`` and ``trends`` are ``[T, C]``, ``seasonals`` ``[T + m, C]``: rows up to ``t + m`` are known after step ``t``.
    """

    levels: Values
    trends: Values
    seasonals: Values
    phi: Values
    bend: Values

    def ahead(self, known: NDArray[np.int64], horizon: int) -> Values:
        """Forecasts ``[C, horizon]``, each recurrence from the end of its first ``known [C]`` steps, one at least."""
        columns, steps = np.arange(len(known)), np.arange(horizon)[:, None]
        season = len(self.seasonals) - len(self.levels)
        growth = _bent(np.cumsum(self.phi ** (1.0 + steps), axis=0) * self.trends[known - 1, columns], self.bend)
        return (self.levels[known - 1, columns] + growth + self.seasonals[known + steps % season, columns]).T


def run(z: Values, gains: Gains, start: Start) -> States:
    """Run ``C`` recurrences over their series, ``z [T, C]``.

    >>> one, zero = np.ones(1), np.zeros(1)
    >>> z = np.array([[1.0], [2.0], [3.0], [4.0]])
    >>> last_season = run(z, Gains(zero, zero, one, zero, zero), Start(zero, zero, np.zeros((2, 1))))
    >>> last_season.ahead(np.array([4]), 3).tolist()
    [[3.0, 4.0, 3.0]]
    """
    T, m = len(z), len(start.season)
    levels, trends, seasonals = np.empty_like(z), np.empty_like(z), np.empty((T + m, z.shape[1]))
    seasonals[:m] = start.season
    level, trend = start.level, start.trend
    for t in range(T):
        error, level, trend = _step(z[t], seasonals[t], level, trend, gains)
        seasonals[t + m] = seasonals[t] + gains.gamma * error
        levels[t], trends[t] = level, trend
    return States(levels, trends, seasonals, gains.phi, gains.bend)


def squared_errors(z: Values, lengths: NDArray[np.int64], gains: Gains, start: Start) -> Values:
    """Sum of squared errors one step ahead, ``[N, C]``, of ``C`` recurrences on each of ``N`` series.

    Args:
        z: the series, ``[T, N]``; what comes after a series' own length is not looked at.
        lengths: of the series, ``[N]``.
        gains: ``[C]``, or ``[N, C]``.
        start: level and trend ``[N, C]``, season ``[m, N, C]``; it is overwritten.
    """
    level, trend, season = start.level, start.trend, start.season
    total = np.zeros_like(level)
    for t in range(len(z)):
        error, level, trend = _step(z[t][:, None], season[t % len(season)], level, trend, gains)
        season[t % len(season)] += gains.gamma * error
        total += np.where((t < lengths)[:, None], error * error, 0.0)
    return total


def _step(z: Values, season: Values, level: Values, trend: Values, gains: Gains) -> tuple[Values, Values, Values]:
    """The error of one step, and level and trend after it."""
    trend = np.maximum(gains.phi * trend, gains.lowest)
    growth = _bent(trend, gains.bend)
    error = z - season - level - growth
    level = level + growth + gains.alpha * error
    trend = trend / (1 + gains.bend * trend) + gains.beta * error
    return error, level, trend


def _bent(growth: Values, bend: Values) -> Values:
    """What straight ``growth`` in the units of a series is on its logarithm, where ``bend`` says that there is one.
    It ends where a tenth is left: a straight line would lead below zero.
    """
    if not bend.any():
        return growth
    logarithm = np.log(np.maximum(1 + bend * growth, LEAST)) / np.maximum(bend, TINY)
    return np.where(bend > 0, logarithm, growth)
