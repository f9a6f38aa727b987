"""Level and seasonal profile of a series at its start: where exponential smoothing begins."""

from __future__ import annotations

import numpy as np

from unrolled.aliases import Values

__all__ = ["initial_states"]


SEASONS = 4  # of the first seasons; a profile drifts, and smoothing starts at the beginning


def initial_states(z: Values, season: int) -> tuple[float, Values]:
    """Level before the first step, and the seasonal profile ``[season]`` with mean zero.

    Classical decomposition: the profile is the mean deviation from a centred moving average over the first seasons, the
    level the first season's mean carried back by half a season along the slope between the first two. A series
    shorter than two seasons gets a flat profile.

    >>> t = np.arange(48)
    >>> level, profile = initial_states(0.5 * t + np.tile([3.0, 0.0, -3.0, 0.0], 12), 4)
    >>> level, profile.tolist()
    (-0.5, [3.0, 0.0, -3.0, 0.0])
    """
    if season == 1 or len(z) < 2 * season:
        head = z[: min(len(z), max(season, 1))]
        return float(head.mean()), np.zeros(season)
    first, second = z[:season].mean(), z[season : 2 * season].mean()
    level = first - (second - first) / season * (season + 1) / 2
    z = z[: SEASONS * season]
    weights = np.ones(season) if season % 2 else np.r_[0.5, np.ones(season - 1), 0.5]
    trend = np.convolve(z, weights / season, "valid")
    start = len(weights) // 2
    deviation = z[start : start + len(trend)] - trend
    phase = (start + np.arange(len(trend))) % season
    profile = np.bincount(phase, deviation, season) / np.maximum(np.bincount(phase, minlength=season), 1)
    return float(level), profile - profile.mean()
