"""Charts as SVG text: lines, bands, points, cells and axes. Colours and fonts are the page's, through CSS classes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

__all__ = ["NARROW", "Plot"]

NARROW = 480.0
"""Of a picture with few ticks, px: small enough for a phone."""

Numbers = Sequence[float]


class Plot:
    """A drawing area with its own coordinates.

    Args:
        width, height: of the whole picture, in units of 1 px where it is shown at full size.
        x, y: what the drawing area spans, (low, high) in the data's units.
        left, bottom: room for the labels of the axes.

    >>> plot = Plot(100, 50, x=(0, 10), y=(0, 1), left=0, bottom=0, top=0, right=0)
    >>> plot.line([0, 10], [0, 1], "loss")
    >>> print(plot.svg("Loss"))
    <svg viewBox="0 0 100 50" role="img" aria-label="Loss">
    <path class="loss" d="M0 50L100 0"/>
    </svg>
    """

    def __init__(
        self,
        width: float,
        height: float,
        *,
        x: tuple[float, float],
        y: tuple[float, float],
        left: float = 48,
        bottom: float = 28,
        top: float = 10,
        right: float = 12,
    ) -> None:
        self.width, self.height = width, height
        self.left, self.right, self.top, self.bottom = left, width - right, top, height - bottom
        self._x, self._y = x, y
        self._parts: list[str] = []

    def to_x(self, value: float) -> float:
        """Return where a value lies on the horizontal axis."""
        low, high = self._x
        return self.left + (value - low) / (high - low) * (self.right - self.left)

    def to_y(self, value: float) -> float:
        """Return where a value lies on the vertical axis; SVG counts downwards."""
        low, high = self._y
        return self.bottom - (value - low) / (high - low) * (self.bottom - self.top)

    def line(self, x: Numbers, y: Numbers, css: str) -> None:
        """Draw a line through the points."""
        self._parts.append(f'<path class="{css}" d="M{self._path(x, y)}"/>')

    def band(self, x: Numbers, low: Numbers, high: Numbers, css: str) -> None:
        """Fill the area between two lines."""
        back = self._path(list(reversed(x)), list(reversed(low)))
        self._parts.append(f'<path class="{css}" d="M{self._path(x, high)}L{back}Z"/>')

    def points(self, x: Numbers, y: Numbers, css: str, hints: Sequence[str], radius: float = 3) -> None:
        """Draw a dot at each point, with a hint that shows where the pointer rests."""
        for a, b, hint in zip(x, y, hints, strict=True):
            place = f'cx="{_short(self.to_x(a))}" cy="{_short(self.to_y(b))}" r="{_short(radius)}"'
            self._parts.append(f'<circle class="{css}" {place}><title>{escape(hint)}</title></circle>')

    def y_axis(self, ticks: Iterable[tuple[float, str]]) -> None:
        """Draw a horizontal grid line for each (value, label)."""
        for value, label in ticks:
            y = _short(self.to_y(value))
            self._parts.append(f'<path class="grid" d="M{_short(self.left)} {y}H{_short(self.right)}"/>')
            self.text(self.left - 8, self.to_y(value) + 4, label, "tick", anchor="end")

    def x_axis(self, ticks: Iterable[tuple[float, str]]) -> None:
        """Draw the base line, and a mark below it for each (value, label)."""
        bottom = _short(self.bottom)
        self._parts.append(f'<path class="axis" d="M{_short(self.left)} {bottom}H{_short(self.right)}"/>')
        for value, label in ticks:
            self._parts.append(f'<path class="axis" d="M{_short(self.to_x(value))} {bottom}v5"/>')
            self.text(self.to_x(value), self.bottom + 19, label, "tick", anchor="middle")

    def rule(self, x: float, css: str) -> None:
        """Draw a vertical line over the whole height."""
        self._parts.append(
            f'<path class="{css}" d="M{_short(self.to_x(x))} {_short(self.top)}V{_short(self.bottom)}"/>'
        )

    def cell(
        self, x: float, y: float, css: str, *, size: tuple[float, float] = (1, 1), opacity: float = 1, hint: str = ""
    ) -> None:
        """Draw a rectangle of a size in the data's units, whose upper left corner is given in them, too."""
        left, top = self.to_x(x), self.to_y(y)
        width, height = self.to_x(x + size[0]) - left, self.to_y(y + size[1]) - top
        place = f'x="{_short(left)}" y="{_short(top)}" width="{_short(width)}" height="{_short(height)}"'
        seen = "" if opacity == 1 else f' opacity="{opacity:.3g}"'
        inner = f"><title>{escape(hint)}</title></rect>" if hint else "/>"
        self._parts.append(f'<rect class="{css}" {place}{seen}{inner}')

    def sample(self, x: float, y: float, css: str, width: float = 14) -> None:
        """Draw a piece of a line at a place given in the picture's own units, for a legend."""
        self._parts.append(f'<path class="{css}" d="M{_short(x)} {_short(y)}h{_short(width)}"/>')

    def text(self, x: float, y: float, text: str, css: str, anchor: str = "start", slant: float = 0) -> None:
        """Write text at a place given in the picture's own units, turned by an angle in degrees."""
        turned = f' transform="rotate({_short(slant)} {_short(x)} {_short(y)})"' if slant else ""
        self._parts.append(
            f'<text class="{css}" x="{_short(x)}" y="{_short(y)}" text-anchor="{anchor}"{turned}>{escape(text)}</text>'
        )

    def svg(self, label: str) -> str:
        """Return the picture; ``label`` is what it is called where it cannot be seen."""
        size = f"{_short(self.width)} {_short(self.height)}"
        return "\n".join(
            [f'<svg viewBox="0 0 {size}" role="img" aria-label="{escape(label)}">', *self._parts, "</svg>"]
        )

    def _path(self, x: Numbers, y: Numbers) -> str:
        return "L".join(f"{_short(self.to_x(a))} {_short(self.to_y(b))}" for a, b in zip(x, y, strict=True))


def _short(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
