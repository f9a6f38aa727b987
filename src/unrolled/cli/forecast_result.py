"""Forecasts as the command line shows them: a chart and a table on a terminal, CSV in a pipe or file, or JSON."""

from __future__ import annotations

import math
import shutil
import sys
from dataclasses import dataclass
from typing import Any

import numpy as np
from rich.console import Console
from rich.text import Text

from unrolled.charts.figures import Interval
from unrolled.charts.terminal import Glyphs, draw_forecast, glyphs_for
from unrolled.cli.json_report import Report, print_report
from unrolled.cli.messages import say, show
from unrolled.cli.task import Destination
from unrolled.data.panel import Panel
from unrolled.runtime.atomic_write import write_atomically

__all__ = ["ForecastResult", "interval_name", "print_chart", "write_forecast"]

ROWS_SHOWN = 24  # of a table on a terminal; the whole goes to a file


@dataclass(frozen=True)
class ForecastResult:
    """A forecast (a polars frame), the series it continues, and its quantiles."""

    frame: Any
    panel: Panel
    quantiles: tuple[float, ...]

    def interval(self, series: int) -> Interval:
        """Return one series' median and outermost quantiles."""
        horizon = len(self.frame) // len(self.panel.names)
        rows = self.frame[series * horizon : (series + 1) * horizon]
        names = [name for name in rows.columns if name not in (self.panel.time, self.panel.series)]
        values = np.stack([rows[name].to_numpy() for name in names])
        return Interval(values.min(axis=0), rows[self.panel.target].to_numpy(), values.max(axis=0))


def write_forecast(result: ForecastResult, destination: Destination, report: Report) -> None:
    """Write a forecast where it was asked for; ``report`` is what the JSON says beside it."""
    if destination.file is not None:
        write_atomically(destination.file, result.frame.write_csv().encode())
        say(f"wrote {destination.file} ({len(result.frame)} rows)")
    if destination.as_json:
        print_report(report, result.frame.to_dicts())
    elif destination.file is None and not sys.stdout.isatty():
        print(result.frame.write_csv(), end="")
    elif destination.file is None:
        _show(result)


def _show(result: ForecastResult) -> None:
    panel, interval = result.panel, result.interval(0)
    if panel.names[0]:
        show(f"{panel.target} of {panel.names[0]}, the first of {len(panel.names)} series")
    times = panel.times[0]
    if times is not None:
        times = np.concatenate([times, panel.frequency.after(times[-1], len(interval.median))])
    print_chart(panel.values[0], interval, None, times, interval_name(result.quantiles))
    show("", *table_lines(result.frame, ROWS_SHOWN))


def interval_name(quantiles: tuple[float, ...]) -> str:
    """Say what the outermost quantiles enclose; nothing if there is the median alone.

    >>> interval_name((0.1, 0.5, 0.9))
    '10 % to 90 %'
    """
    return f"{100 * min(quantiles):g} % to {100 * max(quantiles):g} %" if len(quantiles) > 1 else ""


def print_chart(history: Any, interval: Interval, truth: Any, times: Any, interval_is: str, height: int = 16) -> None:
    """Draw a forecast as wide as the terminal is, and say below what its marks mean."""
    glyphs = glyphs_for(sys.stdout.encoding)
    width = min(120, max(40, shutil.get_terminal_size().columns))
    lines = draw_forecast(history, interval, truth, times, width=width, height=height, glyphs=glyphs)
    console = Console(highlight=False, soft_wrap=True)
    for line in [*lines, "", _legend(glyphs, truth is not None, interval_is)]:
        text = Text(line)
        text.highlight_regex(f"[{glyphs.band}]", "cyan")
        text.highlight_regex(rf"[{glyphs.forecast}](?!\w)", "bold cyan")
        console.print(text)


def _legend(glyphs: Glyphs, with_truth: bool, interval_is: str) -> str:
    parts = [f"{glyphs.flat} {'history, then what came' if with_truth else 'history'}", f"{glyphs.forecast} forecast"]
    if interval_is:
        parts.append(f"{glyphs.band} {interval_is}")
    return "  " + "    ".join(parts)


def table_lines(frame: Any, most: int) -> list[str]:
    """Return a frame's first rows as aligned text; numbers with as many decimals as the largest of a column needs.

    >>> import polars
    >>> table_lines(polars.DataFrame({"month": ["1961-01", "1961-02"], "x": [450.123, 7.5]}), 24)
    ['month        x', '1961-01  450.1', '1961-02    7.5']
    >>> table_lines(polars.DataFrame({"x": [1234.5], "y": [0.123456], "z": [0.0]}), 24)[1]
    '1,234  0.1235  0.0000'
    """
    shown = frame.head(most)
    cells = [[name, *_column(shown[name].to_list())] for name in shown.columns]
    widths = [max(map(len, column)) for column in cells]
    numeric = [shown[name].dtype.is_numeric() for name in shown.columns]
    lines: list[str] = []
    for row in zip(*cells, strict=True):
        parts = zip(row, widths, numeric, strict=True)
        lines.append("  ".join(c.rjust(width) if right else c.ljust(width) for c, width, right in parts).rstrip())
    left = len(frame) - len(shown)
    return [*lines, f"... and {left} more rows; -o FILE writes all of them"] if left else lines


def _column(values: list[Any]) -> list[str]:
    if not all(isinstance(value, float) for value in values):
        return [str(value) for value in values]
    largest = max(abs(value) for value in values)
    if largest and not 1e-4 <= largest < 1e15:
        return [f"{value:.3e}" for value in values]
    decimals = 4 if largest < 1 else max(0, 3 - math.floor(math.log10(largest)))
    return [f"{value:,.{decimals}f}" for value in values]
