"""Where an axis is labelled: round numbers, and the beginnings of years, months, days or hours."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["log_ticks", "number_label", "number_ticks", "time_ticks"]

LEVELS: tuple[tuple[str, int], ...] = (
    ("Y", 100), ("Y", 50), ("Y", 20), ("Y", 10), ("Y", 5), ("Y", 2), ("Y", 1), ("M", 6), ("M", 3), ("M", 1), ("D", 7),
    ("D", 1), ("h", 12), ("h", 6), ("h", 3), ("h", 1), ("m", 30), ("m", 10), ("m", 5), ("m", 1), ("s", 10), ("s", 1),
)  # fmt: skip


def number_ticks(low: float, high: float, most: int) -> list[float]:
    """Return at most ``most`` multiples of 1, 2 or 5 times a power of ten from ``low`` to ``high``.

    >>> number_ticks(104, 622, 6)
    [200.0, 300.0, 400.0, 500.0, 600.0]
    """
    span = max(high - low, max(abs(low), abs(high)) * 1e-9) or 1.0
    power = 10.0 ** math.floor(math.log10(span / max(most, 1)))
    for factor in (1, 2, 5, 10, 20, 50, 100):
        step = factor * power
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        if last - first < most:
            return [float(f"{i * step:.12g}") for i in range(first, last + 1)]
    raise AssertionError("a hundred times the step always fits")


def log_ticks(low: float, high: float, most: int) -> list[tuple[float, str]]:
    """Return (power of ten, label) for at most ``most`` numbers from ``10**low`` to ``10**high``: 1, 2 or 5 times a power of ten
    where the axis is short, else 1 or 3 times, or powers of ten alone; plain round numbers where less than two of these fit.

    >>> [label for _, label in log_ticks(-2.7, 0.1, 7)], [label for _, label in log_ticks(-0.2, 0.7, 7)]
    (['0.003', '0.01', '0.03', '0.1', '0.3', '1'], ['1', '2', '5'])
    """
    powers = range(math.floor(low), math.ceil(high) + 1)
    for factors in ((1, 2, 5), (1, 3), (1,)):
        found = [(float(f"{f}e{p}"), p + math.log10(f)) for p in powers for f in factors]
        found = [(value, log) for value, log in found if low - 1e-9 <= log <= high + 1e-9]
        if 2 <= len(found) <= most:
            return [(log, number_label(value)) for value, log in found]
        if len(found) < 2:
            return [
                (math.log10(value), number_label(value))
                for value in number_ticks(10.0**low, 10.0**high, most)
                if value > 0
            ]
    return [(tick, number_label(10.0**tick)) for tick in number_ticks(low, high, most) if tick == int(tick)]


def number_label(value: float) -> str:
    """Return a number as an axis shows it: short, with thousands set apart.

    >>> [number_label(value) for value in (0.25, 600.0, 12500.0, 3e9, 1.5e-7)]
    ['0.25', '600', '12,500', '3e+09', '1.5e-07']
    """
    if value and not 1e-4 <= abs(value) < 1e7:
        return f"{value:.6g}"
    text = f"{value:,.6f}" if abs(value) < 1000 else f"{value:,.2f}"
    return text.rstrip("0").rstrip(".")


def time_ticks(times: npt.NDArray[Any], most: int) -> list[tuple[int, str]]:
    """Return (row, label) for at most ``most`` rows.

    Rows are labelled where a year, month, day or hour begins, whichever is the finest that fits; rows with integers as
    times at round numbers.

    >>> months = np.arange("1959-07", "1961-04", dtype="datetime64[M]")
    >>> time_ticks(months, 4)
    [(0, '1959-07'), (6, '1960-01'), (12, '1960-07'), (18, '1961-01')]
    """
    if times.dtype.kind != "M":
        wanted = number_ticks(float(times[0]), float(times[-1]), most)
        rows = {int(value): row for row, value in enumerate(times.tolist())}
        return [(rows[int(tick)], str(int(tick))) for tick in wanted if tick == int(tick) and int(tick) in rows]
    ticks: list[tuple[int, str]] = []
    for unit, count in LEVELS:
        finer = _beginnings(times, unit, count)
        if len(finer) > most:
            break
        if len(finer) > len(ticks):
            ticks = finer
    return ticks


def _beginnings(times: npt.NDArray[Any], unit: str, count: int) -> list[tuple[int, str]]:
    """Return the rows in which a new run of ``count`` units begins."""
    stamps = times.astype("datetime64[us]")
    units = stamps.astype(f"datetime64[{unit}]")
    shift = 1970 if unit == "Y" else 3 if (unit, count) == ("D", 7) else 0  # years by their number, weeks from Monday
    runs = (units.astype(np.int64) + shift) // count
    first_on_time = units[0].astype("datetime64[us]") == stamps[0] and (units[0].astype(np.int64) + shift) % count == 0
    rows = ([0] if first_on_time else []) + (np.flatnonzero(np.diff(runs)) + 1).tolist()
    return [(row, _time_label(units[row], unit)) for row in rows]


def _time_label(moment: Any, unit: str) -> str:
    text = str(moment)
    return {"Y": text, "M": text, "D": text}.get(unit, text[11:] + (":00" if unit == "h" else ""))
