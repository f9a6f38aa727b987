"""``y`` of the estimators that predict once a sequence: labels, or numbers."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.data.containers import as_array, in_order, is_frame
from unrolled.data.real_numbers import as_floats, is_missing
from unrolled.errors import InputError

__all__ = ["join_targets", "read_labels", "read_numbers", "read_sample_weight", "require_comparable"]

_PLAIN: dict[type, str] = {bool: "truth", int: "integer", float: "number", str: "text"}


def read_labels(y: Any, count: int | None = None) -> NDArray[Any]:
    """``y`` as labels ``[N]``, texts or numbers, or as zeros and ones ``[N, K]``.

    Raises:
        InputError: a label is missing, or labels of several types are mixed; the first is named.

    >>> read_labels(np.array([np.str_("a"), "b"], object), 2)
    array(['a', 'b'], dtype='<U1')
    """
    array = _checked(y, count)
    if array.dtype.kind != "O":
        return array
    if array.ndim == 2:
        return as_floats(array, "y")
    labels = [value.item() if isinstance(value, np.generic) else value for value in array.tolist()]
    missing = next((n for n, label in enumerate(labels) if is_missing(label)), None)
    if missing is not None:
        raise InputError(
            f"y holds NaN or infinity: {labels[missing]!r} for sequence {missing}; every sequence needs a label"
        )
    kinds = {str if isinstance(label, str) else type(label) for label in labels}
    if kinds - _PLAIN.keys() or (len(kinds) > 1 and kinds != {int, float}):
        found = ", ".join(sorted(kind.__name__ for kind in kinds))
        raise InputError(f"Unknown label type: y holds labels of the types {found}, expected one: text or numbers")
    return np.array(labels)


def read_numbers(y: Any, count: int | None = None) -> NDArray[np.float64]:
    """``y`` as numbers ``[N]`` or ``[N, O]``.

    Raises:
        InputError: something is no number, or none that is finite; text is none, even of digits.

    >>> from decimal import Decimal
    >>> read_numbers([Decimal("0.5"), 2], 2).tolist()
    [0.5, 2.0]
    """
    array = _checked(y, count)
    try:
        values = as_floats(array, "y")
    except InputError as error:
        raise InputError(f"Unknown label type: {error}; SequenceClassifier predicts classes") from None
    bad = np.argwhere(~np.isfinite(values))
    if len(bad):
        n = bad[0].tolist()[0]
        raise InputError(f"y holds NaN or infinity: {array[n]!r:.40} for sequence {n}; every sequence needs its number")
    return values


def read_sample_weight(sample_weight: Any, count: int) -> NDArray[np.float32]:
    """How much each of ``count`` sequences counts in training.

    Raises:
        InputError: as many numbers from 0 are expected, not all of them 0.
    """
    weights = as_floats(_as_given(in_order(sample_weight, "weights")), "sample_weight")
    if weights.shape != (count,):
        raise InputError(
            f"sample_weight has shape {list(weights.shape)}, expected [{count}]: a weight for each sequence"
        )
    bad = np.flatnonzero(~np.isfinite(weights) | (weights < 0))
    if len(bad):
        raise InputError(f"sample_weight of sequence {bad[0]} is {weights[bad[0]]}, expected a finite number from 0")
    if not weights.any():
        raise InputError("sample_weight is zero for every sequence: nothing would count")
    return (weights / weights.max()).astype(np.float32)


def _checked(y: Any, count: int | None) -> NDArray[Any]:
    """``y`` as an array ``[N]`` or ``[N, O]`` with as many targets as there are sequences."""
    array = as_array(y, "y") if is_frame(y) else _as_given(in_order(y, "targets"))
    if array.ndim == 2 and array.shape[1] == 1:
        warnings.warn("y is a column [N, 1]; it was read as [N]", UserWarning, stacklevel=5)
        array = array[:, 0]
    if array.ndim not in (1, 2):
        raise InputError(f"y has shape {list(array.shape)}, expected [N] or [N, O]: a target for each sequence")
    if count is not None and len(array) != count:
        raise InputError(f"there are {count} sequences and {len(array)} targets (inconsistent numbers of samples)")
    return array


def _as_given(y: list[Any] | NDArray[Any]) -> NDArray[Any]:
    """An array of targets that leaves each what it is: NumPy makes texts of a number and a text."""
    if isinstance(y, np.ndarray) or any(hasattr(target, "__len__") and not isinstance(target, str) for target in y):
        return as_array(y, "y")
    array = np.empty(len(y), object)
    array[:] = y
    return array


def join_targets(y: Any, others: Any) -> Any:
    """Targets of the same kind in a row, those of the validation last.

    Raises:
        InputError: they are not of the same kind: texts and numbers, or one target and several.
    """
    if isinstance(y, list):
        return [*y, *others]
    if y.shape[1:] != others.shape[1:]:
        raise InputError(f"y of validation has shape {list(others.shape)}, that of the others {list(y.shape)}")
    if (y.dtype.kind == "U") != (others.dtype.kind == "U"):
        raise InputError(
            f"validation holds {others.tolist()[0]!r}, of another type than {y.tolist()[0]!r}, which is learned from: convert it"
        )
    return np.concatenate([y, others])


def require_comparable(y: NDArray[Any], predicted: NDArray[Any]) -> NDArray[Any]:
    """``y``, which can be compared with predictions: of their shape, and both texts or both numbers.

    Raises:
        InputError: it is of another shape or kind.
    """
    if y.shape != predicted.shape:
        raise InputError(f"y has shape {list(y.shape)}, the predictions have {list(predicted.shape)}")
    if (y.dtype.kind == "U") != (predicted.dtype.kind == "U"):
        found, other = ("texts", "numbers") if y.dtype.kind == "U" else ("numbers", "texts")
        raise InputError(
            f"y holds {found}, such as {y.ravel().tolist()[0]!r}, but the model's classes are {other}: convert it"
        )
    return y
