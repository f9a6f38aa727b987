"""The network of :mod:`unrolled.runtime.autoencoder` as a torch module, and how it learns."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import dropout

from unrolled.runtime.autoencoder import AutoencoderConfig
from unrolled.training.laplace import laplace_loss
from unrolled.training.options import TrainingOptions
from unrolled.training.recurrent import last_states, recurrent_layers
from unrolled.training.stretches import learn_from_stretches

__all__ = ["AutoencoderModule", "learn_autoencoder"]


class AutoencoderModule(torch.nn.Module):
    """Encoder, code, decoder, head; parameters are named as in the saved model."""

    def __init__(self, shape: AutoencoderConfig, *, dropout: float) -> None:
        super().__init__()
        self.shape, self.dropout = shape, dropout
        self.encoder = recurrent_layers(shape.encoder, dropout)
        self.decoder = recurrent_layers(shape.decoder, dropout)
        self.code = torch.nn.Linear(shape.encoder.outputs, shape.code)
        self.head = torch.nn.Linear(shape.decoder.outputs, 2 * shape.channels)

    def forward(self, x: Tensor) -> Tensor:
        """μ and the raw spread, ``[W, B, 2 C]``, of windows ``x [W, B, C + F]``."""
        _, state = self.encoder(x)
        last = last_states(state, self.shape.encoder.directions)
        code = self.code(dropout(last, self.dropout, self.training))
        repeated = code.expand(len(x), *code.shape)
        d, _ = self.decoder(torch.cat([repeated, x[:, :, self.shape.channels :]], dim=2))
        return self.head(dropout(d, self.dropout, self.training))


def learn_autoencoder(
    shape: AutoencoderConfig, x: NDArray[np.float32], z: NDArray[np.float32], options: TrainingOptions, phase: str
) -> tuple[dict[str, NDArray[Any]], list[float]]:
    """Train to rebuild ``z [T, C]`` from windows of ``x [T, C + F]``; returns the parameters and the loss of each epoch."""

    def loss(module: AutoencoderModule, places: NDArray[np.int64]) -> Tensor:
        return laplace_loss(module(torch.from_numpy(x[places])), torch.from_numpy(z[places]))

    return learn_from_stretches(
        lambda: AutoencoderModule(shape, dropout=options.dropout), loss, len(z), shape.window,
        options, phase,
    )  # fmt: skip
