"""Frames in, the same kind of frame out: pandas, polars and pyarrow through narwhals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import date, datetime, timezone
from typing import Any, Literal, cast

import numpy as np
import numpy.typing as npt

from unrolled.codecs.whole_characters import check_characters
from unrolled.data.frequency import stamp
from unrolled.data.header import first_duplicate
from unrolled.data.pandas_index import PandasFrame, open_pandas
from unrolled.data.table import Column, FrameLike, Table, TimeStyle
from unrolled.data.time_formats import parse_format
from unrolled.data.time_numbers import write_numbers
from unrolled.data.timestamps import MixedZonesError, write_timestamps
from unrolled.data.zones import UnknownZoneError, zone_named
from unrolled.errors import InputError, MissingExtraError

__all__ = ["build_frame", "check_style", "is_number", "read_frame"]

RESOLUTIONS = ("s", "ms", "us", "ns")


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
    given: PandasFrame | None = None
    if nw.dependencies.is_pandas_dataframe(data) or nw.dependencies.is_pandas_series(data):
        for name in map(str, getattr(data, "columns", ())):  # pandas alone can hold such
            check_characters(name, f"the name of the column {name!r}")
        given = open_pandas(data)
        data = given.frame
    elif (again := first_duplicate(getattr(data, "column_names", ()))) is not None:
        raise InputError(f"the data: two columns are named {again!r}; give each its own name")
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
    styles = {} if given is None else given.styles
    columns = {name: _column(name, frame.get_column(name), styles.get(name)) for name in frame.columns}
    like = FrameLike(kind) if given is None else FrameLike(kind, time=given.time, time_is_index=given.time is not None)
    unnamed = frozenset[str]() if given is None else given.unnamed
    return Table(columns, len(frame), lambda row: f"row {row}", like, unnamed=unnamed, index=given and given.index)


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
    if zone is not None:
        series = series.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    style = style or TimeStyle("datetime", series.dtype.time_unit, zone=zone)
    times = _microseconds(name, series.to_numpy())
    if style.zone is None:
        return Column(times, style=style)
    steps, in_utc = _steps(times), Column(times, style=replace(style, clock="utc"))
    if len(steps) and np.median(steps) < 20 * 3_600_000_000:
        return in_utc
    walls = _utc_to_wall(times, style.zone)
    regular_in_utc_alone = len(np.unique(steps)) == 1 < len(np.unique(_steps(walls)))
    return in_utc if regular_in_utc_alone else Column(walls, style=style)


def _steps(times: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """Microseconds from one time to the next."""
    return np.diff(np.unique(times[~np.isnat(times)])).astype(np.int64)


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
    if given and all(isinstance(cells[row], bool) for row in given):
        return Column(np.array([np.nan if cell is None else float(cell) for cell in cells]))
    numbers = [row for row in given if is_number(cells[row])]
    if not numbers or 2 * len(numbers) < len(given):
        return _text_column(cells)
    values = np.full(len(cells), np.nan)
    values[numbers] = [float(cells[row]) for row in numbers]
    bad = tuple(sorted(set(given) - set(numbers)))
    return Column(values, _text_column(cells).texts if bad else None, bad)


def is_number(cell: Any) -> bool:
    """Whether a Python object is a number; a truth value is none."""
    from decimal import Decimal

    return isinstance(cell, int | float | np.number | Decimal) and not isinstance(cell, bool)


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
    """Return a frame of the kind the data came in, its time stamps in the format they had there.

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
    stamped = [name for name in dict.fromkeys((like.time, *times)) if name in built]
    if like.time_style is not None and like.time_style.zone is not None:
        zone_named(like.time_style.zone)
    try:
        return _framed(built, like, [str(name) for name in stamped])
    except ImportError:
        style = like.time_style
        if style is not None and style.kind != "period":
            built |= {str(name): _styled(np.asarray(built[str(name)]), style) for name in stamped}
        return {name: np.asarray(column) for name, column in built.items()}


