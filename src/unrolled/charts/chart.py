"""A chart that shows itself in a notebook and can be kept as a file; and tables that show themselves there."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from html import escape

__all__ = ["Chart", "html_table"]

STYLE = """
path { fill: none; stroke-width: 1.8; stroke-linejoin: round; }
.grid { stroke: #8883; stroke-width: 1; }
.axis, .now { stroke: #888; stroke-width: 1; }
.now { stroke-dasharray: 3 4; }
text { fill: #777; font: 13px system-ui, sans-serif; }
path.history, path.training { stroke: #888; }
path.truth { stroke: #d0641e; }
path.forecast, path.validation { stroke: #2f80c9; }
path.pen { stroke: #2f80c9; stroke-linecap: round; }
path.interval { fill: #2f80c933; }
path.dashed { stroke-dasharray: 6 4; }
path.dotted { stroke-dasharray: 2 3; }
circle.truth { fill: #d0641e; }
circle.forecast { fill: #2f80c9; }
circle.history { fill: #888; }
rect.cell { fill: #2f80c9; }
rect.frame { fill: none; stroke: #8886; }
rect.node { fill: #2f80c91a; stroke: #8888; }
text.name { font: 13px "STIX Two Text", Cambria, "Times New Roman", serif; font-size: 14px; }
text.number { font: 12px ui-monospace, monospace; }
path.way { stroke: #888; stroke-width: 1.3; }
path.back { stroke: #d0641e; stroke-width: 1.3; stroke-dasharray: 5 3; }
path.back.head { stroke-dasharray: none; }
"""
"""Colours that can be told apart on white and on black."""


class Chart:
    """One or more charts, one above the other; a notebook shows them.

    >>> chart = Chart('<svg viewBox="0 0 100 50" role="img" aria-label="Loss">\\n</svg>')
    >>> chart
    <Chart: Loss>
    >>> chart.svg.count("<style>")
    1
    """

    def __init__(self, *charts: str) -> None:
        self._charts = charts

    @property
    def figures(self) -> tuple[str, ...]:
        """Each of the charts as SVG that takes its colours from the page it is part of."""
        return self._charts

    @property
    def svg(self) -> str:
        """The chart as an SVG file has it, with its own colours."""
        if len(self._charts) == 1:
            inner = self._charts[0].replace(">", f"><style>{STYLE}</style>", 1)
            return inner.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
        sizes = [_size(chart) for chart in self._charts]
        width, height = max(size[0] for size in sizes), sum(size[1] for size in sizes)
        parts, y = list[str](), 0.0
        for chart, size in zip(self._charts, sizes, strict=True):
            parts.append(chart.replace("<svg ", f'<svg y="{y:g}" width="{size[0]:g}" height="{size[1]:g}" ', 1))
            y += size[1]
        head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" role="img">'
        return "\n".join([f"{head}<style>{STYLE}</style>", *parts, "</svg>"])

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the chart to an SVG file, whole or not at all.

        Raises:
            InputError: the folder does not exist, or the path is one.
            OSError: the system refused (disk full, no permission).
        """
        from unrolled.runtime.atomic_write import write_atomically

        write_atomically(path, (self.svg + "\n").encode())

    def _repr_html_(self) -> str:
        from base64 import b64encode

        # As an image it keeps its style to itself, and takes on none of the page's.
        labels = "; ".join(_label(chart) for chart in self._charts)
        data = b64encode(self.svg.encode()).decode()
        most = min(860, 1.25 * max(_size(chart)[0] for chart in self._charts))
        image = f'<img style="width: 100%; min-width: {min(most, 640):.0f}px; max-width: {most:.0f}px" alt="{labels}"'
        return f'<div style="overflow-x: auto">{image} src="data:image/svg+xml;base64,{data}"></div>'

    def __repr__(self) -> str:
        return f"<Chart: {'; '.join(_label(chart) for chart in self._charts)}>"


def _label(chart: str) -> str:
    return chart.partition('aria-label="')[2].partition('"')[0]


def _size(chart: str) -> tuple[float, float]:
    _, _, width, height = chart.partition('viewBox="')[2].partition('"')[0].split()
    return float(width), float(height)


def html_table(head: Sequence[str], rows: Iterable[Sequence[str]], *, own: int | None = None, below: str = "") -> str:
    """A table whose first column is text and the others numbers; row ``own`` stands out, ``below`` is a sentence.

    >>> html_table(["", "MAE"], [["<b>", "1.5"]])
    '<table>\\n<tr><th scope="col"></th><th scope="col">MAE</th></tr>\\n<tr><td>&lt;b&gt;</td><td>1.5</td></tr>\\n</table>'
    """
    cells = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in head)
    lines = [f"<tr>{cells}</tr>"]
    for i, row in enumerate(rows):
        kind = ' class="own"' if i == own else ""
        lines.append(f"<tr{kind}>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>")
    sentence = f"<p>{escape(below)}</p>" if below else ""
    return "<table>\n" + "\n".join(lines) + f"\n</table>{sentence}"
