r"""Stochastic gradient descent, the plain step.

.. math::
   W \leftarrow W - \eta\, \frac{\partial L}{\partial W}

Source: Robbins, Monro 1951, "A stochastic approximation method", Annals of Mathematical Statistics 22(3).
"""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite

from unrolled.cells.arrays import Arrays, FloatArray, check_dtypes, check_shapes
from unrolled.errors import InputError

__all__ = ["sgd_step"]


def sgd_step(params: Mapping[str, FloatArray], grads: Mapping[str, FloatArray], learning_rate: float) -> Arrays:
    """The parameters one step further down the gradient.

    Args:
        params: parameter name → array.
        grads: gradients by the same names; a backward pass returns those of inputs and states too, which are not
            parameters and stay unused.
        learning_rate: ``η``, above 0.

    Returns:
        New arrays, of the same names, shapes and dtypes; ``params`` is unchanged.

    Raises:
        InputError: for a missing gradient, a wrong shape or dtype, or a learning rate that is not positive.

    >>> import numpy as np
    >>> sgd_step({"bias": np.array([1.0])}, {"bias": np.array([4.0]), "x": np.zeros(3)}, learning_rate=0.1)
    {'bias': array([0.6])}
    """
    if not (isfinite(learning_rate) and learning_rate > 0):
        raise InputError(f"learning_rate must be a positive number, got {learning_rate}")
    missing = [name for name in params if name not in grads]
    if missing:
        raise InputError(f"no gradient for {', '.join(missing)}; gradients given: {', '.join(grads)}")
    for name, value in params.items():
        check_dtypes({name: value, f"gradient of {name}": grads[name]})
        check_shapes({name: grads[name]}, {name: value.shape}, "a gradient has its parameter's shape")
    return {name: value - float(learning_rate) * grads[name] for name, value in params.items()}
