r"""What a series may plausibly become, by what it did: a guard for forecasts that would run away.

``k`` steps ahead a scaled series stays between the least and the greatest value of its last season, less and more half as much
again as it has ever changed in up to ``k`` steps. Where its history is shorter than ``2k``, the change in half of it grows in
proportion.
"""

from __future__ import annotations

import numpy as np

from unrolled.aliases import Values

__all__ = ["plausible_bounds", "within"]

MARGIN = 1.5


def plausible_bounds(z: Values, season: int, horizon: int) -> tuple[Values, Values]:
    """Lower and upper bounds ``[horizon]`` of what follows ``z [T]``.

    >>> lower, upper = plausible_bounds(np.arange(10.0), 1, 2)
    >>> lower.tolist(), upper.tolist()
    ([7.5, 6.0], [10.5, 12.0])
    """
    longest = max(1, len(z) // 2)
    lags = range(1, min(longest, horizon) + 1)
    changes = np.maximum.accumulate([float(np.abs(z[lag:] - z[:-lag]).max(initial=0.0)) for lag in lags])
    k = np.arange(1, horizon + 1)
    change = MARGIN * changes[np.minimum(k, len(changes)) - 1] * np.maximum(1.0, k / longest)
    last = z[-season:]
    return last.min() - change, last.max() + change


def within(z: Values, season: int, median: Values, distances: Values) -> Values:
    """Quantiles ``[H, Q]`` of what follows ``z [T]``: the median within the bounds, and the others at most twice as far outside.

    >>> within(np.arange(10.0), 1, np.array([99.0]), np.array([[-1.0, 0.0, 9.0]])).tolist()
    [[9.5, 10.5, 12.0]]
    """
    lower, upper = plausible_bounds(z, season, len(median))
    median = np.clip(median, lower, upper)[:, None]
    room = (upper - lower)[:, None] / 2
    return np.clip(median + distances, lower[:, None] - room, upper[:, None] + room)
