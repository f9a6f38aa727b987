"""Sequences that come as a frame each: a row a step, a column a channel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.data.containers import is_frame
from unrolled.data.frames import read_frame
from unrolled.data.table import Table, listed
from unrolled.data.time_columns import read_times
from unrolled.errors import InputError

__all__ = ["channel_names", "frames_as_arrays", "own_names"]


def own_names(frame: Any) -> tuple[str, ...]:
    """The names of a frame's columns; none where they are only numbered, as pandas does with an array."""
    given = [
        str(name) for name in (getattr(frame, "column_names", None) or frame.columns)
    ]  # pyarrow's are no texts else
    return () if given == [str(n) for n in range(len(given))] else tuple(given)


def channel_names(frame: Any) -> tuple[str, ...]:
    """The names of the columns of numbers of a frame that is a sequence, where they have names."""
    own = own_names(frame)
    return tuple(name for name, column in read_frame(frame).columns.items() if name in own and column.kind != "time")


def frames_as_arrays(frames: Sequence[Any], names: Sequence[str] = ()) -> list[NDArray[np.float64]]:
    """Sequences ``[T_i, C]`` of frames with the same columns; steps are put in the order of a column or index of times.

    Args:
        frames: as many as there are sequences.
        names: the columns that are read, in this order; by default those of the first.

    Raises:
        InputError: naming the sequence, its column and what is wrong.
    """
    names = names or channel_names(frames[0])
    return [_steps(frame, f"sequence {n}", names) for n, frame in enumerate(frames)]


def _steps(frame: Any, called: str, names: Sequence[str]) -> NDArray[np.float64]:
    if not is_frame(frame):
        raise InputError(f"{called} is a {type(frame).__name__}, expected a frame as the first")
    table, own = read_frame(frame), own_names(frame)
    times = [name for name, column in table.columns.items() if column.kind == "time"]
    found = [name for name in table.columns if name not in times and (name in own or not own)]
    if own and names and sorted(found) != sorted(names):
        raise InputError(f"{called} has the columns {listed(found)}, expected {listed(names)}, as in the others")
    steps = np.stack([_numbers(table, name, called) for name in (names if own and names else found)], axis=1)
    return steps[_order(table, times, called)]


def _numbers(table: Table, name: str, called: str) -> NDArray[np.float64]:
    column = table.columns[name]
    if column.kind not in ("number", "truth") or column.bad:
        raise InputError(
            f"{called}, column {name!r} holds {column.written((*column.bad, 0)[0])}, expected numbers; leave it out"
        )
    return column.values.astype(np.float64)


def _order(table: Table, times: list[str], called: str) -> NDArray[np.intp]:
    if len(times) > 1:
        raise InputError(f"{called} has several columns of times, {listed(times)}; leave one of them in")
    return np.argsort(read_times(table, times[0])[0], kind="stable") if times else np.arange(table.rows)
