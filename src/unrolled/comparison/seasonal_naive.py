r"""The seasonal-naive forecast: what was a season ago.

.. math:: \hat y[o + k] = y[o + k - m \lceil (k + 1) / m \rceil], \qquad k = 0 .. H - 1
"""

from __future__ import annotations

import numpy as np

from unrolled.aliases import Values
from unrolled.comparison.forecast import ForecastTask
from unrolled.comparison.plain import Fitted, PlainFamily

__all__ = ["SEASONAL_NAIVE", "seasonal_naive"]


def seasonal_naive(y: Values, season: int, horizon: int) -> Values:
    """The forecast ``[H]`` after ``y [T]``, one season at least.

    >>> seasonal_naive(np.array([9.0, 1.0, 2.0]), 2, 3).tolist()
    [1.0, 2.0, 1.0]
    """
    return np.resize(y[-season:], horizon)


def _fit(task: ForecastTask, seed: int) -> Fitted:
    def predict() -> Values:
        origins = zip(*task.origins[2], strict=True)
        return np.stack([seasonal_naive(task.values[i][:o], task.season, task.horizon) for i, o in origins])

    return Fitted(predict, 0, task.season, task.season, f"a season of {task.season} steps")


SEASONAL_NAIVE = PlainFamily("seasonal-naive", {"forecast": _fit}, "it repeats the last season of a series of numbers")
