"""How far predicted numbers are off."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["regression_measures"]


def regression_measures(y: NDArray[Any], predicted: NDArray[Any]) -> dict[str, float]:
    """R², mean absolute error and root mean squared error of ``[N]`` or ``[N, O]``; R² is the mean of the columns'.

    >>> regression_measures(np.array([1.0, 3.0]), np.array([1.0, 2.0]))
    {'r2': 0.5, 'mae': 0.5, 'rmse': 0.7071067811865476}
    """
    error = y - predicted
    spread = np.square(y - y.mean(0)).sum(0)
    unexplained = np.square(error).sum(0)
    r2 = np.where(spread > 0, 1 - unexplained / np.where(spread > 0, spread, 1), (unexplained == 0).astype(float))
    return {
        "r2": float(r2.mean()),
        "mae": float(abs(error).mean()),
        "rmse": float(np.sqrt(np.square(error).mean())),
    }
