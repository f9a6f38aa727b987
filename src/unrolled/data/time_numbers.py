"""Times written as whole numbers: 20240131, 202401, or what has passed since 1970."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt

from unrolled.data.table import Column, TimeStyle
from unrolled.data.time_formats import TimeFormat, find_formats

__all__ = ["EPOCH", "number_style", "read_numbers", "write_numbers"]

EPOCH = "epoch"
_EPOCHS = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
_MOMENTS = (946_684_800, 4_102_444_800)  # 2000 to 2099, seconds since 1970
_DIGITS = {
    6: ("%Y%m",),
    8: ("%Y%m%d", "%d%m%Y", "%m%d%Y"),
    10: ("%Y%m%d%H",),
    12: ("%Y%m%d%H%M",),
    14: ("%Y%m%d%H%M%S",),
}


def number_style(column: Column, *, named: bool) -> TimeStyle | None:
    """How a column of whole numbers encodes times, None where it counts or is something else.

    Args:
        column: of numbers.
        named: whether its name, or the user, says that it holds times. Without that only dates and months without gaps will do.

    >>> number_style(Column(np.array([20240130, 20240131])), named=False).format
    '%Y%m%d'
    >>> number_style(Column(np.array([1704067200, 1704070800])), named=True).unit
    's'
    >>> number_style(Column(np.array([1949, 1950])), named=True) is None
    True
    """
    if column.kind != "number" or not len(column.values):
        return None
    values = column.values.astype(np.float64)
    whole = np.isfinite(values).all() and (values == np.floor(values)).all()
    if not whole or values.min() <= 0 or values.max() >= 2**63:
        return None
    numbers: list[int] = column.values.astype(np.int64).tolist()
    format = _format_of(sorted(set(numbers)), named=named)
    if format is not None:
        return TimeStyle("integer", format=format)
    seconds = _MOMENTS if named else (0, 0)
    for unit, scale in _EPOCHS.items():
        if seconds[0] * scale <= min(numbers) and max(numbers) < seconds[1] * scale:
            return TimeStyle("integer", unit, format=EPOCH)
    return None


def _format_of(numbers: list[int], *, named: bool) -> str | None:
    width = len(str(numbers[-1]))
    texts = [str(number).zfill(width + width % 2) for number in numbers]
    if width + width % 2 not in _DIGITS or len(str(numbers[0])) < width - 1:
        return None
    found = [format for format in find_formats(texts) if format.text in _DIGITS[len(texts[0])]]
    if len(found) != 1 or not all(map(found[0].matches, texts)):
        return None
    try:
        times = np.array([found[0].read(text) for text in texts], "datetime64[us]")
    except ValueError:
        return None
    if named or (found[0].text == "%Y%m%d" and len(texts) > 1):
        return found[0].text
    months = np.diff(times.astype("datetime64[M]").astype(np.int64))
    return found[0].text if found[0].text == "%Y%m" and len(months) > 1 and (months == 1).all() else None


def read_numbers(values: npt.NDArray[np.int64], style: TimeStyle) -> npt.NDArray[Any]:
    """The times ``datetime64[us]`` that numbers stand for.

    Raises:
        ValueError: with the row as ``args[1]``: there is no such time.
    """
    if style.format == EPOCH:
        scale = _EPOCHS[style.unit]
        return (values // (scale // 10**6) if scale > 10**6 else values * (10**6 // scale)).astype("datetime64[us]")
    format = TimeFormat(style.format)
    width = len(format.write(datetime(2000, 12, 31)))
    moments: list[Any] = []
    for row, value in enumerate(values.tolist()):
        try:
            moments.append(format.read(str(value).zfill(width)))
        except ValueError as error:
            raise ValueError(str(error), row) from None
    return np.array(moments, "datetime64[us]")


def write_numbers(times: npt.NDArray[Any], style: TimeStyle) -> npt.NDArray[np.int64]:
    """Times as the numbers of ``style``.

    >>> style = TimeStyle("integer", format="%Y%m")
    >>> write_numbers(np.array(["2024-01", "2024-02"], "datetime64[us]"), style).tolist()
    [202401, 202402]
    """
    if style.format == EPOCH:
        scale, micros = _EPOCHS[style.unit], times.astype("datetime64[us]").astype(np.int64)
        return micros * (scale // 10**6) if scale >= 10**6 else micros // (10**6 // scale)
    format = TimeFormat(style.format)
    return np.array([int(format.write(moment)) for moment in times.astype("datetime64[us]").tolist()], np.int64)
