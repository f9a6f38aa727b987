"""Keras' recurrent layers: their gates, kernels, biases and activation functions beside this library's.

A Keras kernel is ``[I, G*H]``, the transpose of ``weight_ih``; gates stand in the order i, f, c, o (LSTM) and z, r, h (GRU).
One bias stands for both of torch's, but for a GRU that resets after the product: its bias is ``[2, 3*H]``. Keras' state
``z * h + (1 - z) * candidate`` is torch's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from unrolled.aliases import Floats
from unrolled.cells import Activation, Cell
from unrolled.cells.gates import split, stack
from unrolled.errors import InputError

__all__ = ["activation_from_keras", "activation_to_keras", "parameters_from_keras", "weights_for_keras"]

_GATES = {1: ("h",), 3: ("z", "r", "n"), 4: ("i", "f", "g", "o")}
_ACTIVATIONS = {
    "linear": Activation("identity"),
    "tanh": Activation("tanh"),
    "sigmoid": Activation("sigmoid"),
    "relu": Activation("relu"),
    "hard_sigmoid": Activation("hard_sigmoid", 1 / 6, 0.5),  # relu6(x + 3) / 6
    "hard_tanh": Activation("hard_tanh"),
    "leaky_relu": Activation("leaky_relu", 0.2),
    "elu": Activation("elu", 1.0),
    "softplus": Activation("softplus"),
    "softsign": Activation("softsign"),
}


def activation_from_keras(function: Any, what: str) -> Activation:
    """The activation function that a layer holds; ``what`` names it in messages.

    Raises:
        InputError: it is none of those that the kernels compute, or a function of the user's own.
    """
    import keras

    for name, activation in _ACTIVATIONS.items():
        if function is getattr(keras.activations, name):
            return activation
    shown = getattr(function, "__name__", repr(function))
    raise InputError(f"{what} is {shown}: the kernels have {', '.join(_ACTIVATIONS)} of keras.activations")


def activation_to_keras(activation: Activation) -> str:
    """Keras' name for an activation function.

    Raises:
        InputError: Keras has no such function, or with other constants.

    >>> activation_to_keras(Activation("identity"))
    'linear'
    >>> activation_to_keras(Activation("hard_sigmoid"))
    Traceback (most recent call last):
    unrolled.errors.InputError: Keras has no activation function hard_sigmoid with alpha=0.2, beta=0.5; its hard_sigmoid has
    alpha=0.16667, beta=0.5
    """
    for name, theirs in _ACTIVATIONS.items():
        if theirs.name == activation.name and np.allclose(theirs.constants, activation.constants, rtol=1e-6):
            return name
    hint = ""
    for name, theirs in _ACTIVATIONS.items():
        if theirs.name == activation.name:
            hint = f"; its {name} has {_shown(theirs)}"
    constants = _shown(activation)
    raise InputError(f"Keras has no activation function {activation.name}{constants and ' with ' + constants}{hint}")


def _shown(activation: Activation) -> str:
    alpha, beta = activation.constants
    return ", ".join(f"{name}={value:.5g}" for name, value in (("alpha", alpha), ("beta", beta)) if value)


def parameters_from_keras(
    cell: Cell, kernel: Floats, recurrent_kernel: Floats, bias: Floats | None
) -> dict[str, Floats]:
    """A cell's parameters from the weights of a Keras layer.

    Args:
        kernel, recurrent_kernel, bias: ``[I, G*H]``, ``[H, G*H]``, ``[G*H]`` or ``[2, G*H]``, as the layer's cell
            holds them.
    """
    order = _GATES[len(cell.gates)]

    def arranged(stacked: Floats) -> Floats:
        return stack(split(stacked, order, axis=0), cell.gates, axis=0)

    nothing = np.zeros(kernel.shape[1], kernel.dtype)
    both = (nothing, nothing) if bias is None else (bias, nothing) if bias.ndim == 1 else bias
    return {
        "weight_ih": arranged(kernel.T),
        "weight_hh": arranged(recurrent_kernel.T),
        "bias_ih": arranged(both[0]),
        "bias_hh": arranged(both[1]),
    }


def weights_for_keras(cell: Cell, parameters: Mapping[str, Floats], *, bias: bool) -> list[Floats]:
    """Kernel, recurrent kernel and, unless there is none, bias; the inverse of :func:`parameters_from_keras`.

    >>> from unrolled.cells import get_cell
    >>> cell = get_cell("gru")
    >>> shapes = cell.parameter_shapes(input_size=2, hidden_size=1)
    >>> parameters = {name: np.arange(3.0 * (shape[-1] if len(shape) == 2 else 1)).reshape(shape)
    ...               for name, shape in shapes.items()}
    >>> parameters["bias_ih"], weights_for_keras(cell, parameters, bias=True)[2][0]    # r, z, n; then z, r, h
    (array([0., 1., 2.]), array([1., 0., 2.]))
    """
    order = _GATES[len(cell.gates)]
    arranged = {name: stack(split(array, cell.gates, axis=0), order, axis=0) for name, array in parameters.items()}
    weights = [arranged["weight_ih"].T, arranged["weight_hh"].T]
    both = arranged["bias_ih"], arranged["bias_hh"]
    return weights + ([np.stack(both) if cell.name == "gru" else both[0] + both[1]] if bias else [])
