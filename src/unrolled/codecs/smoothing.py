r"""Exponential smoothing of level and season: a linear recurrence, with the backward pass that learns its parameters.

.. math::
    e_t &= z_t - s_t - l_{t-1} \\
    l_t &= l_{t-1} + \alpha e_t \\
    s_{t+m} &= s_t + \gamma (1 - \alpha) e_t

This is Holt and Winters' additive method without a trend, in the error-correction form of Hyndman, Koehler, Ord and
Snyder (*Forecasting with Exponential Smoothing*, 2008). On the logarithm of a series level and season are factors.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from unrolled.aliases import Values

__all__ = ["SmoothingGradients", "smooth", "smooth_backward"]


class SmoothingGradients(NamedTuple):
    """Gradients with respect to the arguments of :func:`smooth`, each of its argument's shape."""

    z: Values
    alpha: Values
    gamma: Values
    level: Values
    season: Values


def smooth(z: Values, alpha: Values, gamma: Values, level: Values, season: Values) -> tuple[Values, Values]:
    """Run the recurrence over ``C`` series side by side.

    Args:
        z: the series, ``[T, C]``.
        alpha, gamma: how fast level and season follow, each in [0, 1], ``[C]``.
        level: the level before the first step, ``[C]``.
        season: the first ``m`` seasonals, ``[m, C]``.

    Returns:
        Levels after each step ``[T, C]``, and seasonals ``[T + m, C]``: rows up to ``t + m`` are known after step t.

    >>> z, half, zero = np.array([[1.0], [2.0]]), np.array([0.5]), np.zeros(1)
    >>> levels, seasonals = smooth(z, half, zero, zero, np.zeros((1, 1)))
    >>> levels.ravel().tolist()
    [0.5, 1.25]
    """
    T, m = len(z), len(season)
    levels = np.empty_like(z)
    seasonals = np.empty((T + m, z.shape[1]))
    seasonals[:m] = season
    seasonal_gain = gamma * (1 - alpha)
    for t in range(T):
        error = z[t] - seasonals[t] - level
        level = level + alpha * error
        levels[t] = level
        seasonals[t + m] = seasonals[t] + seasonal_gain * error
    return levels, seasonals


def smooth_backward(
    z: Values,
    alpha: Values,
    gamma: Values,
    level: Values,
    levels: Values,
    seasonals: Values,
    grad_levels: Values,
    grad_seasonals: Values,
) -> SmoothingGradients:
    r"""Gradients, from those of what :func:`smooth` returned; backwards in time, with :math:`g = \gamma(1-\alpha)`:

    .. math::
        \delta e_t &= \alpha\,\delta l_t + g\,\delta s_{t+m} \\
        \delta l_{t-1} &\mathrel{+}= \delta l_t - \delta e_t, \qquad
        \delta s_t \mathrel{+}= \delta s_{t+m} - \delta e_t, \qquad \delta z_t = \delta e_t \\
        \delta\alpha &= \sum_t e_t (\delta l_t - \gamma\,\delta s_{t+m}), \qquad
        \delta\gamma = \sum_t (1-\alpha)\,e_t\,\delta s_{t+m}
    """  # fmt: skip
    T = len(z)
    m = len(seasonals) - T
    before = np.concatenate([level[None], levels[:-1]])
    errors = z - seasonals[:T] - before
    grad_s = grad_seasonals.copy()
    grad_z = np.empty_like(z)
    total = np.empty_like(z)  # δl[t] with what flows back from later steps
    carried = np.zeros_like(level)
    seasonal_gain = gamma * (1 - alpha)
    for t in range(T - 1, -1, -1):
        total[t] = carried + grad_levels[t]
        grad_error = alpha * total[t] + seasonal_gain * grad_s[t + m]
        carried = total[t] - grad_error
        grad_s[t] += grad_s[t + m] - grad_error
        grad_z[t] = grad_error
    later = grad_s[m:]
    return SmoothingGradients(
        z=grad_z,
        alpha=(errors * (total - gamma * later)).sum(0),
        gamma=((1 - alpha) * errors * later).sum(0),
        level=carried,
        season=grad_s[:m],
    )
