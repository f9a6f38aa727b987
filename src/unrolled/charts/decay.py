"""How something decays or grows: positive numbers on a logarithmic axis, a line each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from unrolled.aliases import Values
from unrolled.charts.svg import NARROW, Plot
from unrolled.charts.ticks import log_ticks, number_label, number_ticks

__all__ = ["decay_figure"]

COLOURS, DASHES = ("forecast", "truth", "history"), ("", " dashed", " dotted")
LEAST = 1e-12  # of the largest number, below which the axis does not go
WIDTH = 860.0
FEW = 24  # steps, for which a narrow picture has room
LETTER = 7.0  # px, of the label above
LINE = 15.0  # px between labels


def decay_figure(
    lines: Mapping[str, Values], below: str, label: str, mark: float | None = None, names: Sequence[str] = ()
) -> str:
    """Return an SVG of positive numbers by name, the first of each at 0; ``mark`` is a level that is drawn, too, and ``names``
    are written below the places instead of their numbers.

    >>> picture = decay_figure({"h": np.array([1, 0.1, 0.01])}, "steps back", "gradients", mark=0.01)
    >>> picture.count('class="forecast"'), "steps back" in picture  # the line, and a sample of it beside its name
    (2, True)
    """
    logs = {name: _logarithms(values) for name, values in lines.items()}
    shown = np.concatenate([*logs.values(), [] if mark is None else [np.log10(mark)]])
    high = float(np.nanmax(shown)) if np.isfinite(shown).any() else 0.0
    low = max(float(np.nanmin(shown)), high + np.log10(LEAST)) if np.isfinite(shown).any() else -1.0
    room = 0.05 * (high - low) or 1.0
    low, high = low - room, high + room
    last = max((len(values) for values in lines.values()), default=2) - 1
    right = 40 + 8.0 * max(map(len, lines), default=0)
    width = max(NARROW, 70 + LETTER * len(label)) if last <= FEW else WIDTH
    plot = Plot(width, 300, x=(0, max(last, 1)), y=(low, high), left=70, right=right, bottom=44, top=28)
    plot.text(plot.left, 16, label, "tick")
    plot.y_axis(log_ticks(low, high, 7))
    numbers = [(tick, number_label(tick)) for tick in number_ticks(0, max(last, 1), 8) if tick == int(tick)]
    plot.x_axis(list(enumerate(names)) or numbers)
    plot.text((plot.left + plot.right) / 2, plot.bottom + 38, below, "tick", anchor="middle")
    if mark is not None:
        plot.line([0, max(last, 1)], [float(np.log10(mark))] * 2, "now")
    before = -np.inf
    ends = sorted((plot.to_y(_end(values, low)), k) for k, values in enumerate(logs.values()))
    for y, k in ends:
        before = max(y, before + LINE)
        plot.sample(plot.right + 8, before, _style(k), width=16)
        plot.text(plot.right + 28, before + 4, list(lines)[k], "tick")
    for k, values in enumerate(logs.values()):
        inside = np.flatnonzero(values >= low)  # not NaN
        if len(inside) > 1:
            plot.line(inside.tolist(), values[inside].tolist(), _style(k))
    return plot.svg(label)


def _style(k: int) -> str:
    """Nine lines can be told apart: by their colours, then by their dashes."""
    return COLOURS[k % len(COLOURS)] + DASHES[k // len(COLOURS) % len(DASHES)]


def _logarithms(values: Values) -> Values:
    """To base 10; NaN where there is none."""
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log10(values)
    return np.where(np.isfinite(logs), logs, np.nan)


def _end(values: Values, low: float) -> float:
    """Where the line of these logarithms ends."""
    inside = values[values >= low]
    return float(inside[-1]) if len(inside) else low
