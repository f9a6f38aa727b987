"""How far predicted numbers are off."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.codecs.scaling import binary_unit, is_constant

__all__ = ["regression_measures"]


def regression_measures(y: NDArray[Any], predicted: NDArray[Any]) -> dict[str, float]:
    """R², mean absolute error and root mean squared error of ``[N]`` or ``[N, O]``; R² is the mean of the columns'.

    >>> regression_measures(np.array([1.0, 3.0]), np.array([1.0, 2.0]))
    {'r2': 0.5, 'mae': 0.5, 'rmse': 0.7071067811865476}
    """
    y = np.asarray(y, np.float64)
    error = y - predicted
    unit = binary_unit(error)
    columns = zip(y.reshape(len(y), -1).T, error.reshape(len(y), -1).T, strict=True)
    return {
        "r2": float(np.mean([_explained(*column) for column in columns])),
        "mae": float(abs(error).mean()),
        "rmse": unit * float(np.sqrt(np.square(error / unit).mean())),
    }


def _explained(y: NDArray[np.float64], error: NDArray[np.float64]) -> float:
    """R² of one column; of one that never changes, 1 if all of it was predicted and 0 otherwise."""
    if is_constant(y):
        return float(not error.any())
    unit = binary_unit(y)
    with np.errstate(over="ignore"):
        return float(1 - np.square(error / unit).sum() / np.square((y - y.mean()) / unit).sum())
