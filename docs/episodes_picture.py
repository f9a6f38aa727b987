"""The picture of the page on detecting: a series, its score with the threshold, and the episodes behind both."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from picture import Svg

from unrolled.charts.figures import series_figure


def episodes_picture(
    times: NDArray[Any],
    series: NDArray[Any],
    score: NDArray[Any],
    threshold: float,
    episodes: Sequence[tuple[Any, Any]],
) -> Svg:
    """``series`` and ``score [T]`` over ``times [T]``, one above the other; episodes are pairs of times."""
    spans = [(int(np.searchsorted(times, start)), int(np.searchsorted(times, end))) for start, end in episodes]
    parts = [
        series_figure(times, series, spans, "history", "The series with the episodes of alarms"),
        series_figure(times, score, spans, "forecast", "Its score, with the threshold", threshold),
    ]
    return Svg(f'<div class="forecast">{"".join(parts)}</div>')
