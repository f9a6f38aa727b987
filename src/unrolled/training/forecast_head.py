"""The numbers of a forecasting head in torch: their loss, and the bias to begin with."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import softplus

from unrolled.codecs.student_t import student_t_quantile
from unrolled.networks.forecast_head import LEAST_SCALE, ForecastNetworkConfig
from unrolled.training.pinball import pinball

__all__ = ["head_loss", "initial_bias", "quantiles_of", "student_t_loss"]

FIRST_NU = 6.0  # degrees of freedom to begin with


def head_loss(config: ForecastNetworkConfig, targets: torch.Tensor, outputs: torch.Tensor) -> torch.Tensor:
    """Loss of every step ahead ``[..., H, Q]``, or ``[..., H, 1]`` of a Student t.

    ``targets [..., H]``, ``outputs [..., H K]`` of the head.
    """
    raw = outputs.unflatten(-1, (config.horizon, config.outputs))
    if config.distribution == "student_t":
        scale, nu = softplus(raw[..., 1]) + LEAST_SCALE, 2 + softplus(raw[..., 2])
        return student_t_loss(targets, raw[..., 0], scale, nu).unsqueeze(-1)
    return pinball(targets, quantiles_of(raw, config.median), torch.tensor(config.quantiles))


def quantiles_of(raw: torch.Tensor, middle: int) -> torch.Tensor:
    """``[..., Q]`` → ascending quantiles: the median at ``middle``, and distances between neighbours."""
    median = raw[..., middle : middle + 1]
    above = median + softplus(raw[..., middle + 1 :]).cumsum(-1)
    below = median - softplus(raw[..., :middle]).flip(-1).cumsum(-1).flip(-1)
    return torch.cat([below, median, above], dim=-1)


def student_t_loss(target: torch.Tensor, location: torch.Tensor, scale: torch.Tensor, nu: torch.Tensor) -> torch.Tensor:
    r"""Negative log likelihood, with ``x = (target - location) / scale``.

    .. math::
        -\log p = \tfrac{\nu+1}{2} \log\left(1 + \tfrac{x^2}{\nu}\right) + \log \sigma + \tfrac 12 \log(\pi \nu)
                  + \log\Gamma(\tfrac\nu 2) - \log\Gamma(\tfrac{\nu+1}{2})

    >>> zero, one = torch.tensor(0.0), torch.tensor(1.0)
    >>> round(student_t_loss(zero, zero, one, one).exp().item(), 5)  # a Cauchy's density at its centre is 1/π
    3.14159
    """
    x = (target - location) / scale
    normaliser = scale.log() + 0.5 * (math.pi * nu).log() + torch.lgamma(nu / 2) - torch.lgamma((nu + 1) / 2)
    return (nu + 1) / 2 * torch.log1p(x.square() / nu) + normaliser


def initial_bias(config: ForecastNetworkConfig, targets: NDArray[np.floating[Any]]) -> torch.Tensor:
    """The head's bias ``[H K]`` from the quantiles of ``targets [n, H]``, as they are before anything is learned."""
    levels = (0.25, 0.5, 0.75) if config.distribution == "student_t" else config.quantiles
    quantiles = torch.from_numpy(np.quantile(targets, levels, axis=0).T).float()  # [H, levels]
    middle = levels.index(0.5)
    median = quantiles[:, middle : middle + 1]
    if config.distribution == "student_t":
        unit = 2 * float(student_t_quantile(0.75, np.array(FIRST_NU)))
        scale = _before_softplus((quantiles[:, 2:] - quantiles[:, :1]) / unit)
        nu = _before_softplus(torch.full_like(scale, FIRST_NU - 2))
        return torch.cat([median, scale, nu], dim=1).flatten()
    distances = _before_softplus(torch.diff(quantiles, dim=1))
    return torch.cat([distances[:, :middle], median, distances[:, middle:]], dim=1).flatten()


def _before_softplus(x: torch.Tensor) -> torch.Tensor:
    """What softplus makes ``x`` of, or 0.001 of less: from zero no gradient leads away; from 20 on softplus is x."""
    return torch.where(x > 20, x, torch.log(torch.expm1(x.clamp(1e-3, 20))))
