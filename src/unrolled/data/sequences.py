"""Sequences as users hand them over: lists of arrays or frames, one array, or scikit-learn's flat table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.data.containers import as_array, in_order, is_frame
from unrolled.data.frame_sequences import frames_as_arrays
from unrolled.data.real_numbers import as_floats
from unrolled.errors import InputError

__all__ = ["EXPECTED", "read_sequences"]

EXPECTED = "a list of arrays [T_i, C], one array [N, T, C], or a flat one [N, T] of single numbers a step"


def read_sequences(data: Any, *, channels: int | None = None, names: Sequence[str] = ()) -> list[NDArray[np.float64]]:
    """Sequences ``[T_i, C]`` of float64, each with at least one step.

    Args:
        data: a list of arrays ``[T_i, C]`` or ``[T_i]``, or of frames with a column a channel; one array ``[N, T, C]``; a flat
            one ``[N, T]``, whose rows are sequences of single numbers.
        channels: the ``C`` that is expected; by default that of the first sequence.
        names: the columns that are read of frames, in this order; by default those of the first.

    Raises:
        InputError: naming the sequence, the step and what is wrong.
    """
    if hasattr(data, "toarray"):
        raise InputError(f"sparse data is no sequences: expected {EXPECTED}")
    parts = in_order(data, "sequences")
    if isinstance(parts, np.ndarray):
        parts = _rows(parts)
    if not parts:
        raise InputError(f"there are 0 sequences (0 sample(s)), a minimum of 1 is required: expected {EXPECTED}")
    if is_frame(parts[0]):
        parts = frames_as_arrays(parts, names)
    sequences = [_sequence(part, f"sequence {n}") for n, part in enumerate(parts)]
    width = sequences[0].shape[1] if channels is None else channels
    for n, sequence in enumerate(sequences):
        if sequence.shape[1] != width:
            whose = "the first has" if channels is None else "the model was trained on"
            raise InputError(f"sequence {n} has {sequence.shape[1]} numbers a step, {whose} {width}")
    return sequences


def _rows(array: NDArray[Any]) -> Sequence[Any]:
    if array.dtype.kind == "c":
        raise InputError("Complex data not supported: expected real numbers")
    if array.ndim == 1 and array.dtype.kind == "O":
        return array.tolist()
    if array.ndim not in (2, 3):
        hint = " Reshape your data: a single sequence is data[None]." if array.ndim == 1 else ""
        raise InputError(f"the data has shape {list(array.shape)}, expected {EXPECTED}.{hint}")
    if array.ndim == 2:
        if not array.shape[1]:
            raise InputError(
                f"0 feature(s) (shape={array.shape}) while a minimum of 1 is required: sequences need steps"
            )
        return list(array[..., None])
    return list(array)


def _sequence(part: Any, called: str) -> NDArray[np.float64]:
    array = as_floats(as_array(part, called), called)
    if array.ndim == 1:
        array = array[:, None]
    if array.ndim != 2:
        raise InputError(f"{called} has shape {list(array.shape)}, expected [T, C]: steps, numbers a step")
    if not array.size:
        raise InputError(f"{called} has shape {list(array.shape)}: every sequence needs at least one step")
    bad = np.argwhere(~np.isfinite(array))
    if len(bad):
        step, channel = bad[0]
        what = "NaN" if np.isnan(array[step, channel]) else "infinity"
        raise InputError(f"{called}, step {step}, number {channel} is {what}: fill it or leave the sequence out")
    return array
