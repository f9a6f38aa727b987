"""A small kit for SVG drawings: wires, gates, operations, labels set like mathematics, and line charts.

Colours and fonts come from ``_static/pages.css``, so that a drawing follows the page into the dark.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from html import escape
from math import ceil, floor, hypot, inf, log10

import numpy as np

from unrolled.charts.ticks import number_ticks

Point = tuple[float, float]


class Svg(str):
    """An SVG element as text; a notebook cell that ends in one shows the drawing."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        return str(self)


def typeset(text: str) -> str:
    """SVG spans for a formula: single letters in italics, words upright, ``_i`` or ``_{in}`` below the line.

    >>> typeset("a_i")
    '<tspan font-style="italic">a</tspan><tspan dy="4" font-size="72%"><tspan font-style="italic">i</tspan></tspan>'
    """
    spans, lowered = "", False
    for subscript, token in re.findall(r"(_\{[^}]*\}|_.)|([^\W\d_]+|[^_])", text.replace("-", "−")):
        shift = ' dy="-4"' if lowered and not subscript else ""
        lowered = bool(subscript)
        if subscript:
            spans += f'<tspan dy="4" font-size="72%">{typeset(subscript.strip("_{}"))}</tspan>'
        elif len(token) == 1 and token.isalpha():
            spans += f'<tspan font-style="italic"{shift}>{token}</tspan>'
        else:
            spans += f"<tspan{shift}>{escape(token)}</tspan>" if shift else escape(token)
    return spans


class Picture:
    """A drawing under construction; coordinates are pixels at the drawing's natural size."""

    def __init__(self, width: float, height: float, description: str) -> None:
        self.size = (width, height)
        self.description = description
        self.parts: list[str] = []

    def cell(self, x: float, y: float, width: float, height: float, title: str = "") -> None:
        """The outline of a cell; ``title`` stands inside, at the upper left."""
        self.parts.append(f'<rect class="cell" x="{x}" y="{y}" width="{width}" height="{height}" rx="14"/>')
        if title:
            self.text(x + 14, y + 22, title, anchor="start", style="small")

    def wire(self, *points: Point, arrow: bool = False, over: bool = False, style: str = "") -> None:
        """A line through the points with rounded corners; ``over`` interrupts the wires it crosses."""
        path = rounded(points)
        if over:
            self.parts.append(f'<path class="halo" d="{path}"/>')
        self.parts.append(f'<path class="wire {style}" d="{path}"/>')
        if arrow:
            self.parts.append(f'<path class="head {style}" d="{arrow_head(points[-2], points[-1])}"/>')

    def dot(self, x: float, y: float) -> None:
        """Where a wire branches."""
        self.parts.append(f'<circle class="dot" cx="{x}" cy="{y}" r="3.2"/>')

    def gate(self, x: float, y: float, function: str, *, width: float = 46, style: str = "") -> None:
        """A box with a learned affine map and the function behind it, centred at (x, y)."""
        self.parts.append(
            f'<rect class="gate {style}" x="{x - width / 2}" y="{y - 16}" width="{width}" height="32" rx="6"/>'
        )
        self.text(x, y + 5.5, function)

    def operation(self, x: float, y: float, symbol: str) -> None:
        """A circle with an elementwise operation, centred at (x, y)."""
        self.parts.append(f'<circle class="operation" cx="{x}" cy="{y}" r="13"/>')
        paths = {
            "+": f"M{x - 6} {y}H{x + 6}M{x} {y - 6}V{y + 6}",
            "×": f"M{x - 4.5} {y - 4.5}L{x + 4.5} {y + 4.5}M{x + 4.5} {y - 4.5}L{x - 4.5} {y + 4.5}",
        }
        if symbol in paths:
            self.parts.append(f'<path class="wire" d="{paths[symbol]}"/>')
        else:
            self.text(x, y + 4.5, symbol, style="small")

    def text(self, x: float, y: float, formula: str, *, anchor: str = "middle", style: str = "") -> None:
        """A label set as a formula."""
        self.parts.append(f'<text class="{style}" x="{x}" y="{y}" text-anchor="{anchor}">{typeset(formula)}</text>')

    def words(self, x: float, y: float, text: str, *, anchor: str = "middle", style: str = "") -> None:
        """A label set as words."""
        self.parts.append(f'<text class="words {style}" x="{x}" y="{y}" text-anchor="{anchor}">{escape(text)}</text>')

    def svg(self) -> Svg:
        """The finished drawing."""
        width, height = self.size
        return Svg(
            f'<svg class="picture" viewBox="0 0 {width:g} {height:g}" width="{width:g}" height="{height:g}" role="img" '
            f'aria-label="{escape(self.description)}">{"".join(self.parts)}</svg>'
        )


