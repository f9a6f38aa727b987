r"""Autoregression on a series and its differences, fitted by least squares.

.. math::
    w = (1 - B)^d (1 - B^m)^D z, \qquad w_t = c + \sum_{k \in K} a_k w_{t-k} + e_t

with :math:`B z_t = z_{t-1}` and a season of ``m`` steps. Differences and lags :math:`K` are those with the smallest corrected
information criterion of Akaike,

.. math:: \log\left(\tfrac 1 n \textstyle\sum_t e_t^2\right) + \frac{2 p}{n - p - 1},

where ``n`` is the number of errors and ``p`` that of coefficients. There is no constant, :math:`c = 0`, where a series is
differenced twice: it would be a curve, which few steps cannot tell from chance. Multiplied out, any of them is one linear
recurrence on the series itself, :math:`z_t = c + \sum_k a'_k z_{t-k} + e_t`, which is what is kept.

Sources: G. E. P. Box and G. M. Jenkins, *Time Series Analysis: Forecasting and Control*, 1970; C. M. Hurvich and C.-L. Tsai,
"Regression and time series model selection in small samples", 1989, doi 10.1093/biomet/76.2.297.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np

from unrolled.aliases import Values

__all__ = ["autoregression", "continued"]

ORDERS = (0, 1, 2, 3, 4, 6, 8, 10, 12, 16, 20, 24)
STEPS_A_LAG = 8
FEWEST = 8  # differences to regress
RIDGE = 1e-3  # of the mean square of what is regressed on


def autoregression(z: Values, season: int) -> Values:
    """The constant and the coefficients of lags 1, 2, … that forecast ``z [T]``: ``[1 + lags]``.

    A series that is too short for any regression repeats its last value.

    >>> z = np.cos(0.7 * np.arange(60.0))
    >>> coefficients = autoregression(z, 1)
    >>> continued(z[None], coefficients[None], 2).round(2).tolist() == [np.cos(0.7 * np.arange(60, 62)).round(2).tolist()]
    True
    """
    best, found = np.inf, np.array([0.0, 1.0])
    for differences, twice in _differences(len(z), season):
        for criterion, constant, weights in _regressions(np.convolve(z, differences, "valid"), season, twice):
            if criterion < best:
                polynomial = np.convolve(np.r_[1.0, -weights], differences)
                best, found = criterion, np.r_[constant, -polynomial[1:] if len(polynomial) > 1 else 0.0]
    return found


def continued(z: Values, coefficients: Values, horizon: int) -> Values:
    """Forecasts ``[N, horizon]`` after ``z [N, T]`` by ``coefficients [N, 1 + lags]``; where a series is shorter, its first
    value comes before it.
    """
    lags = coefficients.shape[1] - 1
    missing = max(lags - z.shape[1], 0)
    path = np.concatenate([np.repeat(z[:, :1], missing, axis=1), z[:, z.shape[1] - lags + missing :]], axis=1)
    path = np.concatenate([path, np.empty((len(z), horizon))], axis=1)
    backwards = np.ascontiguousarray(coefficients[:, :0:-1])
    for k in range(lags, lags + horizon):
        terms = path[:, k - lags : k] * backwards  # added one by one, so that lags without weight change no bit
        path[:, k] = coefficients[:, 0] + terms.cumsum(axis=1)[:, -1]
    return path[:, lags:]


def _differences(steps: int, season: int) -> Iterator[tuple[Values, bool]]:
    """The polynomials in ``B`` that a series of so many steps may be differenced by, and whether that is twice."""
    one = np.ones(1)
    seasons = [one]
    if season > 1 and steps >= 3 * season + FEWEST:
        seasons.append(np.r_[1.0, np.zeros(season - 1), -1.0])
    for seasonal, single in product(seasons, (one, np.array([1.0, -1.0]))):
        differences = np.convolve(seasonal, single)
        if steps - len(differences) + 1 >= FEWEST:
            yield differences, len(seasonal) > 1 and len(single) > 1


def _regressions(w: Values, season: int, twice: bool) -> Iterator[tuple[float, float, Values]]:
    """Criterion, constant and weights of all lags up to the last, of every choice of lags for ``w``; all on the same rows.

    There is no constant if ``w`` was differenced ``twice``.
    """
    orders = [order for order in ORDERS if order * STEPS_A_LAG <= len(w)]
    choices = [list(range(1, order + 1)) for order in orders]
    if 1 < season <= len(w) // 3:
        choices += [[*lags, season] for lags in choices if season not in lags]
    most = max(max(lags, default=0) for lags in choices)
    rows = np.arange(most, len(w))
    lags = sorted({lag for each in choices for lag in each})
    x = np.stack([np.ones(len(rows)), *(w[rows - lag] for lag in lags), w[rows]], axis=1)
    gram = x.T @ x
    penalty = RIDGE * np.trace(gram[1:-1, 1:-1]) / max(len(lags), 1) + 1e-9
    for choice in choices:
        p, n = len(choice) + 2, len(rows)
        if n <= p + 2:
            continue
        chosen = [0, *(1 + lags.index(lag) for lag in choice)]
        inner, moments = gram[np.ix_(chosen, chosen)], gram[chosen, -1]
        if twice:
            inner[0], inner[:, 0], moments[0] = 0.0, 0.0, 0.0
        solved = np.linalg.solve(inner + np.diag([1e-9, *[penalty] * len(choice)]), moments)
        squares = max(float(gram[-1, -1] - 2 * solved @ moments + solved @ inner @ solved), 0.0)
        weights = np.zeros(max(choice, default=0))
        weights[[lag - 1 for lag in choice]] = solved[1:]
        yield float(np.log(squares / n + 1e-12)) + 2 * p / (n - p - 1), float(solved[0]), weights
