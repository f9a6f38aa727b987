"""Figures: a forecast beside what came, the loss while training, a series with its episodes and scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from unrolled.aliases import Values
from unrolled.charts.svg import NARROW, Plot
from unrolled.charts.ticks import number_label, number_ticks, time_ticks
from unrolled.data.frequency import stamp

__all__ = ["Interval", "forecast_figure", "loss_figure", "series_figure"]

WIDTH, HEIGHT = 860, 360


@dataclass(frozen=True)
class Interval:
    """A forecast: its median and the bounds of its interval, [H] each."""

    low: Values
    median: Values
    high: Values


def forecast_figure(
    history: Values, forecast: Interval, truth: Values | None, times: npt.NDArray[Any], label: str
) -> str:
    """Return an SVG of history [T], forecast [H] and, if it is known, what came; ``times`` [T + H] are of all."""
    start, end = len(history), len(history) + len(forecast.median)
    everything = np.concatenate([history, forecast.low, forecast.high, *([] if truth is None else [truth])])
    y = _padded(float(everything.min()), float(everything.max()))
    plot = Plot(WIDTH, HEIGHT, x=(0, end - 1), y=y)
    plot.y_axis([(tick, number_label(tick)) for tick in number_ticks(*y, 7)])
    plot.x_axis(time_ticks(times, 10))
    ahead = list(range(start, end))
    plot.band(ahead, forecast.low.tolist(), forecast.high.tolist(), "interval")
    plot.rule(start - 0.5, "now")
    plot.line(list(range(start)), history.tolist(), "history")
    hints = [
        f"{stamp(times[row])}: forecast {_rounded(m)} ({_rounded(low)} to {_rounded(high)})"
        for row, low, m, high in zip(ahead, forecast.low, forecast.median, forecast.high, strict=True)
    ]
    if truth is not None:
        plot.line([start - 1, *ahead], [float(history[-1]), *truth.tolist()], "truth")
        hints = [f"{hint}, came {_rounded(came)}" for hint, came in zip(hints, truth.tolist(), strict=True)]
    plot.line(ahead, forecast.median.tolist(), "forecast")
    if truth is not None:
        plot.points(ahead, truth.tolist(), "truth", hints, radius=2.5)
    plot.points(ahead, forecast.median.tolist(), "forecast", hints)
    return plot.svg(label)


def loss_figure(
    losses: Sequence[Sequence[float]], validation: Sequence[Sequence[float]], best_epochs: Sequence[int], label: str
) -> str:
    """Return an SVG of each epoch's mean loss, in training and on the tail kept back, with the best epochs marked; a line for
    each network that was trained."""
    named = [("training", each) for each in losses] + [("validation", each) for each in validation]
    lines = [(name, list(values)) for name, values in named if len(values)]
    highest = max(max(values) for _, values in lines)
    lowest = min(min(values) for _, values in lines)
    y = _padded(lowest, highest)
    epochs = max(len(values) for _, values in lines)
    plot = Plot(NARROW, 256, x=(1, max(epochs, 2)), y=y, left=60, right=80, bottom=44, top=26)
    plot.text(plot.left, 16, "loss", "tick")
    plot.y_axis([(tick, number_label(tick)) for tick in number_ticks(*y, 5)])
    plot.x_axis([(tick, number_label(tick)) for tick in number_ticks(1, epochs, 6) if tick == int(tick)])
    plot.text((plot.left + plot.right) / 2, plot.bottom + 38, "epoch", "tick", anchor="middle")
    for epoch in sorted(set(best_epochs)):
        plot.rule(epoch, "now")
    for name, values in lines:
        plot.line([epoch + 1.0 for epoch in range(len(values))], values, name)
    longest = {name: max((own for other, own in lines if other == name), key=len) for name, _ in lines}
    ends = _apart([plot.to_y(values[-1]) for values in longest.values()], 15)
    for (name, values), end in zip(longest.items(), ends, strict=True):
        plot.text(plot.to_x(len(values)) + 8, end + 4, name, f"end {name}")
    return plot.svg(label)


def series_figure(
    times: npt.NDArray[Any],
    values: Values,
    spans: Sequence[tuple[int, int]],
    css: str,
    label: str,
    threshold: float | None = None,
) -> str:
    """Return an SVG of a series [T] in front of ``spans``, pairs of a first and a last row; NaN has no place in it."""
    shown = values if threshold is None else np.append(values, threshold)
    y = _padded(float(np.nanmin(shown)), float(np.nanmax(shown)))
    plot = Plot(WIDTH, 190, x=(0, max(len(times) - 1, 1)), y=y, top=26)
    plot.text(plot.left, 16, label, "tick")
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


def _rounded(value: float) -> str:
    """Four digits of a number."""
    return number_label(float(f"{value:.4g}"))


def _padded(low: float, high: float) -> tuple[float, float]:
    room = 0.05 * (high - low) or 1.0
    return low - room, high + room


def _apart(places: list[float], least: float) -> list[float]:
    """Move two labels apart where they would touch."""
    if len(places) == 2 and abs(places[0] - places[1]) < least:
        middle, sign = sum(places) / 2, 1 if places[0] >= places[1] else -1
        return [middle + sign * least / 2, middle - sign * least / 2]
    return places
