"""Time series to learn from: one or many, of different lengths, with every value finite and every time step present.

>>> import numpy as np
>>> panel = read_panel(np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]))
>>> panel.names, panel.values[1].tolist()
(['0', '1'], [4.0, 5.0, 6.0])
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from unrolled.aliases import Values
from unrolled.data.filling import check_missing_option, fill
from unrolled.data.frames import build_frame, is_number
from unrolled.data.frequency import Frequency
from unrolled.data.series_columns import SeriesColumns, assign_roles
from unrolled.data.series_rows import (
    check_row_counts,
    fill_column,
    grid_times,
    group_rows,
    place_on_grid,
    sort_by_time,
    static_values,
)
from unrolled.data.table import FrameLike, Table, TimeStyle
from unrolled.data.table_sources import read_table
from unrolled.data.time_columns import read_times
from unrolled.errors import InputError
from unrolled.parameters.series import Missing

__all__ = [
    "Panel",
    "build_frame",
    "frame_like_of",
    "is_array",
    "read_array",
    "read_covariates",
    "read_panel",
]

Covariates = dict[str, list[Values]]


@dataclass(frozen=True)
class Panel:
    """Series, their times and their covariates. Lists have one entry for each series.

    Attributes:
        target: name of the column to forecast; ``""`` if only covariates were read.
        time, series: names of the columns with the times and with the names of the series, if any.
        names: the names of the series; ``[""]`` for a single one without a name.
        times: time stamps, ``datetime64[us]`` or int64 [T], sorted, without gaps; None if rows are counted.
        values: the target, float64 [T].
        past, future: covariates by column, float64 [T]; future ones are known in advance.
        static: covariates by column, one number per series.
        frequency: how far apart the rows are.
        inferred: one sentence for everything that was inferred, sorted or filled.
        frame_like: what :func:`build_frame` needs to return the same kind of frame.
    """

    target: str
    time: str | None
    series: str | None
    names: list[str]
    times: list[npt.NDArray[Any] | None]
    values: list[Values]
    frequency: Frequency
    frame_like: FrameLike
    past: Covariates = field(default_factory=dict[str, list[Values]])
    future: Covariates = field(default_factory=dict[str, list[Values]])
    static: dict[str, list[float]] = field(default_factory=dict[str, list[float]])
    inferred: list[str] = field(default_factory=list[str])

    def without_last(self, steps: int) -> Panel:
        """The series as they were known some steps earlier."""
        if steps == 0:
            return self
        return replace(
            self,
            times=[None if times is None else times[:-steps] for times in self.times],
            values=[values[:-steps] for values in self.values],
            past={name: [column[:-steps] for column in columns] for name, columns in self.past.items()},
            future={name: [column[:-steps] for column in columns] for name, columns in self.future.items()},
        )

    def require_length(self, horizon: int) -> None:
        """Raise an InputError that names every series that is not longer than ``horizon`` steps (the first three)."""
        short = [(name, len(v)) for name, v in zip(self.names, self.values, strict=True) if len(v) <= horizon]
        if short:
            found = ", ".join(f"{_series(name)}has {rows} rows" for name, rows in short[:3])
            more = f" and {len(short) - 3} more series are too short" if len(short) > 3 else ""
            raise InputError(
                f"{found}{more}; need at least {horizon + 1}: one to forecast from, and a horizon of {horizon} to compare"
                " with; give more history, or fit with a smaller horizon"
            )


def _series(name: str) -> str:
    return f"series {name!r} " if name else "the series "


def read_panel(
    data: Any,
    target: str | None = None,
    time: str | None = None,
    series: str | None = None,
    past: Sequence[str] = (),
    future: Sequence[str] = (),
    static: Sequence[str] = (),
    *,
    missing: str = "raise",
    minimum_rows: int = 2,
    frequency: Frequency | None = None,
    time_format: str | None = None,
    time_style: TimeStyle | None = None,
) -> Panel:
    """Read a frame, an array or a CSV file, and check every value.

    Args:
        data: a pandas, polars or pyarrow frame or series (one row for each time and series), an array of shape [T] or
            [N, T], or the path of a CSV file.
        target, time, series: names of columns; each is inferred if there is only one candidate, and ``inferred`` says
            so.
        past, future, static: names of the columns of covariates.
        missing: how to treat blank numbers and times without a row: ``"raise"``, ``"interpolate"``, ``"previous"`` or
            ``"zero"``.
        minimum_rows: the minimum length of a series.
        frequency: the frequency a model was trained on; inferred if not given.
        time_format: the format of the times, such as ``"%d/%m/%Y"``; inferred unless it is ambiguous.
        time_style: the format of the times that a model was trained on.

    Raises:
        InputError: the data are invalid; the message names the file, the row as it is counted there and the column.
        MissingExtraError: the data are a frame, and the packages for frames are not installed.

    >>> import polars as pl
    >>> panel = read_panel(pl.DataFrame({"month": ["1949-02", "1949-01"], "passengers": [118, 112]}))
    >>> panel.values[0].tolist()
    [112.0, 118.0]
    >>> print(*panel.inferred, sep="\\n")
    time is 'month'
    the target is 'passengers', the only column of numbers left
    the rows were not in the order of 'month' and were sorted
    the frequency is one row a month
    """
    given = SeriesColumns(target, time, series, _names(past), _names(future), _names(static))
    if is_array(data):
        if given.named or time_format:
            arguments = ", ".join(
                f"{argument}=" for argument in [*given.named.values(), *["time_format"] * bool(time_format)]
            )
            raise InputError(f"an array has no columns to name: leave out {arguments}, or give a frame")
        return _panel_of_array(data, check_missing_option(missing), minimum_rows)
    table = read_table(data, minimum_rows, given.named)
    how = _Reading(check_missing_option(missing), minimum_rows, frequency, time_format or "", time_style)
    return _read_table(table, given, how, with_target=True)


def read_covariates(
    data: Any,
    columns: Sequence[str],
    *,
    time: str | None = None,
    series: str | None = None,
    missing: str = "raise",
    frequency: Frequency | None = None,
    time_style: TimeStyle | None = None,
) -> Panel:
    """Read what is known about future times: a panel whose ``future`` contains ``columns``, without a target.

    Arguments and errors are those of :func:`read_panel`.
    """
    given = SeriesColumns(None, time, series, future=_names(columns))
    table = read_table(data, 1, given.named)
    how = _Reading(check_missing_option(missing), 1, frequency, "", time_style)
    return _read_table(table, given, how, with_target=False)


def _names(names: Sequence[str]) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else tuple(names)


def is_array(data: Any) -> bool:
    """Whether the data has rows and no columns."""
    return isinstance(data, np.ndarray | list | tuple)


@dataclass(frozen=True)
class _Reading:
    """How a table is to be read, beside what its columns are."""

    missing: Missing
    minimum_rows: int
    frequency: Frequency | None
    time_format: str
    time_style: TimeStyle | None


def _read_table(table: Table, given: SeriesColumns, how: _Reading, *, with_target: bool) -> Panel:
    if table.rows == 0:
        raise InputError(f"{table.source}: 0 rows, need at least {max(how.minimum_rows, 1)}")
    table, roles, notes = assign_roles(table, given, with_target=with_target)
    notes = [*table.notes, *notes]
    groups = group_rows(table, roles.series)
    style = None
    if roles.time is not None:
        times, style, of_times = read_times(table, roles.time, how.time_format, how.time_style)
        notes += of_times
        groups = sort_by_time(table, roles, groups, times, notes)
    check_row_counts(table, groups, how.minimum_rows)
    groups, frequency = place_on_grid(table, roles, groups, how.frequency, how.missing, notes)
    columns = [name for name in (roles.target, *roles.past, *roles.future) if name is not None]
    filled = {name: fill_column(table, name, roles, groups, how.missing, notes) for name in columns}
    return Panel(
        target=roles.target or "",
        time=roles.time,
        series=roles.series,
        names=[group.name for group in groups],
        times=[None if group.times is None else grid_times(group, frequency) for group in groups],
        values=filled[roles.target] if roles.target is not None else [],
        frequency=frequency,
        frame_like=frame_like_of(table, roles, style),
        past={name: filled[name] for name in roles.past},
        future={name: filled[name] for name in roles.future},
        static={name: static_values(table, name, groups) for name in roles.static},
        inferred=notes,
    )


def frame_like_of(table: Table, roles: SeriesColumns, style: TimeStyle | None) -> FrameLike:
    """What :func:`build_frame` needs to return a frame of the same kind as the data."""
    series = table.columns[roles.series] if roles.series is not None else None
    return replace(
        table.like,
        time=roles.time,
        time_style=style,
        time_is_index=table.like.time_is_index and roles.time == table.like.time,
        series=roles.series,
        series_is_integer=series is not None and series.texts is None and series.values.dtype.kind == "i",
    )


def read_array(data: Any, missing: Missing, shapes: str) -> tuple[Values, list[str]]:
    """Return an array of numbers, blank ones still NaN, and notes on those; ``shapes`` is what was expected."""
    try:
        array = np.asarray(data)
        if array.dtype.kind not in "iufO":
            raise InputError(f"the array holds {array.dtype}, expected numbers")
        values = np.asarray(array, dtype=np.float64)
        if array.dtype.kind == "O":
            odd = next((cell for cell in array.flat if cell is not None and not is_number(cell)), None)
            if odd is not None:
                raise InputError(f"the array holds {odd!r:.60}, expected numbers")
        if isinstance(data, np.ma.MaskedArray):
            values = np.where(np.ma.getmaskarray(data), np.nan, values)  # what is masked is missing
    except (ValueError, TypeError) as error:
        raise error if isinstance(error, InputError) else InputError(f"the array is not of numbers: {error}") from None
    if values.ndim not in (1, 2):
        raise InputError(f"the array has shape {list(values.shape)}, expected {shapes}")
    _check_array(values, missing)
    blank = int(np.isnan(values).sum())
    return values, [f"{blank} missing value{'s' * (blank > 1)} filled by missing={missing!r}"] if blank else []


def _panel_of_array(data: Any, missing: Missing, minimum_rows: int) -> Panel:
    """Read an array [T] or [N, T], one row of it a series."""
    values, notes = read_array(data, missing, "[T] for one series or [N, T] for several")
    if values.size == 0 or values.shape[-1] < minimum_rows:
        raise InputError(
            f"the array has shape {list(values.shape)}: {values.shape[-1] if values.size else 0} time steps, need at"
            f" least {max(minimum_rows, 1)}"
        )
    rows = np.atleast_2d(values)
    return Panel(
        target="value",
        time=None,
        series=None if values.ndim == 1 else "series",
        names=[""] if values.ndim == 1 else [str(i) for i in range(len(rows))],
        times=[None] * len(rows),
        values=[fill(row, missing) for row in rows],
        frequency=Frequency("step"),
        frame_like=FrameLike("numpy"),
        inferred=notes,
    )


def _check_array(values: Values, missing: Missing) -> None:
    bad = np.argwhere(np.isinf(values) if missing != "raise" else ~np.isfinite(values))
    if len(bad):
        where = tuple(bad[0].tolist())
        option = "" if np.isinf(values[where]) else " or choose missing='interpolate', 'previous' or 'zero'"
        more = f" ({len(bad)} such places)" if len(bad) > 1 else ""
        raise InputError(
            f"the array holds {values[where]} at {list(where)}{more}, expected finite numbers; correct it{option}"
        )
