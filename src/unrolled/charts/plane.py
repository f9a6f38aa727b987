"""Paths in a plane, a line each, with named points among them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from unrolled.aliases import Values
from unrolled.charts.svg import Plot
from unrolled.charts.ticks import number_label, number_ticks

__all__ = ["Dot", "plane_figure"]

SIDE = 520.0  # px
COLOURS = ("history", "forecast", "truth")
"""Of paths, in turn."""
ROOM = 0.06  # around everything, as a share of what there is


class Dot(NamedTuple):
    """A point."""

    x: float
    y: float
    css: str
    hint: str


def plane_figure(paths: Sequence[Values], dots: Sequence[Dot], across: str, up: str, label: str) -> str:
    """Return an SVG of paths ``[T, 2]``, from a small dot on to a larger one, and of points above them.

    >>> picture = plane_figure([np.array([[0, 0], [1, 2]])], [Dot(1, 2, "truth", "the end")], "x", "y", "a way")
    >>> picture.count('class="history"'), "<title>the end</title>" in picture  # a line with both of its ends
    (3, True)
    """
    everything = np.concatenate([*paths, np.array([(dot.x, dot.y) for dot in dots]).reshape(-1, 2)])
    (left, low), (right, high) = (everything.min(0), everything.max(0)) if len(everything) else ((0, 0), (1, 1))
    x, y = _with_room(float(left), float(right)), _with_room(float(low), float(high))
    plot = Plot(SIDE + 90, SIDE + 80, x=x, y=y, left=70, right=20, bottom=50, top=30)
    plot.text(plot.left, 18, label, "tick")
    plot.y_axis([(tick, number_label(tick)) for tick in number_ticks(*y, 6)])
    plot.x_axis([(tick, number_label(tick)) for tick in number_ticks(*x, 6)])
    plot.text((plot.left + plot.right) / 2, plot.bottom + 40, across, "tick", anchor="middle")
    plot.text(16, (plot.top + plot.bottom) / 2, up, "tick", anchor="middle", slant=-90)
    for n, path in enumerate(paths):
        colour = COLOURS[n % len(COLOURS)] if not dots else COLOURS[0]
        plot.line(path[:, 0].tolist(), path[:, 1].tolist(), colour)
        for place, said, radius in ((path[0], "begins", 2), (path[-1], "ends", 4)):
            plot.points([float(place[0])], [float(place[1])], colour, [f"sequence {n} {said} here"], radius=radius)
    for dot in dots:
        plot.points([dot.x], [dot.y], dot.css, [dot.hint], radius=5)
    return plot.svg(label)


def _with_room(low: float, high: float) -> tuple[float, float]:
    room = ROOM * (high - low) or 1.0
    return low - room, high + room
