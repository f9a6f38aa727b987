"""The two figures of the demo's page: a forecast beside what came, and the loss while training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from unrolled.cli.svg import Plot
from unrolled.cli.terminal_chart import Interval
from unrolled.cli.ticks import number_label, number_ticks, time_ticks
from unrolled.data.frequency import stamp

__all__ = ["forecast_figure", "loss_figure"]

Values = npt.NDArray[np.float64]
WIDTH, HEIGHT = 860, 360


def forecast_figure(history: Values, forecast: Interval, truth: Values, times: npt.NDArray[Any], label: str) -> str:
    """Return an SVG of history [T], forecast and truth [H]; ``times`` [T + H] are the stamps of both together."""
    start, end = len(history), len(history) + len(truth)
    everything = np.concatenate([history, truth, forecast.low, forecast.high])
    y = _padded(float(everything.min()), float(everything.max()))
    plot = Plot(WIDTH, HEIGHT, x=(0, end - 1), y=y)
    plot.y_axis([(tick, number_label(tick)) for tick in number_ticks(*y, 7)])
    plot.x_axis(time_ticks(times, 10))
    ahead = list(range(start, end))
    plot.band(ahead, forecast.low.tolist(), forecast.high.tolist(), "interval")
    plot.rule(start - 0.5, "now")
    plot.line(list(range(start)), history.tolist(), "history")
    plot.line([start - 1, *ahead], [float(history[-1]), *truth.tolist()], "truth")
    plot.line(ahead, forecast.median.tolist(), "forecast")
    hints = [
        f"{stamp(times[row])}: forecast {m:.0f} ({low:.0f} to {high:.0f}), came {came:.0f}"
        for row, low, m, high, came in zip(ahead, forecast.low, forecast.median, forecast.high, truth, strict=True)
    ]
    plot.points(ahead, truth.tolist(), "truth", hints, radius=2.5)
    plot.points(ahead, forecast.median.tolist(), "forecast", hints)
    return plot.svg(label)


def loss_figure(losses: Sequence[float], validation: Sequence[float], best_epoch: int, label: str) -> str:
    """Return an SVG of each epoch's mean loss, in training and on the tail kept back, with the best epoch marked."""
    lines = [(name, list(values)) for name, values in (("training", losses), ("validation", validation)) if len(values)]
    highest = max(max(values) for _, values in lines)
    lowest = min(min(values) for _, values in lines)
    y = _padded(lowest, highest)
    epochs = max(len(values) for _, values in lines)
    plot = Plot(WIDTH, 240, x=(1, max(epochs, 2)), y=y, left=60, right=80, bottom=44)
    plot.y_axis([(tick, number_label(tick)) for tick in number_ticks(*y, 5)])
    plot.x_axis([(tick, number_label(tick)) for tick in number_ticks(1, epochs, 8) if tick == int(tick)])
    plot.text((plot.left + plot.right) / 2, plot.bottom + 38, "epoch", "tick", anchor="middle")
    plot.rule(best_epoch, "now")
    ends = _apart([plot.to_y(values[-1]) for _, values in lines], 15)
    for (name, values), end in zip(lines, ends, strict=True):
        plot.line([epoch + 1.0 for epoch in range(len(values))], values, name)
        plot.text(plot.to_x(len(values)) + 8, end + 4, name, f"end {name}")
    return plot.svg(label)


def _padded(low: float, high: float) -> tuple[float, float]:
    room = 0.05 * (high - low) or 1.0
    return low - room, high + room


def _apart(places: list[float], least: float) -> list[float]:
    """Move two labels apart where they would touch."""
    if len(places) == 2 and abs(places[0] - places[1]) < least:
        middle, sign = sum(places) / 2, 1 if places[0] >= places[1] else -1
        return [middle + sign * least / 2, middle - sign * least / 2]
    return places
