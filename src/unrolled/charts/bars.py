"""Bars: how often something occurs, or how large it is."""

from __future__ import annotations

from collections.abc import Sequence

from unrolled.charts.svg import NARROW, Plot
from unrolled.charts.ticks import number_label, number_ticks

__all__ = ["bars_figure"]

WIDTH, HEIGHT = 860, 240
FEW = 12  # bars, for which a narrow picture has room


def bars_figure(sizes: Sequence[float], names: Sequence[str], label: str, below: str) -> str:
    """Return an SVG of sizes from 0 on, a bar each; of many names so many are written as there is room for.

    >>> picture = bars_figure([1, 3], ["short", "long"], "how many", "length")
    >>> picture.count("<rect"), "<title>long: 3</title>" in picture
    (2, True)
    """
    high = max([*sizes, 0]) or 1.0
    width = NARROW if len(sizes) <= FEW else WIDTH
    plot = Plot(width, HEIGHT, x=(0, max(len(sizes), 1)), y=(0, high * 1.05), left=60, top=28, bottom=44)
    plot.text(plot.left, 16, label, "tick")
    plot.y_axis([(tick, number_label(tick)) for tick in number_ticks(0, high, 5)])
    room = (plot.right - plot.left) / max(len(sizes), 1)
    every = max(1, -(-int(8 * max(map(len, names), default=1) + 12) // max(int(room), 1)))
    plot.x_axis([(n + 0.5, name) for n, name in enumerate(names) if n % every == 0])
    plot.text((plot.left + plot.right) / 2, plot.bottom + 38, below, "tick", anchor="middle")
    for n, (size, name) in enumerate(zip(sizes, names, strict=True)):
        plot.cell(n + 0.1, size, "cell", size=(0.8, -size), hint=f"{name}: {number_label(size)}")
    return plot.svg(label)
