"""How :class:`unrolled.networks.lead_forecast.LeadForecast` learns."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unrolled.networks.lead_forecast import LeadForecast, LeadForecastConfig
from unrolled.training.engine import NetworkModule, NetworkOptions
from unrolled.training.laplace import laplace_loss
from unrolled.training.problem import Problem
from unrolled.training.subsequences import subsequences_problem

__all__ = ["lead_forecast_problem"]


def lead_forecast_problem(
    config: LeadForecastConfig,
    x: NDArray[np.float32],
    z: NDArray[np.float32],
    window: int,
    options: NetworkOptions,
    batch_size: int,
    *,
    phase: str = "training",
) -> Problem[NetworkModule, NDArray[np.int64]]:
    """To forecast ``z [T, C]`` from ``x [T, I]``.

    Subsequences are two windows long: the first lets the state settle, the second counts.
    """
    last = len(z) - config.leads[-1]
    ahead = np.stack([z[lead : last + lead] for lead in config.leads], axis=1).reshape(last, -1)  # [last, K C]

    def loss(module: NetworkModule, places: NDArray[np.int64]) -> Tensor:
        outputs = module(torch.from_numpy(x[places]))[window:]
        return laplace_loss(outputs, torch.from_numpy(ahead[places[window:]]))

    return subsequences_problem(
        lambda: NetworkModule(LeadForecast, config, options), loss, last, 2 * window, batch_size, phase=phase
    )
