"""Numbers with their intervals, one below the other."""

from __future__ import annotations

from collections.abc import Mapping

from unrolled.charts.svg import Plot
from unrolled.charts.ticks import number_label, number_ticks

__all__ = ["intervals_figure"]

ROW = 24.0  # px


def intervals_figure(found: Mapping[str, tuple[float, float, float]], label: str) -> str:
    """Return an SVG of numbers by name: each with the lower and upper end of its interval.

    >>> picture = intervals_figure({"gru": (2.0, 1.5, 2.5), "naive": (3.0, 3.0, 3.0)}, "error")
    >>> picture.count("<circle"), "gru" in picture
    (2, True)
    """
    numbers = [number for each in found.values() for number in each]
    low, high = min(numbers, default=0.0), max(numbers, default=1.0)
    room = 0.04 * (high - low) or 0.5
    low, high = low - room, high + room
    left = 24 + 7.5 * max(map(len, found), default=0)
    height = 66 + ROW * len(found)
    plot = Plot(860, height, x=(low, high), y=(0, len(found)), left=left, right=30, bottom=34, top=28)
    plot.text(plot.left, 16, label, "tick")
    plot.x_axis([(tick, number_label(tick)) for tick in number_ticks(low, high, 8)])
    for row, (name, (mean, least, most)) in enumerate(found.items()):
        y = len(found) - row - 0.5
        plot.text(plot.left - 10, plot.to_y(y) + 4, name, "tick", anchor="end")
        if most > least:
            plot.line([least, most], [y, y], "forecast")
        plot.points([mean], [y], "forecast", [f"{name}: {number_label(mean)}"], radius=4)
    return plot.svg(label)
