"""``y`` of the estimators that answer once a sequence."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.errors import InputError

__all__ = ["read_answers", "require_shape"]


def read_answers(y: Any, count: int) -> NDArray[Any]:
    """``y`` as an array ``[N]`` or ``[N, O]`` with as many answers as there are sequences.

    >>> read_answers(["a", "b"], 2).tolist()
    ['a', 'b']
    """
    y = np.asarray(y)
    if y.ndim == 2 and y.shape[1] == 1:
        warnings.warn("y is a column [N, 1]; it was read as [N]", UserWarning, stacklevel=4)
        y = y[:, 0]
    if y.ndim not in (1, 2):
        raise InputError(f"y has shape {list(y.shape)}, expected [N] or [N, O]: an answer for each sequence")
    if len(y) != count:
        raise InputError(f"there are {count} sequences and {len(y)} answers (inconsistent numbers of samples)")
    return y


def require_shape(y: Any, predicted: NDArray[Any]) -> NDArray[Any]:
    """``y`` as an array of the shape that predictions have."""
    y = np.asarray(y)
    if y.ndim == 2 and predicted.ndim == y.shape[1] == 1:
        y = y[:, 0]
    if y.shape != predicted.shape:
        raise InputError(f"y has shape {list(y.shape)}, the predictions have {list(predicted.shape)}")
    return y