def rounded(points: Sequence[Point], radius: float = 9) -> str:
    """The path through ``points`` with each corner cut by an arc."""
    path = f"M{points[0][0]:g} {points[0][1]:g}"
    for before, corner, after in zip(points[:-2], points[1:-1], points[2:], strict=True):
        (x, y), (u, v) = towards(corner, before, radius), towards(corner, after, radius)
        path += f"L{x:g} {y:g}Q{corner[0]:g} {corner[1]:g} {u:g} {v:g}"
    return path + f"L{points[-1][0]:g} {points[-1][1]:g}"


def towards(start: Point, end: Point, distance: float) -> Point:
    """The point at ``distance`` from ``start`` on the way to ``end``, at most half of it."""
    length = hypot(end[0] - start[0], end[1] - start[1])
    share = min(distance, length / 2) / length
    return start[0] + share * (end[0] - start[0]), start[1] + share * (end[1] - start[1])


def arrow_head(before: Point, tip: Point, size: float = 8) -> str:
    """A triangle at ``tip`` that points away from ``before``."""
    length = hypot(tip[0] - before[0], tip[1] - before[1])
    dx, dy = (tip[0] - before[0]) / length * size, (tip[1] - before[1]) / length * size
    x, y = tip[0] - dx, tip[1] - dy
    return f"M{tip[0]:g} {tip[1]:g}L{x - dy / 2:g} {y + dx / 2:g}L{x + dy / 2:g} {y - dx / 2:g}Z"


def chart(
    lines: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    description: str,
    *,
    x_label: str = "",
    width: float = 330,
    height: float = 220,
    y_range: Point | None = None,
    logarithmic: bool = False,
) -> Svg:
    """A line chart; each line's name stands beside its last point. ``logarithmic`` is said of the vertical axis."""
    xs = np.concatenate([np.asarray(x, float) for x, _ in lines.values()])
    ys = np.concatenate([np.asarray(y, float) for _, y in lines.values()])
    x_range, y_range = (xs.min(), xs.max()), y_range or (ys.min(), ys.max())
    scale = log10 if logarithmic else float
    left, right, top, bottom = 44, width - 92, 14, height - (38 if x_label else 24)
    column = linear(x_range, (left, right), float)
    row = linear(y_range, (bottom, top), scale)
    picture = Picture(width, height, description)
    for tick in number_ticks(*x_range, most=6):
        picture.parts.append(f'<path class="grid" d="M{column(tick):.1f} {top}V{bottom}"/>')
        picture.words(column(tick), bottom + 16, number(tick), style="tick")
    for tick in powers(*y_range) if logarithmic else number_ticks(*y_range, most=6):
        picture.parts.append(f'<path class="grid" d="M{left} {row(tick):.1f}H{right}"/>')
        picture.words(left - 6, row(tick) + 4, number(tick), anchor="end", style="tick")
    if x_label:
        picture.text((left + right) / 2, height - 4, x_label, style="small")
    ends: dict[str, float] = {}
    for colour, (name, (x, y)) in enumerate(lines.items(), 1):
        inside = [(column(u), row(v)) for u, v in zip(x, y, strict=True) if y_range[0] <= v <= y_range[1]]
        path = "M" + "L".join(f"{u:.1f} {v:.1f}" for u, v in inside)
        picture.parts.append(f'<path class="line colour-{colour}" d="{path}"/>')
        ends[name] = inside[-1][1]
    for name, height in apart(ends, 17, (top, bottom)).items():
        picture.text(right + 6, height + 4, name, anchor="start", style=f"small fill-{list(lines).index(name) + 1}")
    return picture.svg()


def apart(heights: Mapping[str, float], distance: float, within: Point) -> dict[str, float]:
    """The heights moved until neighbours are ``distance`` apart, and together back between the two bounds."""
    placed: dict[str, float] = {}
    lowest = -inf
    for name, height in sorted(heights.items(), key=lambda item: item[1]):
        lowest = placed[name] = max(height, lowest + distance)
    centred = (max(placed.values()) - max(heights.values())) / 2
    shift = max(centred, max(placed.values()) - within[1])
    shift = min(shift, max(min(placed.values()) - within[0], 0))
    return {name: height - shift for name, height in placed.items()}


def linear(source: Point, target: Point, scale: Callable[[float], float]) -> Callable[[float], float]:
    """The map of an axis from numbers to pixels."""
    low, high = scale(source[0]), scale(source[1])
    return lambda value: target[0] + (scale(value) - low) / (high - low) * (target[1] - target[0])


def powers(low: float, high: float) -> list[float]:
    """Powers of ten between ``low`` and ``high``, at most six or so."""
    first, last = ceil(log10(low) - 1e-9), floor(log10(high) + 1e-9)
    return [10.0**k for k in range(first, last + 1, max(1, (last - first) // 5))]


def number(value: float) -> str:
    """A tick's label, with a true minus sign, and powers of ten as such."""
    if value and (abs(value) < 1e-3 or abs(value) >= 1e5):
        exponent = str(round(log10(abs(value)))).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
        return f"10{exponent}"
    return f"{value:g}".replace("-", "−")
