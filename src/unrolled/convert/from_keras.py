"""Recurrent layers of Keras 3 as modules of :mod:`unrolled.nn`."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, NamedTuple

from unrolled.aliases import Floats
from unrolled.cells import Cell, get_cell
from unrolled.convert.keras_form import activation_from_keras, parameters_from_keras
from unrolled.convert.modules import make_module
from unrolled.errors import InputError

if TYPE_CHECKING:
    from torch import nn

__all__ = ["from_keras"]


def from_keras(layer: Any) -> nn.Module:
    """A Keras layer as a module with the same parameters.

    The module takes ``[B, T, I]`` and returns the outputs of all steps and the last states, regardless of
    ``return_sequences`` and ``return_state``. Where the two libraries differ:

    - At masked steps Keras keeps the state and repeats the previous output; the module has ``lengths``, beyond which it
      keeps the state and outputs zeros (:func:`lengths_from_mask`). Keras' ``Bidirectional`` outputs zeros too.
    - ``dropout`` becomes ``input_dropout``, ``recurrent_dropout`` becomes ``state_dropout``: one mask per sequence.
      With ``recurrent_dropout`` Keras draws a separate mask for each gate, and ``Bidirectional`` for each direction.
    - Regularizers, constraints and initializers belong to Keras' training and are not converted.

    Args:
        layer: a ``keras.layers.SimpleRNN``, ``LSTM``, ``GRU``, ``Bidirectional`` of one of these, or a
            ``keras.Sequential`` of such layers, built. In a stack all layers must have the same options; there may be
            Dropout layers between them.

    Returns:
        An RNN, LSTM or GRU of :mod:`unrolled.nn` with ``batch_first``; for a stack it has as many layers.

    Raises:
        InputError: another kind of layer, or something that no module has: ``go_backwards``, ``stateful``, a merge mode
            other than concat and sum, a custom activation function, half precision.

    >>> import os; os.environ["KERAS_BACKEND"] = "torch"
    >>> import keras, torch
    >>> layer = keras.layers.GRU(4, return_sequences=True, reset_after=False)
    >>> x = torch.randn(2, 5, 3)
    >>> expected = layer(x)
    >>> module = from_keras(layer)
    >>> module
    GRU(3, 4, batch_first=True, reset_after=False)
    >>> torch.allclose(module(x)[0], expected, atol=1e-6)
    True
    """
    layers, dropout = _stack(layer)
    forms = [_form(each) for each in layers]
    first = forms[0]
    for each, form in zip(layers, forms, strict=True):
        differing = [name for name in _SHARED if getattr(form, name) != getattr(first, name)]
        if differing:
            raise InputError(
                f"{_named(each)} and {_named(layers[0])} differ in {', '.join(differing)}: convert them apart"
            )
    options = {"input_dropout": first.dropout, "state_dropout": first.recurrent_dropout, "dropout": dropout}
    given: dict[str, Any] = {name: value for name, value in options.items() if value}
    if first.merge == "sum":
        given["merge"] = "sum"
    module = make_module(
        first.cell,
        [parameters for form in forms for parameters in form.parameters],
        bias=first.bias,
        bidirectional=first.merge is not None,
        options={**given, "batch_first": True},
    )
    return module.requires_grad_(first.trainable)


class _Form(NamedTuple):
    """What a Keras layer computes."""

    cell: Cell
    parameters: list[dict[str, Floats]]
    """Of each direction."""
    bias: bool
    units: int
    dtype: str
    dropout: float
    recurrent_dropout: float
    trainable: bool
    merge: str | None = None
    """Of two directions."""


_SHARED = ("cell", "bias", "units", "dtype", "dropout", "recurrent_dropout", "trainable", "merge")
"""What layers of a stack, and both directions, have in common."""


def _named(layer: Any) -> str:
    name = getattr(layer, "name", "")
    return f"{type(layer).__name__} {name!r}" if name else type(layer).__name__


def _refused(layer: Any) -> InputError:
    return InputError(
        f"from_keras takes SimpleRNN, LSTM, GRU, Bidirectional and Sequential of keras, got {_named(layer)}; of a model with"
        " other layers, give the recurrent ones (model.layers) one at a time"
    )


def _stack(layer: Any) -> tuple[list[Any], float]:
    """The recurrent layers, and the rate of dropout between them."""
    import keras

    if type(layer) is not keras.Sequential:
        return [layer], 0.0
    layers: list[Any] = []
    rates: list[float] = []
    for each in layer.layers:
        if type(each) is keras.layers.Dropout and len(layers) == len(rates) + 1 and each.noise_shape is None:
            rates.append(float(each.rate))
            continue
        if type(each) not in (keras.layers.SimpleRNN, keras.layers.LSTM, keras.layers.GRU, keras.layers.Bidirectional):
            raise _refused(each)
        if layers and not layers[-1].return_sequences:
            raise InputError(f"{_named(layers[-1])} has return_sequences=False, but {_named(each)} comes after it")
        if len(rates) not in (0, len(layers)):
            raise InputError(f"{_named(each)} follows without a Dropout layer, others with one: convert them apart")
        layers.append(each)
    if not layers:
        raise InputError(f"{_named(layer)} has no recurrent layers")
    if len(rates) not in (0, len(layers) - 1) or len(set(rates)) > 1:
        raise InputError(
            f"{_named(layer)}: Dropout layers of one rate may lie between its recurrent layers, got {rates}"
        )
    return layers, rates[0] if rates else 0.0


def _form(layer: Any) -> _Form:
    import keras

    if type(layer) is keras.layers.Bidirectional:
        return _both_directions(layer)
    if getattr(layer, "go_backwards", False):
        raise InputError(
            f"{_named(layer)}: go_backwards: no module runs backwards only; convert the layer without it, and flip the"
            " input, or run a Bidirectional layer"
        )
    return _one_direction(layer)


def _both_directions(layer: Any) -> _Form:
    if layer.merge_mode not in ("concat", "sum"):
        raise InputError(f"{_named(layer)}: merge_mode={layer.merge_mode!r}: modules have 'concat' and 'sum'")
    if layer.forward_layer.go_backwards:
        raise InputError(f"{_named(layer)}: its forward layer has go_backwards: give it as backward_layer")
    forward, backward = _one_direction(layer.forward_layer), _one_direction(layer.backward_layer)
    differing = [name for name in _SHARED if getattr(forward, name) != getattr(backward, name)]
    if differing:
        raise InputError(f"{_named(layer)}: its two directions differ in {', '.join(differing)}")
    return forward._replace(parameters=[*forward.parameters, *backward.parameters], merge=layer.merge_mode)


def _one_direction(layer: Any) -> _Form:
    import keras

    name = _named(layer)
    if type(layer) not in (keras.layers.SimpleRNN, keras.layers.LSTM, keras.layers.GRU):
        raise _refused(layer)
    if layer.stateful:
        raise InputError(
            f"{name}: stateful: modules keep no state between calls; set layer.stateful = False, and give a call's last"
            " states to the next one as hx"
        )
    if not layer.cell.built:
        raise InputError(f"{name} has no parameters yet: build it, or call it once")
    if layer.variable_dtype != layer.compute_dtype or layer.variable_dtype not in ("float32", "float64"):
        raise InputError(f"{name}: dtype {layer.dtype_policy.name}: the kernels compute in float32 and float64")
    activation = activation_from_keras(layer.activation, f"{name}: activation")
    if type(layer) is keras.layers.SimpleRNN:
        cell = get_cell("rnn_tanh").with_activations(activation)
    else:
        gates = activation_from_keras(layer.recurrent_activation, f"{name}: recurrent_activation")
        if type(layer) is keras.layers.LSTM:
            cell = get_cell("lstm").with_activations(gates, activation, activation)
        else:
            cell = get_cell("gru" if layer.reset_after else "gru_reset_before").with_activations(gates, activation)
    own = layer.cell
    weights = [own.kernel, own.recurrent_kernel, *([own.bias] if layer.use_bias else [])]
    kernel, recurrent_kernel, *bias = (_array(weight) for weight in weights)
    return _Form(
        cell,
        [parameters_from_keras(cell, kernel, recurrent_kernel, bias[0] if bias else None)],
        bool(layer.use_bias),
        layer.units,
        layer.variable_dtype,
        float(layer.dropout),
        float(layer.recurrent_dropout),
        bool(layer.trainable),
    )


def _array(variable: Any) -> Floats:
    import keras

    with warnings.catch_warnings():  # of NumPy, about how Keras on torch asks for it
        warnings.simplefilter("ignore", DeprecationWarning)
        array: Any = keras.ops.convert_to_numpy(variable)
    return array
