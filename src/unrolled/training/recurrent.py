"""From the layers of a saved model to trainable ones."""

from __future__ import annotations

from typing import Any

import torch

from unrolled.nn import layers_for
from unrolled.runtime.stack import StackConfig

__all__ = ["last_states", "recurrent_layers"]


def recurrent_layers(shape: StackConfig, dropout: float) -> torch.nn.Module:
    """Stacked layers with random parameters, time-major, called as ``y, state = layers(x [T,B,I], lengths=[B])``."""
    return layers_for(
        shape.cell,
        shape.inputs,
        shape.hidden_size,
        num_layers=shape.num_layers,
        bidirectional=shape.bidirectional,
        dropout=dropout if shape.num_layers > 1 else 0.0,  # torch warns of a dropout between layers where there is one
    )


def last_states(state: Any, directions: int) -> torch.Tensor:
    """``h`` after the last step of the last layer, both directions' side by side: ``[B, D H]``."""
    h: torch.Tensor = state[0] if isinstance(state, tuple) else state
    return torch.cat(list(h[-directions:]), dim=1)
