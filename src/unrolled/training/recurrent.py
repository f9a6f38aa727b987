"""From a cell's name to its trainable layer."""

from __future__ import annotations

import torch

from unrolled import nn
from unrolled.errors import InputError

__all__ = ["recurrent_layers"]


def recurrent_layers(cell: str, input_size: int, hidden_size: int, num_layers: int, dropout: float) -> torch.nn.Module:
    """Stacked layers of a cell of the registry, time-major, called as ``y, state = layers(x [T,B,I], lengths=[B])``."""
    dropout = dropout if num_layers > 1 else 0.0  # torch warns of a dropout between layers where there is one
    if cell == "rnn_tanh":
        return nn.RNN(input_size, hidden_size, num_layers=num_layers, dropout=dropout)
    if cell == "lstm":
        return nn.LSTM(input_size, hidden_size, num_layers=num_layers, dropout=dropout)
    if cell in ("gru", "gru_reset_before"):
        return nn.GRU(input_size, hidden_size, num_layers=num_layers, dropout=dropout, reset_after=cell == "gru")
    raise InputError(f"cell {cell!r} has no trainable layer")
