"""How :class:`unrolled.networks.window_rnn.WindowRnn` learns, and what it begins at."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

from unrolled.aliases import Values
from unrolled.networks.window_rnn import WindowInputs, WindowRnn, WindowRnnConfig
from unrolled.training.engine import NetworkModule, NetworkOptions
from unrolled.training.forecast_head import head_loss, initial_bias
from unrolled.training.series_windows import DrawnWindows, SeriesWindows

__all__ = ["window_rnn_loss", "window_rnn_module"]


REGRESSED = 50_000  # windows that the linear path starts from; more would hardly change it
CHUNK = 2_000
RIDGE = 1e-3  # of the mean square of what is regressed on


def window_rnn_module(
    config: WindowRnnConfig, windows: SeriesWindows, options: NetworkOptions, generator: np.random.Generator
) -> NetworkModule:
    """The network at the beginning of its training, which is a sensible forecast.

    The linear path starts from ridge regression, each head's bias from the quantiles of what that leaves over, and no season
    of a window has a weight.
    """
    weight, bias, residuals = _ridge(windows, generator)
    first = initial_bias(config, residuals)
    module = NetworkModule(WindowRnn, config, options)
    with torch.no_grad():
        for member in module.network.members:
            member.head.weight *= 0.3
            member.head.bias.copy_(first)
            member.weights.weight.zero_()
            member.weights.bias.zero_()
            member.linear.weight.copy_(torch.from_numpy(weight))
            member.linear.bias.copy_(torch.from_numpy(bias))
    return module


def window_rnn_loss(config: WindowRnnConfig, module: torch.nn.Module, drawn: DrawnWindows) -> Tensor:
    """Mean loss over members, windows, steps ahead and quantiles."""
    inputs = WindowInputs(*map(torch.from_numpy, drawn.inputs))
    targets, weights = torch.from_numpy(drawn.targets), torch.from_numpy(drawn.weights)
    outputs = torch.stack([_located(config, *of_member) for of_member in module(inputs)])
    losses = head_loss(config, targets.expand(len(outputs), -1, -1), outputs)
    return (losses.mean((0, 2, 3)) * weights).sum() / weights.sum()


def _located(config: WindowRnnConfig, outputs: Tensor, location: Tensor) -> Tensor:
    """The head's outputs ``[B, H K]``, with ``[B, H]`` added to each step's location."""
    moved = pad(location.unsqueeze(2), (config.location, config.outputs - 1 - config.location))
    return (outputs.unflatten(1, (config.horizon, -1)) + moved).flatten(1)


def _ridge(windows: SeriesWindows, generator: np.random.Generator) -> tuple[Values, Values, Values]:
    """The linear forecast of least squares: weight ``[H, W + known]``, bias ``[H]``, and what it leaves over ``[n, H]``."""
    n = min(len(windows), REGRESSED)
    chosen = np.sort(generator.choice(len(windows), n, replace=False))
    drawn = [windows.draw(chosen[start : start + CHUNK]) for start in range(0, n, CHUNK)]
    gram: Any = 0.0
    moments: Any = 0.0
    for inputs, targets, weights in drawn:
        x = _with_one(inputs)
        gram += (x * weights[:, None]).T @ x
        moments += (x * weights[:, None]).T @ targets
    penalty = np.full(len(gram), RIDGE * np.trace(gram[:-1, :-1]) / max(len(gram) - 1, 1))
    penalty[-1] = 0.0
    solved = np.linalg.solve(gram + np.diag(penalty) + 1e-9 * np.eye(len(gram)), moments)
    residuals = np.concatenate([targets - _with_one(inputs) @ solved for inputs, targets, _ in drawn])
    return solved[:-1].T, solved[-1], residuals


def _with_one(inputs: WindowInputs) -> Values:
    return np.concatenate([inputs.window, np.ones((len(inputs.window), 1))], axis=1, dtype=np.float64)