def _framed(columns: dict[str, Any], like: FrameLike, stamped: list[str]) -> Any:
    import narwhals.stable.v1 as nw

    zone = None
    if like.time_style is not None:
        columns = columns | {name: _styled(np.asarray(columns[name]), like.time_style) for name in stamped}
        zone = like.time_style.zone
    native = nw.from_native(_native(columns, like.kind), eager_only=True).to_native()
    if zone is not None:
        native = _zoned(native, stamped, zone)
    if like.time_is_index and like.time in columns:
        native = native.set_index(like.time)
    return native


def _zoned(frame: Any, names: Sequence[str], zone: str) -> Any:
    """A frame whose times of UTC become those of a zone."""
    import narwhals.stable.v1 as nw

    if nw.dependencies.is_pandas_dataframe(frame):  # narwhals reads not every name of a zone
        return frame.assign(**{name: frame[name].dt.tz_localize("UTC").dt.tz_convert(zone) for name in names})
    columns = nw.col(*names).dt.replace_time_zone("UTC").dt.convert_time_zone(zone)
    return nw.from_native(frame, eager_only=True).with_columns(columns).to_native()


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

        return pandas.PeriodIndex(_in_unit(times, "ns"), freq=style.unit)
    if style.zone is not None and style.clock == "wall":
        times = _wall_to_utc(times, style.zone)
    return _in_unit(times, style.unit)


def _in_unit(times: npt.NDArray[Any], unit: str) -> npt.NDArray[Any]:
    """Times in the resolution of the user's; nanoseconds end in 2262."""
    result = times.astype(f"datetime64[{unit}]")
    lost = np.flatnonzero(result.astype("datetime64[s]") != times.astype("datetime64[s]"))
    if len(lost):
        raise InputError(
            f"the times are in {unit}, which do not reach {stamp(times[lost[0]])}; convert them to a coarser unit, such as with"
            " .astype('datetime64[us]'), or choose a smaller horizon"
        )
    return result


def _utc_to_wall(times: npt.NDArray[Any], zone: str) -> npt.NDArray[Any]:
    """Convert UTC to the clock at the wall."""
    place = zone_named(zone)
    moments: list[datetime | None] = times.tolist()
    walls = [m and m.replace(tzinfo=timezone.utc).astimezone(place).replace(tzinfo=None) for m in moments]
    return np.array(walls, dtype="datetime64[us]")


def check_style(style: TimeStyle, times: npt.NDArray[Any]) -> None:
    """Check that times can be written in the format that a model file holds.

    Raises:
        InputError: it is none that times can be written in, or read.
    """
    try:
        if style.kind == "datetime" and style.unit not in RESOLUTIONS:
            raise InputError(f"its unit is {style.unit!r}, expected one of {', '.join(RESOLUTIONS)}")
        if style.kind == "text" and style.format:
            parse_format(style.format)
        if style.zone is not None:
            with suppress(UnknownZoneError):  # here, but perhaps not on other machines
                zone_named(style.zone)
        year = times[-1:] + np.arange(0, 366, 30).astype("timedelta64[D]") if times.dtype.kind == "M" else times
        with suppress(ImportError):  # of pandas, without which there are no frames with periods
            _styled(year, replace(style, zone=None))
    except (ValueError, TypeError, KeyError, IndexError, OverflowError) as error:
        raise InputError(f"frame_like.time_style is none that times can be written in: {error}") from None


def _wall_to_utc(times: npt.NDArray[Any], zone: str) -> npt.NDArray[Any]:
    """Convert the clock at the wall to UTC; of an hour that comes twice the first, an hour left out moved on."""
    place = zone_named(zone)
    walls: list[datetime] = times.astype("datetime64[us]").tolist()
    moments = [wall.replace(tzinfo=place).astimezone(timezone.utc).replace(tzinfo=None) for wall in walls]
    return np.array(moments, dtype="datetime64[us]")
