"""The network of :mod:`unrolled.runtime.lead_forecast` as a torch module, and how it learns."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import dropout

from unrolled.runtime.lead_forecast import LeadForecastConfig
from unrolled.training.laplace import laplace_loss
from unrolled.training.options import TrainingOptions
from unrolled.training.recurrent import recurrent_layers
from unrolled.training.stretches import learn_from_stretches

__all__ = ["LeadForecastModule", "learn_lead_forecast"]


class LeadForecastModule(torch.nn.Module):
    """Recurrent layers, and a dense layer over their output and input; parameters are named as in the saved model."""

    def __init__(self, shape: LeadForecastConfig, *, dropout: float) -> None:
        super().__init__()
        self.dropout = dropout
        self.rnn = recurrent_layers(shape.stack, dropout)
        self.head = torch.nn.Linear(shape.stack.hidden_size + shape.stack.inputs, shape.outputs)

    def forward(self, x: Tensor) -> Tensor:
        """μ and the raw spread, ``[T, B, 2 K C]``, for ``x [T, B, I]``."""
        h, _ = self.rnn(x)
        return self.head(torch.cat([dropout(h, self.dropout, self.training), x], dim=-1))


def learn_lead_forecast(
    shape: LeadForecastConfig,
    x: NDArray[np.float32],
    z: NDArray[np.float32],
    window: int,
    options: TrainingOptions,
    phase: str,
) -> tuple[dict[str, NDArray[Any]], list[float]]:
    """Train on ``x [T, I]`` to forecast ``z [T, C]``; returns the parameters and the loss of each epoch.

    A stretch of training is two windows long: the first lets the state settle, the second counts.
    """
    horizon = shape.leads[-1]
    last = len(z) - horizon
    ahead = np.stack([z[lead : last + lead] for lead in shape.leads], axis=1).reshape(last, -1)  # [last, K C]

    def loss(module: LeadForecastModule, places: NDArray[np.int64]) -> Tensor:
        outputs = module(torch.from_numpy(x[places]))[window:]
        return laplace_loss(outputs, torch.from_numpy(ahead[places[window:]]))

    return learn_from_stretches(
        lambda: LeadForecastModule(shape, dropout=options.dropout), loss, last, 2 * window, options,
        phase,
    )  # fmt: skip
