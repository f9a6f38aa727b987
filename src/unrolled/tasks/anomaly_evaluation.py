"""Alarms compared with the windows in which something was wrong."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.data.frames import build_frame
from unrolled.data.frequency import stamp
from unrolled.data.table import FrameLike
from unrolled.data.time_numbers import read_numbers
from unrolled.data.timestamps import parse_timestamps
from unrolled.data.zones import zone_named
from unrolled.drawing.picture import html_table
from unrolled.errors import InputError

__all__ = ["AlarmEvaluation", "compare", "read_windows"]


@dataclass(frozen=True)
class AlarmEvaluation:
    """Which windows have an alarm, and how many episodes lie outside all of them; printed as a sentence.

    Attributes:
        threshold: the score above which there was an alarm.
        found: for each window, whether an episode overlaps it.
        episodes: episodes of alarms, in windows or not.
        false_episodes: those that overlap no window.
        alarmed: share of the steps that lie in episodes; if it is large, finding windows means little.
    """

    threshold: float
    found: tuple[bool, ...]
    episodes: int
    false_episodes: int
    alarmed: float

    @property
    def missed(self) -> int:
        """Windows without an alarm."""
        return len(self.found) - sum(self.found)

    @property
    def precision(self) -> float:
        """Share of the episodes that overlap a window; 1 where there are none."""
        return 1 - self.false_episodes / self.episodes if self.episodes else 1.0

    @property
    def recall(self) -> float:
        """Share of the windows that were found; 1 where there are none."""
        return sum(self.found) / len(self.found) if self.found else 1.0

    def to_frame(self) -> Any:
        """A row a window, as a polars frame; without polars a dictionary of arrays."""
        found = np.array(self.found, np.bool_)
        return build_frame({"window": np.arange(len(found)), "found": found}, FrameLike("polars"))

    def _repr_html_(self) -> str:
        rows = [[f"window {n}", "found" if found else "missed"] for n, found in enumerate(self.found)]
        return html_table(["", ""], rows, below=str(self))

    def __str__(self) -> str:
        episodes = f"{self.false_episodes} false episode{'s' * (self.false_episodes != 1)}"
        return (
            f"{sum(self.found)} of {len(self.found)} windows found, {episodes}: precision {self.precision:.2f}, recall"
            f" {self.recall:.2f} at the threshold {self.threshold:.3g}, {self.alarmed:.1%} of the steps in episodes"
        )


def compare(found: NDArray[np.int64], windows: NDArray[np.int64], threshold: float, steps: int) -> AlarmEvaluation:
    """Episodes ``[E, 2]`` beside windows ``[N, 2]``, first and last of ``steps`` steps; those that share a step overlap.

    >>> print(compare(np.array([[0, 3], [8, 9]]), np.array([[3, 5]]), 2.0, steps=60))
    1 of 1 windows found, 1 false episode: precision 0.50, recall 1.00 at the threshold 2, 10.0% of the steps in episodes
    """
    overlap: NDArray[np.bool_] = (found[:, None, 0] <= windows[:, 1]) & (found[:, None, 1] >= windows[:, 0])  # [E, N]
    alarmed: NDArray[np.bool_] = np.any(overlap, axis=0)
    true_ones: NDArray[np.bool_] = np.any(overlap, axis=1)
    share = float((found[:, 1] - found[:, 0] + 1).sum() / steps)
    return AlarmEvaluation(threshold, tuple(alarmed.tolist()), len(found), int((~true_ones).sum()), share)


def read_windows(windows: Any, times: NDArray[Any] | None, rows: int, like: FrameLike) -> NDArray[np.int64]:
    """First and last step ``[N, 2]`` of windows given by times, or by rows where there are no times.

    Raises:
        InputError: a window is no pair, ends before it starts, or holds no row; its number is named.
    """
    bounds: list[tuple[int, int]] = []
    for n, pair in enumerate(_pairs(windows)):
        start, end = (_moment(value, n, times, like) for value in pair)
        if end < start:
            raise InputError(f"window {n} ends before it starts: {stamp(start)} to {stamp(end)}")
        stamps = np.arange(rows) if times is None else times
        first, after = np.searchsorted(stamps, start, "left"), np.searchsorted(stamps, end, "right")
        if first == after:
            raise InputError(
                f"window {n}, {stamp(start)} to {stamp(end)}, holds no row of the data, which runs from"
                f" {stamp(stamps[0])} to {stamp(stamps[-1])}"
            )
        bounds.append((int(first), int(after) - 1))
    return np.array(bounds, np.int64).reshape(-1, 2)


def _pairs(windows: Any) -> list[tuple[Any, Any]]:
    """Of a list of pairs, or of a frame or structured array with the columns ``start`` and ``end``."""
    try:
        if hasattr(windows, "columns") or getattr(getattr(windows, "dtype", None), "names", None):
            columns = [getattr(windows[name], "to_pylist", windows[name].__iter__)() for name in ("start", "end")]
            return list(zip(*columns, strict=True))
        return [(start, end) for start, end in windows]
    except (TypeError, ValueError, KeyError, IndexError):
        raise InputError(
            "windows: expected pairs (start, end), or a frame with the columns 'start' and 'end'"
        ) from None


def _moment(value: Any, n: int, times: NDArray[Any] | None, like: FrameLike) -> Any:
    """A bound of a window on the clock of ``times``."""
    if times is not None and times.dtype.kind == "M":
        if isinstance(value, str) or (isinstance(value, int | np.integer) and not isinstance(value, bool)):
            return _written_moment(value, n, like)
        if isinstance(value, datetime) and value.tzinfo is not None:
            style = like.time_style
            if style is None or style.zone is None:
                raise InputError(f"window {n}: {value} has a time zone, the times of the data have none")
            zone = timezone.utc if style.clock == "utc" else zone_named(style.zone)
            value = value.astimezone(zone).replace(tzinfo=None)
        if isinstance(value, datetime):
            return np.datetime64(value, "us")
        if isinstance(value, np.datetime64):
            return value.astype("datetime64[us]")
        raise InputError(f"window {n}: {value!r} is no time, such as '2024-01-31 12:00'")
    if isinstance(value, int | np.integer) and not isinstance(value, bool):
        return int(value)
    what = "a row number" if times is None else "a number, as the times of the data"
    raise InputError(f"window {n}: {value!r} is not {what}")


def _written_moment(value: str | int | np.integer[Any], n: int, like: FrameLike) -> np.datetime64:
    """A bound as the data write their times, or as ISO 8601 does."""
    style = like.time_style
    try:
        if not isinstance(value, str) and style is not None and style.kind == "integer":
            return read_numbers(np.array([value], np.int64), style)[0]
        return parse_timestamps([str(value)], known=style)[0][0]
    except ValueError as error:
        raise InputError(f"window {n}: {value!r} is no time, such as '2024-01-31 12:00': {error.args[0]}") from None
