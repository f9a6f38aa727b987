"""A forecast beside what came, drawn as the demo's page draws it."""

from __future__ import annotations

import numpy as np
from picture import Svg

from unrolled.charts.figures import Interval, forecast_figure


def forecast_picture(
    history: np.ndarray, quantiles: np.ndarray, truth: np.ndarray, times: np.ndarray, description: str
) -> Svg:
    """``history [T]``, the forecast's ``quantiles [H, 3]``, the true values ``[H]`` and the times of all, ``[T + H]``."""
    low, median, high = np.asarray(quantiles).T
    drawn = forecast_figure(history, Interval(low, median, high), truth, times, description)
    return Svg(f'<div class="forecast">{drawn}</div>')
