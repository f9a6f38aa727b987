"""A pandas frame's index: its levels become columns unless they only count rows, and it is kept to be put back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from unrolled.data.header import first_duplicate
from unrolled.data.index_columns import NAMES
from unrolled.data.table import TimeStyle
from unrolled.data.timestamps import are_timestamps
from unrolled.data.zones import zone_name, zone_named
from unrolled.errors import InputError

__all__ = ["PandasFrame", "open_pandas"]

YEARS = range(1700, 2200)
MOST_YEARS = 300  # more whole numbers one after the other count rows


@dataclass(frozen=True)
class PandasFrame:
    """A frame whose columns are named by texts and hold nothing that only pandas knows.

    Attributes:
        frame: with the levels of the index as columns.
        index: the frame's own.
        time: the name of the column that was an index of times.
        unnamed: columns that had no name.
        styles: how the times of a column are written, where it was one of periods or in a time zone.
    """

    frame: Any
    index: Any
    time: str | None
    unnamed: frozenset[str]
    styles: dict[str, TimeStyle]


def open_pandas(data: Any) -> PandasFrame:
    """Prepare a pandas frame or series.

    Raises:
        InputError: two columns, or a column and the index, have the same name; or a time zone without a name.
    """
    import pandas as pd

    frame: Any = data.to_frame(data.name if data.name is not None else "value") if data.ndim == 1 else data
    index = frame.index
    names = [str(name) for name in frame.columns]
    again = first_duplicate(names)
    if again is not None:
        raise InputError(f"the data: two columns are named {again!r}; give each its own name")
    frame = frame.set_axis(names, axis=1).reset_index(drop=True)
    time: str | None = None
    unnamed: set[str] = set()
    levels: dict[str, Any] = {}
    for i in range(index.nlevels):
        level = index.get_level_values(i)
        alone, is_named = index.nlevels == 1, level.name is not None
        if alone and not is_named and _counts_rows(level):
            continue
        is_time = alone and _is_time(level)
        name = (
            str(level.name)
            if is_named
            else _free_name("time" if is_time else "index" if alone else f"level_{i}", names)
        )
        if name in levels:
            raise InputError(f"the data: two levels of the index are named {name!r}; give each its own name")
        if name in names:
            if not _alike(frame[name], level):
                raise InputError(
                    f"the data: a column and the index are both named {name!r} and differ; rename one of them"
                )
            continue
        levels[name] = level.to_series(index=frame.index)
        if is_time:
            time = name
        if not is_named and not is_time:
            unnamed.add(name)
    if levels:
        frame = pd.concat([pd.DataFrame(levels), frame], axis=1)
    styles = {name: style for name in frame.columns if (style := _style(name, frame[name])) is not None}
    plain = {name: _plain(frame[name], styles[name]) for name in styles}
    return PandasFrame(frame.assign(**plain), index, time, frozenset(unnamed), styles)


def _counts_rows(level: Any) -> bool:
    """Whether whole numbers without a name rise from row to row, as they do in a part of a frame, and are no years."""
    if level.dtype.kind not in "iu":
        return False
    return bool((np.diff(level.to_numpy()) > 0).all()) and not _are_years(level)


def _are_years(level: Any) -> bool:
    numbers = np.sort(level.to_numpy())
    if not 2 < len(numbers) <= MOST_YEARS or numbers[0] not in YEARS or numbers[-1] not in YEARS:
        return False
    steps = np.diff(numbers)
    return bool(steps[0] > 0 and (steps == steps[0]).all())


def _is_time(level: Any) -> bool:
    import pandas as pd
    from pandas.api.types import is_string_dtype

    if isinstance(level, pd.DatetimeIndex | pd.PeriodIndex):
        return True
    if level.dtype.kind in "iu":
        return str(level.name).lower() not in NAMES and _are_years(level)
    if level.dtype in (object, "category") or is_string_dtype(level.dtype):
        cells = level.tolist()
        if cells and all(isinstance(cell, str) for cell in cells):
            return are_timestamps(cells)
        return pd.api.types.infer_dtype(level, skipna=True) in ("date", "datetime")
    return False


def _free_name(name: str, names: list[str]) -> str:
    return name if name not in names else _free_name(f"{name}_", names)


def _alike(column: Any, level: Any) -> bool:
    """Whether a column holds what the index does, as after ``set_index(drop=False)``."""
    return column.tolist() == level.tolist()


def _style(name: str, column: Any) -> TimeStyle | None:
    import pandas as pd

    dtype = column.dtype
    if isinstance(dtype, pd.PeriodDtype):
        return TimeStyle("period", str(dtype)[len("period[") : -1])
    zone = getattr(getattr(dtype, "pyarrow_dtype", dtype), "tz", None)
    if zone is None:
        return None
    named = zone if isinstance(zone, str) else zone_name(zone)
    try:
        zone_named(named)
    except InputError:
        raise InputError(
            f"column {name!r} is in a time zone without a name that this machine knows, {named}; convert it, such as with"
            " .dt.tz_convert('UTC')"
        ) from None
    return TimeStyle("datetime", getattr(dtype, "unit", "us"), zone=named)


def _plain(column: Any, style: TimeStyle) -> Any:
    """Periods as the times they begin, and times with a zone as those of UTC, without it."""
    if style.kind == "period":
        return column.dt.to_timestamp()
    return column.dt.tz_convert("UTC").dt.tz_localize(None)
