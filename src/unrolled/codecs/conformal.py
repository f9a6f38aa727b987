r"""Conformal intervals: how much wider or narrower quantiles have to be to keep their coverage.

For a forecast with median :math:`m` and quantile :math:`\hat z_q` of a value that came as :math:`z`, the score is its
distance in units of the forecast distance, and the factor is a quantile of ``n`` such scores on held-out steps:

.. math::
    E = \frac{z - m}{\hat z_q - m}, \qquad
    c_q = \text{the } \lceil (n+1)\,q \rceil \text{-th smallest } E, \qquad
    \hat z_q' = m + c_q\,(\hat z_q - m)

(for a quantile below one half with :math:`1-q` in the place of :math:`q`). If the held-out scores and the next one are
exchangeable, :math:`P(z \le \hat z_q') \ge q` whatever the model, and an interval of two such quantiles keeps its share
too.
Factors below zero count as zero.

Sources: Y. Romano, E. Patterson and E. J. Candès, "Conformalized quantile regression", 2019, arXiv 1905.03222, with each
tail by itself (their theorem 2); distances as the unit of the score, D. Kivaranovic, K. D. Johnson and H. Leeb, "Adaptive,
distribution-free prediction intervals for deep networks", 2020, arXiv 1905.10634.
"""

from __future__ import annotations

import math

import numpy as np

from unrolled.aliases import Values

__all__ = ["conformal_factors", "scores_needed", "widened"]


OWN_FACTORS = 100  # forecasts from which on each step ahead has factors of its own


def scores_needed(levels: tuple[float, ...]) -> int:
    """The fewest scores that the outermost of these quantiles can be corrected with.

    >>> scores_needed((0.1, 0.5, 0.9)), scores_needed((0.025, 0.5))
    (9, 39)
    """
    furthest = max(max(level, 1 - level) for level in levels)
    return math.ceil(round(furthest / (1 - furthest), 9))


def conformal_factors(actual: Values, quantiles: Values, levels: tuple[float, ...]) -> Values:
    """Factors ``[H, Q]``: of each step ahead from a hundred forecasts on, with fewer the same for all steps.

    Args:
        actual: what came, ``[n, H]``.
        quantiles: its forecasts, ``[n, H, Q]``, ascending; by a model that saw nothing of ``actual``.
        levels: of the quantiles, 0.5 among them; ``n H`` is at least :func:`scores_needed`.

    >>> forecasts = np.tile([-1.0, 0.0, 1.0], (9, 1, 1))
    >>> conformal_factors(np.arange(-4.0, 5.0)[:, None], forecasts, (0.1, 0.5, 0.9)).tolist()
    [[4.0, 1.0, 4.0]]
    """
    median = quantiles[..., levels.index(0.5)]
    H = actual.shape[1]
    steps = H if len(actual) >= OWN_FACTORS else 1
    factors = np.ones((H, len(levels)))
    for j, level in enumerate(levels):
        if level == 0.5:
            continue
        distance = quantiles[..., j] - median
        distance = np.copysign(np.maximum(np.abs(distance), np.finfo(np.float64).tiny), level - 0.5)
        scores = np.sort(((actual - median) / distance).reshape(-1, steps), axis=0)
        n = len(scores)
        rank = math.ceil(round((n + 1) * max(level, 1 - level), 9))
        factors[:, j] = np.maximum(scores[rank - 1], 0.0)
    return np.minimum(factors, np.finfo(np.float32).max)  # of distances that were zero


def widened(quantiles: Values, factors: Values, levels: tuple[float, ...]) -> Values:
    """Quantiles ``[N, H, Q]`` with their distances from the median times ``factors``, ascending again.

    >>> widened(np.array([[[-2.0, -1.0, 0.0, 1.0]]]), np.array([[1.0, 3.0, 1.0, 0.5]]), (0.1, 0.2, 0.5, 0.9)).tolist()
    [[[-3.0, -3.0, 0.0, 0.5]]]
    """
    middle = levels.index(0.5)
    median = quantiles[..., middle, None]
    result = median + factors * (quantiles - median)
    result[..., middle:] = np.maximum.accumulate(result[..., middle:], axis=-1)
    result[..., middle::-1] = np.minimum.accumulate(result[..., middle::-1], axis=-1)
    return result
