"""Scores of the methods that a detector of anomalies should beat: one number a step, from this step and those before it.

All of them learn from the first ``learned`` steps of a stream; of several channels, each in units of its own deviation there,
the highest score counts.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

__all__ = ["SIMPLE", "isolation_forest", "matrix_profile", "rolling_z", "seasonal_naive"]

READ = 8  # steps that the forest sees at once

Values = NDArray[np.float64]


def standardised(values: Values, learned: int) -> Values:
    deviation = values[:learned].std(axis=0)
    return (values - values[:learned].mean(axis=0)) / np.where(deviation > 0, deviation, 1)


def rolling_z(values: Values, learned: int, window: int) -> Values:
    """``|y - mean| / deviation`` of the ``window`` steps before."""
    z = standardised(values, learned)
    before = np.lib.stride_tricks.sliding_window_view(z, window, axis=0)[:-1]
    deviation = np.maximum(before.std(axis=-1), 1e-3)
    return padded((abs(z[window:] - before.mean(axis=-1)) / deviation).max(axis=1), len(z))


def seasonal_naive(values: Values, learned: int, season: int) -> Values:
    """``|y[t] - y[t - season]|``."""
    z = standardised(values, learned)
    return padded(abs(z[season:] - z[:-season]).max(axis=1), len(z))


def isolation_forest(values: Values, learned: int, seed: int) -> Values:
    """scikit-learn's, of the last eight steps of all channels."""
    from sklearn.ensemble import IsolationForest

    z = standardised(values, learned)
    rows = np.lib.stride_tricks.sliding_window_view(z, READ, axis=0).reshape(len(z) - READ + 1, -1)
    forest = IsolationForest(random_state=seed).fit(rows[: learned - READ + 1])
    return padded(-forest.score_samples(rows), len(z))


def matrix_profile(values: Values, learned: int, window: int) -> Values:
    """stumpy's: how far the last ``window`` steps are from the nearest ones learned from; their own ones left out."""
    import stumpy

    z = standardised(values, learned)
    z = z + 1e-6 * np.random.default_rng(0).normal(size=z.shape)  # stumpy calls two windows without change equal
    profiles: list[Values] = []
    for column in z.T:
        known = stumpy.stump(column[:learned], window)[:, 0].astype(float)
        later = stumpy.stump(column[learned - window + 1 :], window, column[:learned], ignore_trivial=False)
        profiles.append(np.concatenate([known, later[:, 0].astype(float)]))
    return padded(np.max(profiles, axis=0), len(z))


def padded(score: Values, steps: int) -> Values:
    """With NaN in front, ``[steps]``."""
    return np.concatenate([np.full(steps - len(score), np.nan), score])


SIMPLE: dict[str, Callable[[Values, int, int, int | None, int], Values]] = {
    "rolling z-score": lambda values, learned, season, week, seed: rolling_z(values, learned, max(2 * season, 24)),
    "last season": lambda values, learned, season, week, seed: seasonal_naive(values, learned, season),
    "weekly-naive": lambda values, learned, season, week, seed: seasonal_naive(values, learned, week or season),
    "isolation forest": lambda values, learned, season, week, seed: isolation_forest(values, learned, seed),
    "matrix profile": lambda values, learned, season, week, seed: matrix_profile(values, learned, max(season, 8)),
}
"""Name → scores of ``values [T, C]``, given the steps to learn from, those of a season and of a week, and a seed."""
