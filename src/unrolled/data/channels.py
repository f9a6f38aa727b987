"""Channels measured together: one row per time step, one column per sensor.

>>> import numpy as np
>>> channels = read_channels(np.array([[1.0, 10.0], [2.0, 20.0], [3.0, 30.0]]))
>>> channels.names, channels.values.shape
(['0', '1'], (3, 2))
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from unrolled.data.filling import check_missing_option, fill
from unrolled.data.frequency import Frequency
from unrolled.data.panel import frame_like_of, is_array, read_array
from unrolled.data.series_columns import SeriesColumns, assign_channels
from unrolled.data.series_rows import (
    SeriesRows,
    check_row_counts,
    fill_column,
    grid_times,
    group_rows,
    place_on_grid,
    sort_by_time,
)
from unrolled.data.table import FrameLike, TimeStyle
from unrolled.data.table_sources import read_table
from unrolled.data.time_columns import read_times
from unrolled.errors import InputError

__all__ = ["Channels", "read_channels"]


@dataclass(frozen=True)
class Channels:
    """Values ``[T, C]``, every one finite, at even steps of time.

    Attributes:
        names: the columns, ``["value"]`` or ``["0", "1", …]`` for an array.
        time: name of the time column, if there is one.
        times: time stamps, ``datetime64[us]`` or int64 [T], sorted, without gaps; None if rows are counted.
        frequency: how far apart the rows are.
        frame_like: what :func:`unrolled.data.frames.build_frame` needs to return the same kind of frame.
        inferred: one sentence for everything that was inferred, sorted or filled.
    """

    names: list[str]
    values: npt.NDArray[np.float64]
    time: str | None
    times: npt.NDArray[Any] | None
    frequency: Frequency
    frame_like: FrameLike
    inferred: list[str] = field(default_factory=list[str])
    steps: npt.NDArray[np.int64] | None = None
    """The step of each row of the data, in the order of the rows; None where these are the steps."""
    index: Any = None
    """That of a pandas frame."""

    def of_rows(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Values a step ``[T]`` as values a row: one for each row of the data, in their order.

        Steps that were added, since they had no row, stay where no index tells the rows apart: then all are in order of time.
        """
        added = self.steps is None or (self.index is None and len(self.steps) < len(values))
        return values if added else values[self.steps]

    def steps_between(self, first: int, end: int) -> Channels:
        """The steps from ``first`` to before ``end``, in order of time."""
        times = None if self.times is None else self.times[first:end]
        return replace(self, values=self.values[first:end], times=times, steps=None, index=None)


def read_channels(
    data: Any,
    values: Sequence[str] = (),
    time: str | None = None,
    *,
    missing: str = "raise",
    frequency: Frequency | None = None,
    time_format: str | None = None,
    time_style: TimeStyle | None = None,
) -> Channels:
    """Read a frame, an array or a CSV file, and check every value.

    Args:
        data: a pandas, polars or pyarrow frame or series with one row a time step, an array ``[T]`` or ``[T, C]``, or the
            path of a CSV file.
        values: names of columns; by default all numeric columns.
        time: name of the time column; inferred if there is only one candidate.
        missing: how to treat blank numbers and times without a row: ``"raise"``, ``"interpolate"``, ``"previous"`` or
            ``"zero"``.
        frequency: the frequency a model was trained on; inferred if not given.
        time_format: the format of the times, such as ``"%d/%m/%Y"``; inferred unless it is ambiguous.
        time_style: the format of the times that a model was trained on.

    Raises:
        InputError: the data are invalid; the message names the file, the row as it is counted there and the column.
        MissingExtraError: the data are a frame, and the packages for frames are not installed.
    """
    option = check_missing_option(missing)
    given = SeriesColumns(None, time, None, values=(values,) if isinstance(values, str) else tuple(values))
    if is_array(data):
        if given.named or time_format:
            named = [*dict.fromkeys(given.named.values()), *["time_format"] * bool(time_format)]
            arguments = ", ".join(f"{argument}=" for argument in named)
            raise InputError(f"an array has no columns to name: leave out {arguments}, or give a frame")
        array, notes = read_array(data, option, "[T] for one channel or [T, C] for several")
        if not array.size:
            raise InputError(f"the array has shape {list(array.shape)}: there are no values in it")
        columns = [fill(column, option) for column in array.reshape(len(array), -1).T]
        names = ["value"] if array.ndim == 1 else [str(c) for c in range(len(columns))]
        return Channels(names, np.stack(columns, 1), None, None, Frequency("step"), FrameLike("numpy"), notes)
    table = read_table(data, 2, given.named)
    if table.rows == 0:
        raise InputError(f"{table.source}: 0 rows, need at least 2")
    table, roles, notes = assign_channels(table, given)
    notes = [*table.notes, *notes]
    groups, style = group_rows(table, None), None
    if roles.time is not None:
        times, style, of_times = read_times(table, roles.time, time_format or "", time_style)
        notes += of_times
        groups = sort_by_time(table, roles, groups, times, notes)
    check_row_counts(table, groups, 2)
    groups, frequency = place_on_grid(table, roles, groups, frequency, option, notes)
    columns = [fill_column(table, name, roles, groups, option, notes)[0] for name in roles.values]
    return Channels(
        names=list(roles.values),
        values=np.stack(columns, axis=1),
        time=roles.time,
        times=None if roles.time is None else grid_times(groups[0], frequency),
        frequency=frequency,
        frame_like=frame_like_of(table, roles, style),
        inferred=notes,
        steps=_steps_of_rows(groups[0]),
        index=table.index,
    )


def _steps_of_rows(group: SeriesRows) -> npt.NDArray[np.int64]:
    """The step at which each row of the table lies."""
    steps = np.empty(len(group.rows), np.int64)
    steps[group.rows] = group.positions
    return steps
