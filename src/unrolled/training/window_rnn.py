"""The model of :mod:`unrolled.runtime.window_rnn` as a torch module, for as long as it learns."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import dropout, pad

from unrolled.runtime.window_rnn import WindowInputs, WindowRnnConfig
from unrolled.training.forecast_head import head_loss, initial_bias
from unrolled.training.recurrent import recurrent_layers
from unrolled.training.windows import DrawnWindows, Windows

__all__ = ["WindowRnnModule"]

Values = NDArray[np.float64]

REGRESSED = 50_000  # windows that the linear path starts from; more would hardly change it
CHUNK = 2_000
RIDGE = 1e-3  # of the mean square of what is regressed on


class WindowRnnModule(torch.nn.Module):
    """``members`` networks that share nothing but the data.

    The linear path starts from ridge regression and each head's bias from the quantiles of what that leaves over:
    training begins at a sensible forecast.
    """

    def __init__(
        self, shape: WindowRnnConfig, windows: Windows, *, dropout: float, generator: np.random.Generator
    ) -> None:
        super().__init__()
        self.shape, self.dropout = shape, dropout
        weight, bias, residuals = _ridge(windows, generator)
        first = initial_bias(shape, residuals)
        self.members = torch.nn.ModuleList(_Member(shape, dropout, weight, bias, first) for _ in range(shape.members))

    def loss(self, drawn: DrawnWindows) -> torch.Tensor:
        """Mean loss over members, windows, steps ahead and quantiles."""
        segments, window, known = (torch.from_numpy(x) for x in drawn.inputs[:3])
        targets, weights = torch.from_numpy(drawn.targets), torch.from_numpy(drawn.weights)
        outputs = torch.stack([member(segments, window, known) for member in self.members])
        losses = head_loss(self.shape, targets.expand(len(outputs), -1, -1), outputs)
        return (losses.mean((0, 2, 3)) * weights).sum() / weights.sum()

    def tensors(self) -> dict[str, NDArray[np.floating[Any]]]:
        """The parameters, named as in :meth:`WindowRnnConfig.tensors`."""
        return {name: parameter.detach().numpy().copy() for name, parameter in self.named_parameters()}


class _Member(torch.nn.Module):
    def __init__(
        self, shape: WindowRnnConfig, dropout: float, weight: Values, bias: Values, first: torch.Tensor
    ) -> None:
        super().__init__()
        self.shape, self.dropout = shape, dropout
        self.rnn = recurrent_layers(shape.stack, dropout)
        self.head = torch.nn.Linear(shape.hidden_size + shape.known, shape.horizon * shape.outputs)
        self.linear = torch.nn.Linear(shape.input_window + shape.known, shape.horizon)
        with torch.no_grad():
            self.head.weight *= 0.3
            self.head.bias.copy_(first)
            self.linear.weight.copy_(torch.from_numpy(weight))
            self.linear.bias.copy_(torch.from_numpy(bias))

    def forward(self, segments: torch.Tensor, window: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
        """The head's outputs ``[B, H K]``, the linear forecast added to each step's location."""
        y, _ = self.rnn(segments)
        hidden = dropout(y[-1], self.dropout, self.training)
        outputs = self.head(torch.cat([hidden, known], dim=1)).unflatten(1, (self.shape.horizon, -1))
        moved = pad(
            self.linear(window).unsqueeze(2), (self.shape.location, self.shape.outputs - 1 - self.shape.location)
        )
        return (outputs + moved).flatten(1)


def _ridge(windows: Windows, generator: np.random.Generator) -> tuple[Values, Values, Values]:
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
