"""Windows in which something was known to be wrong, as the user gives them."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.data.frequency import stamp
from unrolled.data.table import FrameLike
from unrolled.data.time_numbers import read_numbers
from unrolled.data.timestamps import parse_timestamps
from unrolled.data.zones import zone_named
from unrolled.errors import InputError

__all__ = ["read_windows"]


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
