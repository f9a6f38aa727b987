"""From scores to probabilities; each row's have the same bits alone and beside others."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.aliases import Floats, Values
from unrolled.kernels.arrays import elementary, log_softmax

__all__ = ["log_mean", "log_softmax", "log_sum_exp", "sigmoid", "softmax"]


def softmax(scores: NDArray[np.floating[Any]]) -> Values:
    """Of one class among several, ``[N, K]``.

    >>> softmax(np.log([[1.0, 3.0]])).round(6).tolist()
    [[0.25, 0.75]]
    """
    shifted: Values = scores.astype(np.float64) - scores.max(1, keepdims=True)
    e = elementary("exp", shifted)
    return (e / np.add.accumulate(e, axis=1)[:, -1:]).astype(np.float64)


def log_sum_exp(scores: NDArray[np.floating[Any]]) -> Values:
    """The logarithm of the sum of what ``scores`` are the logarithms of, over the last axis of ``[..., K]``, all finite.

    >>> np.exp(log_sum_exp(np.log([1.0, 3.0]))).round(6).tolist()
    4.0
    """
    largest = scores.max(-1).astype(np.float64)
    return largest + _log_total(scores.astype(np.float64) - largest[..., None])


def log_mean(log_p: Sequence[Values]) -> Values:
    """The logarithm of the mean of M probabilities, from their logarithms, M arrays of one shape; ``-inf`` is that of 0.

    >>> np.exp(log_mean([np.log([0.5, 0.1]), np.log([0.25, 0.3])])).round(6).tolist()
    [0.375, 0.2]
    """
    return np.logaddexp.reduce(np.stack(log_p), 0) - np.log(len(log_p))


def _log_total(scores: Values) -> Values:
    """The logarithm of the sum over the last axis of scores up to 0, one of which is 0."""
    total = _sums_by_halves(elementary("exp", scores))
    # NumPy's logarithm may differ between the midst of an array and its ends
    return np.array([math.log(each) for each in total.ravel()]).reshape(total.shape)


def _sums_by_halves(terms: Floats) -> Floats:
    """Sums over the last axis, which they overwrite: always the same pairs, and vectors of them at once."""
    while (n := terms.shape[-1]) > 1:
        left = (n + 1) // 2
        terms[..., : n - left] += terms[..., left:]
        terms = terms[..., :left]
    return terms[..., 0]


def sigmoid(scores: NDArray[np.floating[Any]]) -> Values:
    """Of every class by itself, ``[N, K]``."""
    return elementary("sigmoid", scores.astype(np.float64)).astype(np.float64)
