"""The activation functions, in forms that neither overflow nor lose digits."""

from __future__ import annotations

import numpy as np

from unrolled.cells.arrays import FloatArray

__all__ = ["log_softmax", "relu", "sigmoid", "softmax", "softplus"]


def sigmoid(a: FloatArray) -> FloatArray:
    r"""Logistic function :math:`\sigma(a) = 1 / (1 + e^{-a})`.

    Written with exponentials of non-positive numbers only, so that nothing overflows and small values
    keep all their digits.

    >>> sigmoid(np.array([-1000.0, 0.0, 1000.0]))
    array([0. , 0.5, 1. ])
    """
    return np.exp(np.minimum(a, 0)) / (1 + np.exp(-np.abs(a)))


def relu(a: FloatArray) -> FloatArray:
    r"""Rectifier :math:`\max(a, 0)`.

    >>> relu(np.array([-2.0, 3.0]))
    array([0., 3.])
    """
    return np.maximum(a, 0)


def softplus(a: FloatArray) -> FloatArray:
    r""":math:`\log(1 + e^a)`, the integral of :func:`sigmoid`.

    >>> softplus(np.array([-1000.0, 1000.0]))
    array([   0., 1000.])
    """
    return np.maximum(a, 0) + np.log1p(np.exp(-np.abs(a)))


def log_softmax(q: FloatArray) -> FloatArray:
    r"""Logarithm of :func:`softmax` over the last axis: :math:`q_k - \log \sum_j e^{q_j}`.

    The largest ``q`` is subtracted first, which changes nothing but the size of the exponentials.

    >>> log_softmax(np.array([0.0, 1000.0]))
    array([-1000.,     0.])
    """
    q = q - np.max(q, axis=-1, keepdims=True)
    return q - np.log(np.sum(np.exp(q), axis=-1, keepdims=True))


def softmax(q: FloatArray) -> FloatArray:
    r"""Probabilities :math:`e^{q_k} / \sum_j e^{q_j}` over the last axis.

    >>> softmax(np.log(np.array([1.0, 2.0, 5.0])))
    array([0.125, 0.25 , 0.625])
    """
    e = np.exp(q - np.max(q, axis=-1, keepdims=True))
    return e / np.sum(e, axis=-1, keepdims=True)
