"""A forecast drawn with characters: history as a line, the forecast as dots within its shaded interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from unrolled.aliases import Values
from unrolled.charts.figures import Interval
from unrolled.charts.ticks import number_label, number_ticks, time_ticks

__all__ = ["Glyphs", "draw_forecast", "glyphs_for"]


@dataclass(frozen=True)
class Glyphs:
    """The characters of a drawing; ``corners`` are those of a line that goes up in, up out, down in, down out."""

    flat: str
    steep: str
    corners: tuple[str, str, str, str]
    forecast: str
    band: str
    axis: str
    tick: str
    base: str
    origin: str


UNICODE = Glyphs("─", "│", ("╯", "╭", "╮", "╰"), "●", "░", "│", "┤", "─", "└")
ASCII = Glyphs("-", "|", ("'", ".", ".", "'"), "o", ":", "|", "+", "-", "+")


def glyphs_for(encoding: str | None) -> Glyphs:
    """Return the characters that a stream of this encoding can carry.

    >>> glyphs_for("utf-8").forecast, glyphs_for("ascii").forecast
    ('●', 'o')
    """
    try:
        "".join("".join(glyph) for glyph in vars(UNICODE).values()).encode(encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return ASCII
    return UNICODE


def draw_forecast(
    history: Values,
    forecast: Interval,
    truth: Values | None = None,
    times: npt.NDArray[Any] | None = None,
    *,
    width: int = 80,
    height: int = 16,
    glyphs: Glyphs = UNICODE,
) -> list[str]:
    """Return the lines of a chart, none longer than ``width``.

    Args:
        history: the values before the forecast, [T]; as many of the last as find room are shown.
        forecast: of the H steps that follow.
        truth: what came, [H], if it is known; it continues the line of the history.
        times: stamps of history and forecast together, [T + H], for the labels below.
        width, height: columns of the whole and rows of the drawing.
    """
    times = np.arange(len(history) + len(forecast.median)) if times is None else times
    margin = 3
    while True:  # wider labels leave room for fewer steps, and those may need other labels
        view = _View.of(history, forecast, truth, times, width - margin)
        labels = [(value, number_label(value)) for value in number_ticks(view.low, view.high, max(2, height // 3))]
        needed = max((len(label) for _, label in labels), default=0) + 2
        if needed <= margin:
            break
        margin = needed
    per_step = max(1, (width - margin) // len(view.times))
    canvas = _Canvas(len(view.times) * per_step, height, view.low, view.high)
    ahead = [_columns(len(view.past) + step, per_step) for step in range(len(view.forecast.median))]
    for columns, low, high in zip(ahead, view.forecast.low, view.forecast.high, strict=True):
        canvas.fill(columns, low, high, glyphs.band)
    canvas.trace(np.repeat(view.line, per_step), glyphs)
    for columns, median in zip(ahead, view.forecast.median, strict=True):
        canvas.put(columns[per_step // 2], median, glyphs.forecast)
    by_row = {canvas.row(value): label for value, label in labels}
    lines = [
        f"{by_row.get(row, ''):>{margin - 2}} {glyphs.tick if row in by_row else glyphs.axis}{text}"
        for row, text in enumerate(canvas.rows())
    ]
    base = " " * (margin - 1) + glyphs.origin + glyphs.base * canvas.width
    return [line.rstrip() for line in [*lines, base, _labels_below(view.times, per_step, margin, width)]]


@dataclass(frozen=True)
class _View:
    """What of the data finds room: every so many steps, the last of the history."""

    past: Values
    forecast: Interval
    line: Values  # the past, and what came if that is known
    times: npt.NDArray[Any]

    @classmethod
    def of(cls, history: Values, forecast: Interval, truth: Values | None, times: npt.NDArray[Any], room: int) -> _View:
        horizon = len(forecast.median)
        stride = -(-3 * horizon // (2 * room))  # the forecast takes at most two thirds of the room
        rest = slice(stride - 1, None, stride)
        thinned = Interval(forecast.low[rest], forecast.median[rest], forecast.high[rest])
        kept = max(1, room - len(thinned.median))
        past = history[::-1][::stride][::-1][-kept:]
        line = past if truth is None else np.concatenate([past, truth[rest]])
        stamps = [times[: len(history)][::-1][::stride][::-1][-kept:], times[len(history) :][rest]]
        return cls(past, thinned, line, np.concatenate(stamps))

    @property
    def low(self) -> float:
        return float(min(self.line.min(), self.forecast.low.min()))

    @property
    def high(self) -> float:
        return float(max(self.line.max(), self.forecast.high.max()))


def _columns(step: int, per_step: int) -> range:
    return range(step * per_step, (step + 1) * per_step)


class _Canvas:
    def __init__(self, width: int, height: int, low: float, high: float) -> None:
        self.width, self.height = width, height
        self._low, self._span = low, (high - low) or 1.0
        self._cells = [[" "] * width for _ in range(height)]

    def row(self, value: float) -> int:
        """Return the row of a value, counted from the top."""
        return self.height - 1 - round((value - self._low) / self._span * (self.height - 1))

    def put(self, column: int, value: float, glyph: str) -> None:
        self._cells[self.row(value)][column] = glyph

    def fill(self, columns: Sequence[int], low: float, high: float, glyph: str) -> None:
        for row in range(self.row(high), self.row(low) + 1):
            for column in columns:
                self._cells[row][column] = glyph

    def trace(self, values: Values, glyphs: Glyphs) -> None:
        """Draw a line with one value a column; it turns within the column of the later value."""
        up_in, up_out, down_in, down_out = glyphs.corners
        before = self.row(values[0])
        for column, value in enumerate(values):
            row = self.row(float(value))
            if row == before:
                self._cells[row][column] = glyphs.flat
            else:
                rising = row < before
                self._cells[before][column] = up_in if rising else down_in
                self._cells[row][column] = up_out if rising else down_out
                for between in range(min(row, before) + 1, max(row, before)):
                    self._cells[between][column] = glyphs.steep
            before = row

    def rows(self) -> list[str]:
        return ["".join(cells) for cells in self._cells]


def _labels_below(times: npt.NDArray[Any], per_step: int, margin: int, width: int) -> str:
    """Return the labels of the time axis, each beginning below its step, none touching the next."""
    for most in range(max(1, len(times) * per_step // 7), 0, -1):
        text = ""
        for step, label in time_ticks(times, most):
            column = margin + step * per_step
            if (len(text) >= column and text) or column + len(label) > width:
                break
            text = text.ljust(column) + label
        else:
            return text
    return ""
