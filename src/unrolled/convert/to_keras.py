"""Modules of :mod:`unrolled.nn` as layers of Keras 3."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from unrolled.cells import get_cell
from unrolled.convert.keras_form import activation_to_keras, weights_for_keras
from unrolled.convert.modules import parameters_of, refuse_options, suffixes_of
from unrolled.errors import InputError, UnrolledError

if TYPE_CHECKING:
    from torch import nn

    from unrolled.nn.stacked import StackedLayers

__all__ = ["to_keras"]

_LAYERS = {"rnn_tanh": "SimpleRNN", "rnn_relu": "SimpleRNN", "rnn_identity": "SimpleRNN", "irnn": "SimpleRNN"}
_LAYERS.update({"lstm": "LSTM", "gru": "GRU", "gru_reset_before": "GRU"})
_KNOWN = ("merge", "input_dropout", "state_dropout", "activations", "start", "forget_bias", "chrono", "checkpoint")
"""Options Keras has, and those that change no result of a layer once it is made."""


def to_keras(module: nn.Module, *, return_sequences: bool = True, return_state: bool = False) -> Any:
    """A module as a Keras layer with the same parameters, built.

    The layer takes ``[B, T, I]``, regardless of ``batch_first``. The two biases of torch are added, except for a GRU
    with the reset after the product. :func:`from_keras` says where the two libraries differ.

    Args:
        module: an RNN, IRNN, LSTM or GRU of :mod:`unrolled.nn`.
        return_sequences, return_state: as for the Keras layer; with several layers, for the last one.

    Returns:
        A ``keras.layers.SimpleRNN``, ``LSTM``, ``GRU`` or ``Bidirectional``; for a module with several layers, a
        ``keras.Sequential`` of them, with ``Dropout`` in between if it has dropout.

    Raises:
        InputError: Keras does not have the module's equation, activation functions or options; the message says which.
        UnrolledError: Keras is not installed.

    >>> import os; os.environ["KERAS_BACKEND"] = "torch"
    >>> import torch, unrolled
    >>> module = unrolled.nn.LSTM(3, 4, bidirectional=True, batch_first=True)
    >>> layer = to_keras(module)
    >>> x = torch.randn(2, 5, 3)
    >>> torch.allclose(layer(x), module(x)[0], atol=1e-6)
    True
    """
    try:
        import keras
    except ImportError as error:
        raise UnrolledError(f"to_keras needs Keras 3 ({error}): pip install 'keras>=3'") from None
    from unrolled.nn.stacked import StackedLayers

    if not isinstance(module, StackedLayers):
        raise InputError(f"to_keras takes layers of unrolled.nn, got {type(module).__name__}")
    cell = get_cell(module.cell)
    if cell.name not in _LAYERS:
        raise InputError(f"to_keras: Keras has no {cell.title}")
    refuse_options(module, "to_keras: Keras", _KNOWN)
    if return_state and module.num_layers > 1:
        raise InputError(f"to_keras: return_state: a Sequential of {module.num_layers} layers returns outputs only")
    dtype = parameters_of(module, "_l0")["weight_ih"].dtype.name
    if dtype == "float16":
        raise InputError("to_keras: weight_ih_l0 is float16; only float32 and float64 parameters are converted")
    shared: dict[str, Any] = {
        "units": module.hidden_size,
        "use_bias": bool(module.bias),
        "dropout": module.settings.input_dropout,
        "recurrent_dropout": module.settings.state_dropout,
        "dtype": dtype,
        "return_state": return_state,
        "activation": activation_to_keras(cell.activations[-1]),
    }
    if len(cell.activations) > 1:
        shared["recurrent_activation"] = activation_to_keras(cell.activations[0])
    if len(cell.activations) == 3 and cell.activations[1] != cell.activations[2]:
        raise InputError(
            f"to_keras: Keras' LSTM has one activation function for candidate and memory, here {cell.activations[1].spec}"
            f" and {cell.activations[2].spec}"
        )
    if cell.name.startswith("gru"):
        shared["reset_after"] = cell.name == "gru"
    made: list[Any] = []
    for k in range(module.num_layers):
        last = k == module.num_layers - 1
        made.append(_layer(keras, module, k, {**shared, "return_sequences": return_sequences or not last}))
        if module.dropout and not last:
            made.append(keras.layers.Dropout(module.dropout))
    return made[0] if len(made) == 1 else keras.Sequential([keras.Input((None, module.input_size)), *made])


def _layer(keras: Any, module: StackedLayers, index: int, arguments: dict[str, Any]) -> Any:
    """One layer, both directions of it."""
    cell = get_cell(module.cell)
    make = getattr(keras.layers, _LAYERS[cell.name])
    layer: Any = make(**arguments)
    if module.bidirectional:
        layer = keras.layers.Bidirectional(layer, merge_mode=module.settings.merge)
        parts = [layer.forward_layer, layer.backward_layer]
    else:
        parts = [layer]
    D = len(parts)
    suffixes = suffixes_of(module)[index * D : (index + 1) * D]
    inputs = getattr(module, f"weight_ih{suffixes[0]}").shape[1]
    layer.build((None, None, inputs))
    for part, suffix in zip(parts, suffixes, strict=True):
        weights = weights_for_keras(cell, parameters_of(module, suffix), bias=bool(module.bias))
        held = [part.cell.kernel, part.cell.recurrent_kernel, *([part.cell.bias] if module.bias else [])]
        for variable, array in zip(held, weights, strict=True):
            variable.assign(array)
    layer.trainable = any(parameter.requires_grad for parameter in module.parameters())
    return layer
