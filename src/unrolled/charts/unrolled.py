"""A network drawn over time: a column for each step, a box of numbers for each node, and the ways between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from unrolled.aliases import Values
from unrolled.charts.svg import Plot

__all__ = ["NodeRow", "unrolled_figure"]

LINE, PAD, GAP, CLOSE = 15.0, 5.0, 20.0, 6.0  # px: of a number, of a box, between rows, between rows of a group
BOX, APART, LEFT, MARGIN = 66.0, 34.0, 76.0, 12.0
LETTER = 6.9
MOST = 6
"""Numbers of a node that are shown."""


@dataclass(frozen=True)
class NodeRow:
    """One quantity at all steps.

    Attributes:
        name: such as ``h[t]``.
        values: a row of numbers or a word for each step; None where there is no node.
        across: whether a step hands it to the next.
        joined: whether an arrow joins it with the row below; otherwise the two are of one group.
        total: its sum over the steps, in a column of its own.
    """

    name: str
    values: Sequence[Values | str | None]
    across: bool = False
    joined: bool = True
    total: Values | str | None = None


def unrolled_figure(
    rows: Sequence[NodeRow], columns: Sequence[str], label: str, lines: Sequence[str], *, back: bool = False
) -> str:
    """Return an SVG of quantities ``rows`` at the steps ``columns``, and the equations ``lines`` below it.

    ``back``: the arrows point from the loss to the parameters, and from each step to the one before it.

    >>> picture = unrolled_figure([NodeRow("h[t]", [np.array([0.5]), np.array([-0.25])], across=True)], ["t = 1", "t = 2"],
    ...     "one unit", ["h[t] = tanh(a[t])"])
    >>> picture.count('"node"'), "−0.25" in picture, "h[t] = tanh(a[t])" in picture
    (2, True, True)
    """
    totals = any(row.total is not None for row in rows)
    width = LEFT + (len(columns) + totals) * (BOX + APART) + MARGIN
    width = max(width, 440.0, LETTER * len(label) + 2 * MARGIN, *(LETTER * len(line) + 2 * MARGIN for line in lines))
    heights = [2 * PAD + LINE * max((_count(value) for value in (*row.values, row.total)), default=1) for row in rows]
    gaps = [GAP if row.joined else CLOSE for row in rows]
    tops = (58 + np.cumsum([0, *(height + gap for height, gap in zip(heights, gaps, strict=True))])).tolist()
    wrapped = _wrapped(lines, width - 2 * MARGIN)
    height = tops[-1] + 12 + 18 * len(wrapped) + MARGIN
    plot = Plot(width, height, x=(0, width), y=(height, 0), left=0, right=0, top=0, bottom=0)
    plot.text(MARGIN, 18, label, "tick")
    names = [*columns, "sum"] if totals else columns
    for j, name in enumerate(names):
        plot.text(_left(j) + BOX / 2, 44, name, "tick", anchor="middle")
    for i, row in enumerate(rows):
        middle = tops[i] + heights[i] / 2
        plot.text(LEFT - 10, middle + 4, row.name, "name", anchor="end")
        for j, value in enumerate(row.values):
            if value is None:
                continue
            _box(plot, j, tops[i], heights[i], value)
            if row.across and j + 1 < len(columns) and row.values[j + 1] is not None:
                ends = _left(j) + BOX + 3, _left(j + 1) - 3
                _arrow(plot, ends[back], middle, ends[not back], middle, back)
            if i + 1 < len(rows) and row.joined and rows[i + 1].values[j] is not None:
                x, ends = _left(j) + BOX / 2, (tops[i + 1] - 2, tops[i] + heights[i] + 2)
                _arrow(plot, x, ends[back], x, ends[not back], back)
        if row.total is not None:
            _box(plot, len(columns), tops[i], heights[i], row.total)
    for k, line in enumerate(wrapped):
        plot.text(MARGIN, tops[-1] + 16 + 18 * k, line, "name")
    return plot.svg(label)


def _left(column: int) -> float:
    return LEFT + column * (BOX + APART)


def _count(value: Values | str | None) -> int:
    return 1 if value is None or isinstance(value, str) else min(value.size, MOST + 1)


def _box(plot: Plot, column: int, top: float, height: float, value: Values | str) -> None:
    plot.cell(_left(column), top, "node", size=(BOX, height))
    said = [value] if isinstance(value, str) else [_number(each) for each in value.ravel()[:MOST].tolist()]
    if not isinstance(value, str) and value.size > MOST:
        said.append(f"… of {value.size}")
    first = top + height / 2 - LINE * len(said) / 2 + 11.5
    for k, text in enumerate(said):
        plot.text(_left(column) + BOX / 2, first + LINE * k, text[:9], "number", anchor="middle")


def _number(value: float) -> str:
    """In at most eight letters.

    >>> [_number(value) for value in (0.0, -0.12345, 103.5, 1.2e-5, -4.5e12)]
    ['0', '−0.1235', '103.5', '1.2e−05', '−4.5e+12']
    """
    value = value or 0.0  # without a sign
    size = abs(value)
    text = f"{value:.4f}" if 1e-3 <= size < 10 else f"{value:.5g}" if 10 <= size < 1e5 else f"{value:.2g}"
    text = text.rstrip("0").rstrip(".") if "." in text and "e" not in text else text
    return text.replace("-", "−")


def _arrow(plot: Plot, x: float, y: float, to_x: float, to_y: float, back: bool) -> None:
    plot.line([x, to_x], [y, to_y], "back" if back else "way")
    dx, dy = np.sign(to_x - x), np.sign(to_y - y)
    wing = [to_x - 6 * dx + 3 * dy, to_x - 6 * dx - 3 * dy], [to_y - 6 * dy + 3 * dx, to_y - 6 * dy - 3 * dx]
    plot.line([wing[0][0], to_x, wing[0][1]], [wing[1][0], to_y, wing[1][1]], "back head" if back else "way")


def _wrapped(lines: Sequence[str], width: float) -> list[str]:
    """As many on a line as it holds."""
    found = [""]
    for line in lines:
        longer = f"{found[-1]}\u2003\u2003{line}" if found[-1] else line
        if found[-1] and LETTER * len(longer) > width:
            found.append(line)
        else:
            found[-1] = longer
    return found
