"""Frames in, the same kind of frame out: pandas, polars and pyarrow through narwhals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timezone
from typing import Any, Literal, cast

import numpy as np
import numpy.typing as npt

from unrolled.data.table import Column, FrameLike, Table, TimeStyle
from unrolled.data.time_numbers import write_numbers
from unrolled.data.timestamps import MixedZonesError, write_timestamps
from unrolled.errors import InputError, MissingExtraError

__all__ = ["build_frame", "read_frame"]


def read_frame(data: Any) -> Table:
    """Return a pandas, polars or pyarrow frame or series as a :class:`Table`; times in a pandas index become a column.

    Raises:
        InputError: something else, or a column whose times are in different zones.
        MissingExtraError: narwhals is not installed.
    """
    try:
        import narwhals.stable.v1 as nw
    except ImportError:
        raise MissingExtraError("reading frames", "narwhals", "cli") from None
    styles: dict[str, TimeStyle] = {}
    index: str | None = None
    if nw.dependencies.is_pandas_dataframe(data) or nw.dependencies.is_pandas_series(data):
        data, index, styles = _prepare_pandas(data)
    try:
        frame = nw.from_native(data, eager_only=True, allow_series=True)
    except TypeError:
        lazy = "; call .collect() on it first" if hasattr(data, "collect") else ""
        raise InputError(
            f"the data is a {type(data).__name__}, expected a pandas, polars or pyarrow frame, a NumPy array of shape"
            f" [T] or [N, T], or the path of a CSV file{lazy}"
        ) from None
    if isinstance(frame, nw.Series):
        frame = frame.alias(frame.name or "value").to_frame()
    kind = cast("Literal['pandas', 'polars', 'pyarrow']", frame.implementation.name.lower())
    if kind not in ("pandas", "polars", "pyarrow"):
        raise InputError(f"frames of {kind} are not read; convert it to pandas, polars or pyarrow")
    columns = {name: _column(name, frame.get_column(name), styles.get(name)) for name in frame.columns}
    like = FrameLike(kind, time=index, time_is_index=index is not None)
    return Table(columns, len(frame), lambda row: f"row {row}", like)


def _prepare_pandas(data: Any) -> tuple[Any, str | None, dict[str, TimeStyle]]:
    """Turn an index that says something into columns and periods into time stamps; return the name of a time index."""
    import pandas as pd

    frame: Any = data.to_frame(data.name if data.name is not None else "value") if data.ndim == 1 else data
    frame = frame.rename(columns=str)
    timed = isinstance(frame.index, pd.DatetimeIndex | pd.PeriodIndex)
    index: str | None = None
    if timed:
        index = str(frame.index.name or "time")
        frame = frame.rename_axis(index).reset_index()
    elif any(name is not None for name in frame.index.names) or isinstance(frame.index, pd.MultiIndex):
        frame = frame.reset_index().rename(columns=str)
    else:
        frame = frame.reset_index(drop=True)
    styles: dict[str, TimeStyle] = {}
    for name in frame.columns:
        if isinstance(frame[name].dtype, pd.PeriodDtype):
            styles[name] = TimeStyle("period", str(frame[name].dtype)[len("period[") : -1])
            frame[name] = frame[name].dt.to_timestamp()
    return frame, index, styles


def _column(name: str, series: Any, style: TimeStyle | None) -> Column:
    import narwhals.stable.v1 as nw

    dtype = series.dtype
    if dtype.is_numeric():
        if not series.is_null().any() and np.can_cast(series.to_numpy().dtype, np.int64):
            return Column(series.to_numpy().astype(np.int64))
        return Column(series.cast(nw.Float64).to_numpy().astype(np.float64))
    if dtype == nw.Boolean:
        if series.is_null().any():
            return Column(series.cast(nw.Float64).to_numpy().astype(np.float64))
        return Column(series.to_numpy().astype(bool))
    if dtype == nw.Date:
        return Column(series.to_numpy().astype("datetime64[us]"), style=TimeStyle("date"))
    if dtype == nw.Datetime:
        return _time_column(name, series, style)
    blank = series.is_null().to_list()
    cells: list[Any] = [None if empty else cell for cell, empty in zip(series.to_list(), blank, strict=True)]
    if dtype == nw.Object:
        return _object_column(name, cells)
    return _text_column(cells)


def _text_column(cells: Sequence[Any]) -> Column:
    texts = [None if cell is None else str(cell) for cell in cells]
    return Column(np.array(texts, dtype=object), texts)


def _time_column(name: str, series: Any, style: TimeStyle | None) -> Column:
    zone = series.dtype.time_zone
    style = style or TimeStyle("datetime", series.dtype.time_unit, zone=zone)
    if zone is None:
        return Column(_microseconds(name, series.to_numpy()), style=style)
    utc = _microseconds(name, series.dt.convert_time_zone("UTC").dt.replace_time_zone(None).to_numpy())
    steps = np.diff(np.unique(utc[~np.isnat(utc)]))
    if len(steps) and np.median(steps.astype(np.int64)) < 20 * 3_600_000_000:
        return Column(utc, style=TimeStyle("datetime", style.unit, zone=zone, clock="utc"))
    return Column(_microseconds(name, series.dt.replace_time_zone(None).to_numpy()), style=style)


def _microseconds(name: str, times: npt.NDArray[Any]) -> npt.NDArray[Any]:
    rounded = times.astype("datetime64[us]")
    if (rounded[~np.isnat(rounded)] != times[~np.isnat(rounded)]).any():
        raise InputError(f"column {name!r} holds times finer than a microsecond; number the steps with integers")
    return rounded


def _object_column(name: str, cells: list[Any]) -> Column:
    """A pandas column of Python objects: times or numbers, a few wrong ones among them, or anything, as text."""
    given = [row for row, cell in enumerate(cells) if cell is not None]
    if given and all(isinstance(cells[row], date) for row in given):
        return _object_times(name, cells, given)
    numbers = [row for row in given if isinstance(cells[row], int | float | np.number) or _is_decimal(cells[row])]
    if not numbers or 2 * len(numbers) < len(given):
        return _text_column(cells)
    values = np.full(len(cells), np.nan)
    values[numbers] = [float(cells[row]) for row in numbers]
    bad = tuple(sorted(set(given) - set(numbers)))
    return Column(values, _text_column(cells).texts if bad else None, bad)


def _is_decimal(cell: Any) -> bool:
    from decimal import Decimal

    return isinstance(cell, Decimal)


def _object_times(name: str, cells: list[Any], given: list[int]) -> Column:
    zones = [str(getattr(cells[row], "tzinfo", None) or "") for row in given]
    different = next((i for i, zone in enumerate(zones) if zone != zones[0]), None)
    if different is not None:
        error = MixedZonesError(given[different], zones[different], zones[0])
        raise InputError(
            f"row {error.row} (counted from 0), column {name!r}: {error}; convert all of them to one zone, such as UTC"
        )
    if zones[0]:
        raise InputError(
            f"column {name!r} holds zoned times as objects; convert it with pandas.to_datetime(..., utc=True)"
        )
    dates_only = not any(isinstance(cells[row], datetime) for row in given)
    times = np.full(len(cells), "NaT", dtype="datetime64[us]")
    times[given] = [np.datetime64(cells[row], "us") for row in given]
    return Column(times, style=TimeStyle("date" if dates_only else "datetime"))


def build_frame(columns: Mapping[str, Any], like: FrameLike, times: Sequence[str] = ()) -> Any:
    """Return a frame of the kind the data came in, its time stamps in the look they had there.

    Args:
        columns: name -> list or array, all of one length; times as ``datetime64`` or integers.
        like: ``panel.frame_like``.
        times: columns that hold times, beside that of ``like``.

    Returns:
        Where the package of that kind of frame is not installed, as on a machine that only runs models: a dictionary of
        arrays, times with a zone in UTC.
    """
    built: dict[str, Any] = dict(columns)
    if like.series in built and like.series_is_integer:
        built[like.series] = np.array([int(name) for name in built[like.series]], dtype=np.int64)
    stamped = [name for name in (like.time, *times) if name in built]
    try:
        return _framed(built, like, stamped)
    except ImportError:
        style = like.time_style
        if style is not None and style.kind != "period":
            built |= {name: _styled(np.asarray(built[name]), style) for name in stamped}
        return {name: np.asarray(column) for name, column in built.items()}


def _framed(columns: dict[str, Any], like: FrameLike, stamped: list[str]) -> Any:
    import narwhals.stable.v1 as nw

    zone = None
    if like.time_style is not None:
        columns = columns | {name: _styled(np.asarray(columns[name]), like.time_style) for name in stamped}
        zone = like.time_style.zone
    frame = nw.from_native(_native(columns, like.kind), eager_only=True)
    if zone is not None and stamped:
        zoned = nw.col(stamped).dt.replace_time_zone("UTC").dt.convert_time_zone(zone)
        frame = frame.with_columns(zoned)
    native: Any = frame.to_native()
    if like.time_is_index and like.time in columns:
        native = native.set_index(like.time)
    return native


def _native(columns: dict[str, Any], kind: str) -> Any:
    if kind == "pandas":
        import pandas

        return pandas.DataFrame(columns)
    if kind == "pyarrow":
        import pyarrow

        return pyarrow.table({name: pyarrow.array(values) for name, values in columns.items()})
    import polars

    return polars.DataFrame(columns)


def _styled(times: npt.NDArray[Any], style: TimeStyle) -> Any:
    """Return times as the user writes them; zoned ones in UTC, still without their zone."""
    if style.kind == "integer":
        return write_numbers(times, style) if style.format else times
    if style.kind == "text":
        return write_timestamps(times, style)
    if style.kind == "date":
        return times.astype("datetime64[D]").tolist()
    if style.kind == "period":
        import pandas

        return pandas.PeriodIndex(times.astype("datetime64[ns]"), freq=style.unit)
    if style.zone is not None and style.clock == "wall":
        times = _wall_to_utc(times, style.zone)
    return times.astype(f"datetime64[{style.unit}]")


def _wall_to_utc(times: npt.NDArray[Any], zone: str) -> npt.NDArray[Any]:
    """Convert the clock at the wall to UTC; of an hour that comes twice the first, an hour left out moved on."""
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        place = ZoneInfo(zone)
    except ZoneInfoNotFoundError:
        raise InputError(f"this machine does not know the time zone {zone!r}: pip install tzdata") from None
    walls: list[datetime] = times.astype("datetime64[us]").tolist()
    moments = [wall.replace(tzinfo=place).astimezone(timezone.utc).replace(tzinfo=None) for wall in walls]
    return np.array(moments, dtype="datetime64[us]")
