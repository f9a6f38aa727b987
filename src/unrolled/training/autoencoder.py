"""How :class:`unrolled.networks.autoencoder.Autoencoder` learns."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unrolled.networks.autoencoder import Autoencoder, AutoencoderConfig
from unrolled.training.engine import NetworkModule, NetworkOptions
from unrolled.training.laplace import laplace_loss
from unrolled.training.problem import Problem
from unrolled.training.subsequences import subsequences_problem

__all__ = ["autoencoder_problem"]


def autoencoder_problem(
    config: AutoencoderConfig,
    x: NDArray[np.float32],
    z: NDArray[np.float32],
    options: NetworkOptions,
    batch_size: int,
    *,
    phase: str = "training",
) -> Problem[NetworkModule, NDArray[np.int64]]:
    """To reconstruct ``z [T, C]`` from windows of ``x [T, C + F]``."""

    def loss(module: NetworkModule, places: NDArray[np.int64]) -> Tensor:
        return laplace_loss(module(torch.from_numpy(x[places])), torch.from_numpy(z[places]))

    return subsequences_problem(
        lambda: NetworkModule(Autoencoder, config, options), loss, len(z), config.window, batch_size, phase=phase
    )
