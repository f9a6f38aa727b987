"""Strokes of a pen as pictures: one drawing, or a sheet of many side by side."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from unrolled.aliases import Values
from unrolled.charts.svg import Plot

__all__ = ["pen_down", "strokes_figure"]

WIDTH = 860  # px
CELL = 96  # px at least, of one of many drawings
LABEL = 20  # px of a line of text
MARGIN = 0.08  # of a cell
LONE = 360  # px: the height of one drawing, at most


def strokes_figure(
    drawings: Sequence[Values], names: Sequence[str] = (), label: str = "strokes", *, upwards: bool = False
) -> str:
    """Return an SVG of drawings ``[T_i, 3]``: x, y, and whether the pen is lifted after the point.

    All are drawn on one scale, each in the middle of its cell, in rows from left to right.

    Args:
        drawings: positions, not offsets.
        names: of each, below it; by default none.
        label: what the picture is called where it cannot be seen.
        upwards: whether y grows upwards; by default it grows downwards, as on a screen.

    >>> cross = np.array([[0, 1, 0], [2, 1, 1], [1, 0, 0], [1, 2, 1.0]])
    >>> picture = strokes_figure([cross, cross], ["one", "two"])
    >>> picture.count('<path class="pen"'), ">two</text>" in picture
    (4, True)
    """
    boxes = [_box(drawing) for drawing in drawings]
    extent = max((max(high - low for low, high in box) for box in boxes), default=0.0) or 1.0
    columns = max(1, min(len(drawings), WIDTH // CELL))
    rows = max(1, math.ceil(len(drawings) / columns))
    if len(drawings) == 1:
        (across, down), size = (max(high - low, 0.02 * extent) for low, high in boxes[0]), float(WIDTH)
        height = min(LONE, max(40.0, size * down / across))
    else:
        size = height = WIDTH / columns
    below = LABEL if len(names) else 0
    plot = Plot(
        WIDTH, rows * (height + below), x=(0, WIDTH), y=(rows * (height + below), 0), left=0, bottom=0, top=0, right=0
    )
    unit = (1 - 2 * MARGIN) * _unit(boxes, size, height, extent)
    for n, drawing in enumerate(drawings):
        left, top = n % columns * size, n // columns * (height + below)
        middle_x, middle_y = ((low + high) / 2 for low, high in boxes[n])
        x = left + size / 2 + unit * (drawing[:, 0] - middle_x)
        y = top + height / 2 + unit * (-1 if upwards else 1) * (drawing[:, 1] - middle_y)
        for stroke in pen_down(drawing):
            plot.line(x[stroke].tolist(), y[stroke].tolist(), "pen")
        if n < len(names):
            plot.text(left + size / 2, top + height + 14, names[n], "tick", anchor="middle")
    return plot.svg(label)


def pen_down(drawing: Values) -> list[slice]:
    """The strokes of a drawing ``[T, 3]``: steps from where the pen is put down to where it is lifted.

    >>> pen_down(np.array([[0, 0, 0], [1, 0, 1], [5, 5, 1], [6, 6, 0.0]]))
    [slice(0, 2, None), slice(2, 3, None), slice(3, 4, None)]
    """
    ends = [*(np.flatnonzero(drawing[:-1, 2] > 0.5) + 1).tolist(), len(drawing)] if len(drawing) else []
    return [slice(start, end) for start, end in zip([0, *ends], ends, strict=False)]


def _box(drawing: Values) -> list[tuple[float, float]]:
    """From where to where it reaches, across and down."""
    if not len(drawing):
        return [(0.0, 0.0)] * 2
    return [(float(axis.min()), float(axis.max())) for axis in drawing[:, :2].T]


def _unit(boxes: Sequence[list[tuple[float, float]]], width: float, height: float, extent: float) -> float:
    """Px of a unit of the data, such that each fits into its cell."""
    least = [
        min(room / max(high - low, 1e-9 * extent) for room, (low, high) in zip((width, height), box, strict=True))
        for box in boxes
    ]
    return min(least, default=1.0)
