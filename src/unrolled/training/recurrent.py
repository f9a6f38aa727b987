"""From the layers of a saved model to trainable ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from unrolled import nn
from unrolled.errors import InputError
from unrolled.runtime.stack import StackShape

__all__ = ["last_states", "recurrent_layers"]

# cell → the class and arguments of its module; those whose parameters are the cell's own, layer for layer
_MODULES: dict[str, tuple[Callable[..., torch.nn.Module], dict[str, Any]]] = {
    "rnn_tanh": (nn.RNN, {}),
    "indrnn": (nn.IndRNN, {}),
    "lstm": (nn.LSTM, {}),
    "lstm_peephole": (nn.LSTM, {"peepholes": True}),
    "lstm_layer_norm": (nn.LSTM, {"layer_norm": True}),
    "janet": (nn.JANET, {}),
    "gru": (nn.GRU, {}),
    "gru_reset_before": (nn.GRU, {"reset_after": False}),
    "gru_layer_norm": (nn.GRU, {"layer_norm": True}),
    "mgu": (nn.MGU, {}),
    "min_gru": (nn.MinGRU, {}),
    "min_lstm": (nn.MinLSTM, {}),
}


def recurrent_layers(shape: StackShape, dropout: float) -> torch.nn.Module:
    """Stacked layers with random parameters, time-major, called as ``y, state = layers(x [T,B,I], lengths=[B])``."""
    if shape.cell not in _MODULES:
        raise InputError(f"cell {shape.cell!r} has no trainable layer")
    make, options = _MODULES[shape.cell]
    return make(
        shape.inputs,
        shape.hidden_size,
        num_layers=shape.num_layers,
        bidirectional=shape.bidirectional,
        dropout=dropout if shape.num_layers > 1 else 0.0,  # torch warns of a dropout between layers where there is one
        **options,
    )


def last_states(state: Any, directions: int) -> torch.Tensor:
    """``h`` after the last step of the last layer, both directions' side by side: ``[B, D H]``."""
    h: torch.Tensor = state[0] if isinstance(state, tuple) else state
    return torch.cat(list(h[-directions:]), dim=1)
