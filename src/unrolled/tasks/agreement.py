"""What a model file says of itself beside what follows from it: once, when it is read, so that nothing later is surprised."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from unrolled.data.frames import check_style
from unrolled.data.frequency import Frequency
from unrolled.data.table import FrameLike
from unrolled.errors import InputError
from unrolled.parameters.declaration import require

__all__ = ["Clock", "check_grid", "check_times", "require_same", "require_tensors"]

Clock = Literal["datetime", "integer", "none"]
"""What times are."""

DATES = np.datetime64("0001-01-01", "us"), np.datetime64("9999-12-31T23:59:59", "us")
FARTHEST = 2**61  # of a number that counts time: beyond, differences overflow


def require_same(name: str, found: Any, expected: Any) -> None:
    """Raise an InputError that names the first field in which two values differ.

    >>> from unrolled.networks.stack import StackConfig
    >>> require_same("stack", StackConfig("gru", 2, 8, 1), StackConfig("gru", 2, 4, 1))
    Traceback (most recent call last):
    ...
    unrolled.errors.InputError: stack.hidden_size is 8, expected 4, as the rest of the file has it
    """
    if type(found) is type(expected) and isinstance(found, msgspec.Struct):
        for field in found.__struct_fields__:
            require_same(f"{name}.{field}", getattr(found, field), getattr(expected, field))
    require(name, found, found == expected, f"{_brief(expected)}, as the rest of the file has it")


def require_tensors(sizes: Mapping[str, int], tensors: int) -> None:
    """Raise an InputError if what is there so many times would need more tensors than the file has: before any is listed.

    >>> require_tensors({"members": 3, "num_layers": 2**40}, tensors=30)
    Traceback (most recent call last):
    ...
    unrolled.errors.InputError: num_layers is 1099511627776, expected fewer: the file holds 30 tensors
    """
    if prod(sizes.values()) > tensors:
        name = max(sizes, key=lambda size: sizes[size])
        raise InputError(f"{name} is {sizes[name]}, expected fewer: the file holds {tensors} tensors")


def check_times(like: FrameLike, clock: Clock, frequency: Frequency, column: str | None) -> None:
    """Check the description of the times: whether there are some, how they are counted, and how they are written.

    Raises:
        InputError: naming the field.
    """
    require("columns.time", column, (column is None) == (clock == "none"), f"a name or none, by times={clock!r}")
    counted = frequency.unit == "step"
    require("frequency.unit", frequency.unit, counted != (clock == "datetime"), f"one of times that are {clock!r}")
    written = like.time_style is not None
    if like.kind == "numpy":
        plain = like == FrameLike("numpy") and clock == "none"
        require("frame_like", like, plain, "an array's, which has no columns and no times")
    else:
        require("frame_like.time", like.time, like.time == column, f"{column!r}, that of columns")
        require(
            "frame_like.time_style", like.time_style, written == (clock != "none"), f"one, or none, by times={clock!r}"
        )
        indexed = like.time_is_index
        require("frame_like.time_is_index", indexed, not indexed or (like.kind == "pandas" and written), "false here")


def check_grid(times: NDArray[Any], like: FrameLike, frequency: Frequency, name: str) -> None:
    """Check that times follow each other at the frequency, can be followed on and written.

    Raises:
        InputError: naming the array.
    """
    first, last = DATES if times.dtype.kind == "M" else (-FARTHEST, FARTHEST)
    fits = bool(((times >= first) & (times <= last)).all()) and bool((times[1:] > times[:-1]).all())
    require(name, [str(times[0]), str(times[-1])], fits, f"times from {first} to {last}, ascending")
    steps = frequency.positions(times, name)
    require(name, int(steps[-1]), int(steps[-1]) == len(times) - 1, f"{len(times)} steps at {frequency}")
    if like.time_style is not None:
        check_style(like.time_style, times)


def _brief(value: Any) -> str:
    text = type(value).__name__ if isinstance(value, msgspec.Struct) else repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
