"""A heatmap: shares from 0 to 1, rows and columns with names, such as what attention reads."""

from __future__ import annotations

from collections.abc import Sequence
from unicodedata import east_asian_width

from unrolled.aliases import Values
from unrolled.charts.svg import Plot

__all__ = ["heatmap_figure"]

CELL = 24  # px
LETTER, WIDE_LETTER = 7.6, 13.5  # of the font of labels, at most
SLANT = 0.71  # sine and cosine of the angle of labels
FAINTEST = 0.004  # which is not seen
NARROWEST = 320  # so that few columns do not become a picture of large letters


def heatmap_figure(shares: Values, rows: Sequence[str], columns: Sequence[str], label: str) -> str:
    """Return an SVG of shares ``[rows, columns]``, the darker the larger; names of columns stand above.

    >>> import numpy as np
    >>> picture = heatmap_figure(np.eye(2), ["un", "deux"], ["one", "two"], "what is read of 'one two'")
    >>> picture.count("<rect"), "<title>deux, two: 1.00</title>" in picture
    (3, True)
    """
    slanted = max(map(_width, columns), default=0) > CELL - 4
    left = 16 + max(map(_width, rows), default=0)
    longest = max(map(_width, columns), default=0)
    top = 36 + (SLANT * longest + 4 if slanted else 8)
    right = max(12.0, SLANT * _width(columns[-1]) - CELL / 2 + 8 if slanted and columns else 0)
    width = max(left + CELL * len(columns) + right, NARROWEST, _width(label) + 20)
    right = width - left - CELL * len(columns)
    height = top + CELL * len(rows) + 12
    plot = Plot(
        width, height, x=(0, max(1, len(columns))), y=(max(1, len(rows)), 0), left=left, right=right, top=top, bottom=12
    )
    plot.text(10, 18, label, "tick")
    plot.cell(0, 0, "frame", size=(len(columns), len(rows)))
    for i, name in enumerate(columns):
        at = plot.to_x(i + 0.5)
        plot.text(at, plot.top - 6, name, "tick", anchor="start" if slanted else "middle", slant=-45 if slanted else 0)
    for i, name in enumerate(rows):
        plot.text(left - 7, plot.to_y(i + 0.5) + 4, name, "tick", anchor="end")
        for j, share in enumerate(shares[i].tolist()):
            if share >= FAINTEST:
                plot.cell(j, i, "cell", opacity=min(1.0, share), hint=f"{name}, {columns[j]}: {share:.2f}")
    return plot.svg(label)


def _width(text: str) -> float:
    """Of a label, in px; rather too much."""
    return sum(WIDE_LETTER if east_asian_width(letter) in "WF" else LETTER for letter in text)
