r"""Losses, each with the output activation it is paired with.

Each takes the pre-activations ``q = V h + b_y`` and the targets ``y``, both ``[..., O]``, and returns the error of
each step, ``E [...]``, and its gradient ``δq [..., O]``. The loss of a sequence is the sum over its steps,
:math:`L = \sum_t E[t]`. In each pair the derivative of the activation cancels that of the loss, and the gradient is
simply

.. math::
   \delta q[t] = \hat y[t] - y[t]

Source: Bishop 2006, "Pattern Recognition and Machine Learning", section 5.2 (canonical link functions).

>>> import numpy as np
>>> E, grad_q = categorical_cross_entropy(np.zeros((1, 2)), np.array([[0.0, 1.0]]))
>>> E, grad_q
(array([0.69314718]), array([[ 0.5, -0.5]]))
"""

from __future__ import annotations

import numpy as np

from unrolled.cells.activation import log_softmax, sigmoid, softmax, softplus
from unrolled.cells.arrays import FloatArray, check_dtypes, check_shapes
from unrolled.errors import InputError

__all__ = ["binary_cross_entropy", "categorical_cross_entropy", "half_squared_error"]


def half_squared_error(q: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
    r""":math:`E = \tfrac12 \sum_k (\hat y_k - y_k)^2` with the linear output :math:`\hat y = q`.

    Args:
        q: predictions, ``[..., O]``.
        y: targets, ``[..., O]``.

    Returns:
        ``E [...]`` and ``δq = ŷ - y [..., O]``.

    Raises:
        InputError: if shapes or dtypes differ.

    >>> half_squared_error(np.array([[3.0]]), np.array([[1.0]]))
    (array([2.]), array([[2.]]))
    """
    check_targets(q, y)
    E = np.sum((q - y) ** 2, axis=-1) / 2
    return E, q - y


def binary_cross_entropy(q: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
    r""":math:`E = -\sum_k y_k \log \hat y_k + (1-y_k) \log(1-\hat y_k)` with :math:`\hat y = \sigma(q)`.

    Computed from ``q``, since :math:`-\log \sigma(q) = \log(1 + e^{-q})` cannot take the logarithm of zero.

    Args:
        q: pre-activations (logits), ``[..., O]``.
        y: targets from 0 to 1, ``[..., O]``.

    Returns:
        ``E [...]`` and ``δq = ŷ - y [..., O]``.

    Raises:
        InputError: if shapes or dtypes differ, or a target is outside 0 to 1.

    >>> binary_cross_entropy(np.array([[1000.0]]), np.array([[0.0]]))
    (array([1000.]), array([[1.]]))
    """
    check_targets(q, y)
    if not np.all((y >= 0) & (y <= 1)):
        raise InputError(f"targets must lie between 0 and 1, got values from {np.min(y)} to {np.max(y)}")
    E = np.sum(y * softplus(-q) + (1 - y) * softplus(q), axis=-1)
    return E, sigmoid(q) - y


def categorical_cross_entropy(q: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
    r""":math:`E = -\sum_k y_k \log \hat y_k` with :math:`\hat y = \mathrm{softmax}(q)`.

    Args:
        q: pre-activations (logits), ``[..., O]``.
        y: target probabilities, ``[..., O]``: not negative, sum 1 over the last axis; one-hot for a known class.

    Returns:
        ``E [...]`` and ``δq = ŷ - y [..., O]``.

    Raises:
        InputError: if shapes or dtypes differ, or a row of targets is not a probability distribution.

    >>> categorical_cross_entropy(np.array([[0.0, 1000.0]]), np.array([[1.0, 0.0]]))
    (array([1000.]), array([[-1.,  1.]]))
    """
    check_targets(q, y)
    total = np.sum(y, axis=-1)
    if not np.all(np.abs(total - 1) <= np.sqrt(np.finfo(y.dtype).eps)) or np.any(y < 0):
        raise InputError(
            f"each row of targets must be a probability distribution (none negative, sum 1), "
            f"got values from {np.min(y)} to {np.max(y)} and sums from {np.min(total)} to {np.max(total)}"
        )
    E = -np.sum(y * log_softmax(q), axis=-1)
    return E, softmax(q) - y


def check_targets(q: FloatArray, y: FloatArray) -> None:
    """``y`` has the shape and dtype of ``q``."""
    check_dtypes({"q": q, "y": y})
    check_shapes({"y": y}, {"y": q.shape}, "the shape of q")
