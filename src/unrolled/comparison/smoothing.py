"""Exponential smoothing and autoregression, of :mod:`unrolled.statistical.methods`, fitted to the training part.

Of the methods of smoothing (level, damped trend, trend, Theta), one recurrence with different gains, it is the one that does
best on the validation part.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from unrolled.aliases import Values
from unrolled.codecs.scaling import log_scales
from unrolled.comparison.forecast import ForecastTask, Origins
from unrolled.comparison.plain import Fitted, PlainFamily
from unrolled.statistical.methods import METHODS, SMOOTHING, StatisticalMethods

__all__ = ["AUTOREGRESSION", "SMOOTHING_FAMILY"]


def _methods(task: ForecastTask) -> StatisticalMethods:
    z = [scaling.transform(y[:end]) for scaling, y, end in zip(task.scalings, task.values, task.learned, strict=True)]
    return StatisticalMethods.fit(z, task.season, log_scales(task.scalings))


def _forecasts(task: ForecastTask, methods: StatisticalMethods, origins: Origins, names: Sequence[str]) -> list[Values]:
    """Of each method ``[n, H]`` in the units of the series, from what came before each origin alone."""
    found = np.stack(
        [
            methods.select([i]).forecast([task.scalings[i].transform(task.values[i][:o])], task.horizon)[:, 0]
            for i, o in zip(*origins, strict=True)
        ]
    )  # [n, methods, H]
    return [task.in_units(found[:, METHODS.index(name)], origins) for name in names]


def _fit_smoothing(task: ForecastTask, seed: int) -> Fitted:
    methods = _methods(task)
    judged = _forecasts(task, methods, task.origins[1], SMOOTHING)
    best = SMOOTHING[int(np.argmin([task.score(forecasts, validation=True) for forecasts in judged]))]
    numbers = (4 + 2 + task.season) * len(task.values)
    return Fitted(
        lambda: _forecasts(task, methods, task.origins[2], [best])[0], numbers, None, 2 + task.season, f"method {best}"
    )


def _fit_autoregression(task: ForecastTask, seed: int) -> Fitted:
    methods = _methods(task)
    lags = methods.coefficients.shape[1] - 1
    return Fitted(
        lambda: _forecasts(task, methods, task.origins[2], ["autoregression"])[0],
        methods.coefficients.size,
        lags,
        lags,
        f"{lags} lags",
    )


SMOOTHING_FAMILY = PlainFamily(
    "exponential-smoothing", {"forecast": _fit_smoothing}, "it smooths level, trend and season of a series of numbers"
)
AUTOREGRESSION = PlainFamily(
    "autoregression", {"forecast": _fit_autoregression}, "it regresses a series of numbers on its own past"
)
