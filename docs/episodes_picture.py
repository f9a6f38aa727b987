"""The picture of the page on detecting: a series, its score with the threshold, and the episodes behind both."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from picture import Svg

from unrolled.cli.svg import Plot
from unrolled.cli.ticks import number_label, number_ticks, time_ticks


def episodes_picture(
    times: NDArray[Any],
    series: NDArray[Any],
    score: NDArray[Any],
    threshold: float,
    episodes: Sequence[tuple[Any, Any]],
) -> Svg:
    """``series`` and ``score [T]`` over ``times [T]``, one above the other; episodes are pairs of times."""
    spans = [(np.searchsorted(times, start), np.searchsorted(times, end)) for start, end in episodes]
    parts = [
        panel(times, series, spans, "history", "The series with the episodes of alarms"),
        panel(times, score, spans, "forecast", "Its score, with the threshold", threshold),
    ]
    return Svg(f'<div class="forecast">{"".join(parts)}</div>')


def panel(
    times: NDArray[Any], values: NDArray[Any], spans: list[Any], css: str, label: str, threshold: float | None = None
) -> str:
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    room = 0.05 * (high - low)
    y = (low - room, high + room)
    plot = Plot(860, 190, x=(0, len(times) - 1), y=y)
    plot.y_axis([(tick, number_label(tick)) for tick in number_ticks(*y, 5)])
    plot.x_axis(time_ticks(times, 10))
    for start, end in spans:
        at = [max(start - 2.0, 0), min(end + 2.0, len(times) - 1)]  # wide enough to be seen
        plot.band(at, [y[0]] * 2, [y[1]] * 2, "interval")
    rows = np.flatnonzero(~np.isnan(values))
    plot.line(rows.tolist(), values[rows].tolist(), css)
    if threshold is not None:
        plot.line([0, len(times) - 1], [threshold] * 2, "truth")
    return plot.svg(label)
