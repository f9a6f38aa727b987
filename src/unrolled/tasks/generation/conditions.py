"""What pieces are to be, as it is given: labels or vectors, one for all or one each."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.codecs.conditions import ConditionCodec
from unrolled.errors import InputError
from unrolled.tasks.checks import check_count
from unrolled.tasks.sequences.targets import read_labels, read_numbers

__all__ = ["conditions_of", "encoded_conditions", "read_conditions"]


def read_conditions(y: Any, count: int, dimensions: int | None = None) -> NDArray[Any]:
    """``y`` as labels ``[N]`` or as numbers ``[N, D]``, of which one is expected if ``dimensions`` says so.

    >>> read_conditions([[1, 2], [3, 4]], 2).tolist(), read_conditions(["a", "b"], 2).tolist()
    ([[1.0, 2.0], [3.0, 4.0]], ['a', 'b'])
    >>> read_conditions([[0.5], [3]], 2).tolist()
    [[0.5], [3.0]]
    """
    several = len(y) > 0 and not isinstance(y[0], str) and np.ndim(y[0]) > 0 if hasattr(y, "__len__") else False
    read: NDArray[Any]
    if several and all(np.shape(each) == (1,) for each in y):  # a vector of one number is no label
        read = read_numbers([each[0] for each in y], count)[:, None]
    else:
        read = read_numbers(y, count) if several else read_labels(y, count)
    if dimensions is not None and read.ndim != dimensions:
        kinds = {1: "labels", 2: "vectors of numbers"}
        raise InputError(f"the conditions are {kinds[read.ndim]}, expected {kinds[dimensions]}")
    return read


def encoded_conditions(codec: ConditionCodec | None, y: Any, count: int, called: str = "y") -> NDArray[Any] | None:
    """What each of ``count`` pieces is to be, as a network reads it; None where it knows no such thing.

    Args:
        called: the argument that says so, in errors.

    Raises:
        InputError: it is missing, surplus, or unknown.
    """
    if codec is None:
        if y is not None:
            raise InputError("the model was trained without conditions: leave the condition out")
        return None
    if y is None:
        raise InputError(
            f"what is each piece to be? the model was trained on {_described(codec)}: give the condition ({called}=)"
        )
    if codec.kind == "vector":
        _require_numbers(y, called)
    read = read_conditions(y, count, 1 if codec.kind == "class" else 2)
    if codec.kind == "vector" and read.shape[1] != codec.inputs:
        numbers = f"{read.shape[1]} number{'s' * (read.shape[1] != 1)}"
        raise InputError(f"a condition has {numbers}, the model was trained on {codec.inputs}")
    return codec.encode(read)


def conditions_of(codec: ConditionCodec | None, condition: Any, n: int | None) -> tuple[NDArray[Any] | None, int]:
    """What n pieces are to be, as a network reads it, and n: one condition is that of all.

    Raises:
        InputError: n is no number of pieces, or not that of the conditions; or as :func:`encoded_conditions`.
    """
    count = None if n is None else check_count("n", n)
    if codec is None or condition is None:
        given = None if condition is None else [condition]
        return encoded_conditions(codec, given, count or 1, "condition"), count or 1
    single = np.ndim(condition) == (0 if codec.kind == "class" else 1)
    given = [condition] * (count or 1) if single else list(condition)
    if count is not None and len(given) != count:
        raise InputError(f"n is {count} and there are {len(given)} conditions: give one for all, or as many")
    return encoded_conditions(codec, given, len(given), "condition"), len(given)


def _require_numbers(y: Any, called: str) -> None:
    """Vectors hold finite numbers; an error names the first that does not as it was given."""
    for n, vector in enumerate(y):
        try:
            finite = np.isfinite(np.asarray(vector, np.float64)).all()
        except (TypeError, ValueError):
            finite = False
        if not (finite or isinstance(vector, str)):  # texts are labels, of which read_conditions tells
            raise InputError(f"{called}: vector {n} is {vector!r:.60}, expected finite numbers")


def _described(codec: ConditionCodec) -> str:
    """What a condition is, for messages."""
    if codec.classes is None:
        return f"vectors of {codec.inputs} numbers"
    known = codec.classes.values
    return f"the classes {', '.join(map(repr, known[:12]))}{' …' if len(known) > 12 else ''}"
