"""From scores to probabilities; each row's have the same bits alone and beside others."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.aliases import Values
from unrolled.kernels.arrays import elementary

__all__ = ["log_softmax", "sigmoid", "softmax"]


def softmax(scores: NDArray[np.floating[Any]]) -> Values:
    """Of one class among several, ``[N, K]``.

    >>> softmax(np.log([[1.0, 3.0]])).round(6).tolist()
    [[0.25, 0.75]]
    """
    shifted: Values = scores.astype(np.float64) - scores.max(1, keepdims=True)
    e = elementary("exp", shifted)
    return (e / np.add.accumulate(e, axis=1)[:, -1:]).astype(np.float64)


def log_softmax(scores: NDArray[np.floating[Any]]) -> Values:
    """The logarithm of :func:`softmax`, over the last axis of ``[..., K]``.

    >>> np.exp(log_softmax(np.log([1.0, 3.0]))).round(6).tolist()
    [0.25, 0.75]
    """
    shifted: Values = scores.astype(np.float64) - scores.max(-1, keepdims=True)
    total = np.add.accumulate(elementary("exp", shifted), axis=-1)[..., -1]
    # NumPy's logarithm may differ between the midst of an array and its ends
    logarithms = np.array([math.log(each) for each in total.ravel()])
    return shifted - logarithms.reshape(total.shape)[..., None]


def sigmoid(scores: NDArray[np.floating[Any]]) -> Values:
    """Of every class by itself, ``[N, K]``."""
    return elementary("sigmoid", scores.astype(np.float64)).astype(np.float64)
