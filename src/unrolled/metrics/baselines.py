"""Forecasts without learning: what a model has to beat."""

from __future__ import annotations

import numpy as np

from unrolled.aliases import Values
from unrolled.codecs.scaling import VANISHING, binary_unit

__all__ = ["BASELINES", "naive", "seasonal_growth", "seasonal_naive"]


def naive(history: Values, horizon: int, season: int) -> Values:
    """The last value, repeated ``[horizon]``."""
    return np.full(horizon, history[-1])


def seasonal_naive(history: Values, horizon: int, season: int) -> Values:
    """The last season, repeated ``[horizon]``; the last value if there is less than a season.

    >>> seasonal_naive(np.array([1.0, 2.0, 3.0]), 3, 2).tolist()
    [2.0, 3.0, 2.0]
    """
    return np.resize(history[-season:], horizon) if len(history) >= season else naive(history, horizon, season)


def seasonal_growth(history: Values, horizon: int, season: int) -> Values | None:
    """The last season times its growth over the one before, once more for each further season ``[horizon]``.

    None without a season, with less than two, or where one of the two does not add up to more than zero and rounding.

    >>> seasonal_growth(np.array([1.0, 1.0, 2.0, 2.0]), 4, 2).tolist()
    [4.0, 4.0, 8.0, 8.0]
    """
    if season == 1 or len(history) < 2 * season:
        return None
    seasons = history[-2 * season :] / binary_unit(history)
    last, before = seasons[season:].sum(), seasons[:season].sum()
    if min(last, before) <= VANISHING * np.abs(seasons).sum():
        return None
    return seasonal_naive(history, horizon, season) * (last / before) ** (1 + np.arange(horizon) // season)


BASELINES = {"naive": naive, "seasonal naive": seasonal_naive, "seasonal naive x growth": seasonal_growth}
