"""How far forecasts are from the true values."""

from __future__ import annotations

import numpy as np

from unrolled.aliases import Values
from unrolled.codecs.scaling import VANISHING, binary_unit

__all__ = ["coverage", "mae", "mase", "rmse", "smape"]


def mae(actual: Values, forecast: Values) -> float:
    """Mean absolute error ``mean |y - ŷ|``, in the unit of the data.

    >>> mae(np.array([1.0, 2.0]), np.array([2.0, 4.0]))
    1.5
    """
    return float(np.abs(actual - forecast).mean())


def rmse(actual: Values, forecast: Values) -> float:
    """Root of the mean squared error ``sqrt(mean (y - ŷ)^2)``, in the unit of the data.

    >>> rmse(np.array([0.0, 0.0, 0.0, 0.0]), np.array([2.0, -2.0, 2.0, -2.0]))
    2.0
    """
    error = actual - forecast
    unit = binary_unit(error)
    return unit * float(np.sqrt(np.square(error / unit).mean()))


def smape(actual: Values, forecast: Values) -> float:
    """Symmetric mean absolute percentage error ``200 · mean |y - ŷ| / (|y| + |ŷ|)``, from 0 to 200.

    This is the form of the M4 competition (Makridakis 2020, doi 10.1016/j.ijforecast.2019.04.014); where both are 0 the
    error counts as 0.

    >>> smape(np.array([100.0, 0.0]), np.array([300.0, 0.0]))
    50.0
    """
    error, size = np.abs(actual - forecast), np.abs(actual) + np.abs(forecast)
    return float(200 * (error / np.where(size > 0, size, 1.0)).mean())


def mase(actual: Values, forecast: Values, history: Values, season: int) -> float | None:
    """Mean absolute error over that of the seasonal-naive forecast within the history.

    ``mean |y - ŷ| / mean |y[t] - y[t - season]|`` (Hyndman and Koehler 2006, doi 10.1016/j.ijforecast.2006.03.001);
    None if the history, but for rounding, repeats itself or is no longer than a season.

    >>> mase(np.array([5.0]), np.array([7.0]), np.array([1.0, 2.0, 3.0]), 1)
    2.0
    """
    if len(history) <= season:
        return None
    scale = float(np.abs(history[season:] - history[:-season]).mean())
    return mae(actual, forecast) / scale if scale > VANISHING * np.abs(history).max() else None


def coverage(actual: Values, lower: Values, upper: Values) -> float:
    """Share of values within their interval, bounds included, from 0 to 1.

    >>> coverage(np.array([1.0, 5.0]), np.array([0.0, 0.0]), np.array([1.0, 4.0]))
    0.5
    """
    return float(((lower <= actual) & (actual <= upper)).mean())
