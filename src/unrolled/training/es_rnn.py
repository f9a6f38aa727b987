"""The model of :mod:`unrolled.runtime.es_rnn` as a torch module, for as long as it learns."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import dropout

from unrolled.codecs.seasonality import initial_states
from unrolled.runtime.es_rnn import EsRnnConfig, SmoothingParameters
from unrolled.runtime.series_batch import SeriesBatch
from unrolled.training.forecast_head import head_loss, initial_bias
from unrolled.training.recurrent import recurrent_layers
from unrolled.training.smoothing import differentiable_smoothing

__all__ = ["EsRnnModule"]

Array = NDArray[np.float64]

LARGEST_STEP = 2_000_000  # predicted values a training step; more windows than that are drawn from


class _Windows(NamedTuple):
    """What the network reads and should have said, at each step ``t = W-1 .. T-1`` of ``B`` series."""

    inputs: torch.Tensor  # [M, steps, B, W + P + F H + S]
    origins: torch.Tensor  # [origins], ascending: which of the steps that have H more after them
    targets: torch.Tensor  # [M, origins, B, H]
    mask: torch.Tensor  # [origins, B]: whether the targets lie within the series


class EsRnnModule(torch.nn.Module):
    """Smoothing parameters of every series, and ``members`` networks that share nothing but the data.

    Smoothing starts from a classical decomposition, regression from least squares on changes, and each head's bias from
    the quantiles of what the smoothing leaves over: training begins at a sensible forecast.
    """

    def __init__(self, shape: EsRnnConfig, batch: SeriesBatch, *, dropout: float, oldest_weight: float) -> None:
        super().__init__()
        self.shape, self.dropout, self.oldest_weight = shape, dropout, oldest_weight
        M, N = shape.members, batch.z.shape[1]
        states = [initial_states(batch.z[:length, i], shape.season) for i, length in enumerate(batch.lengths)]
        level = torch.tensor([level for level, _ in states], dtype=torch.float64)
        season = torch.tensor(np.array([profile for _, profile in states]).T)
        self.alpha_logit = torch.nn.Parameter(torch.zeros(M, N, dtype=torch.float64))
        self.gamma_logit = torch.nn.Parameter(torch.full((M, N), -1.0, dtype=torch.float64))
        self.level = torch.nn.Parameter(level.repeat(M, 1))
        self.season = torch.nn.Parameter(season[:, None].repeat(1, M, 1), requires_grad=shape.season > 1)
        self.regression = torch.nn.Parameter(torch.from_numpy(_initial_regression(batch, shape)).repeat(M, 1))
        self.rnns = torch.nn.ModuleList(recurrent_layers(shape.stack, dropout) for _ in range(M))
        heads = [torch.nn.Linear(shape.hidden_size, shape.horizon * shape.outputs) for _ in range(M)]
        self.head_weight = torch.nn.Parameter(torch.stack([0.3 * head.weight.detach() for head in heads]))
        self.head_bias = torch.nn.Parameter(self._initial_bias(batch).repeat(M, 1))

    def loss(self, batch: SeriesBatch, series: NDArray[np.int64]) -> torch.Tensor:
        """Mean loss over members, windows, horizons and quantiles; ``series [B]`` are the batch's columns.

        A window's weight falls geometrically with its age, from 1 to ``oldest_weight`` (discounted least squares: R. G.
        Brown, *Smoothing, Forecasting and Prediction of Discrete Time Series*, 1963): the future
        resembles recent years.
        """
        windows = self._windows(batch, series)
        steps = batch.lengths - self.shape.input_window + 1
        lengths = None if steps.min() == steps.max() else torch.from_numpy(steps)  # nothing to sort and cut then
        hidden = torch.stack([rnn(x, lengths=lengths)[0] for rnn, x in zip(self.rnns, windows.inputs, strict=True)])
        hidden = dropout(hidden[:, windows.origins], self.dropout, self.training)
        losses = head_loss(self.shape, windows.targets, self._heads(hidden))
        weights = self._weights(batch, windows)
        return (losses.mean((0, 3, 4)) * weights).sum() / weights.sum()

    def _weights(self, batch: SeriesBatch, windows: _Windows) -> torch.Tensor:
        """How much each window counts ``[origins, B]``: less the older it is, within its own series."""
        count = torch.from_numpy(batch.lengths) - self.shape.input_window - self.shape.horizon + 1
        age = (count - 1 - windows.origins[:, None]) / count
        return torch.where(windows.mask, self.oldest_weight**age, 0.0)

    def _origins(self, steps: int, series: int) -> torch.Tensor:
        """All of ``steps`` windows, or as many at random as keep a training step in memory and time."""
        values = self.shape.members * series * self.shape.horizon * self.shape.outputs
        kept = max(1, LARGEST_STEP // values)
        if kept >= steps or not self.training:
            return torch.arange(steps)
        return torch.randperm(steps)[:kept].sort().values

    def _heads(self, hidden: torch.Tensor) -> torch.Tensor:
        """Each member's head on its own hidden states: ``[M, steps, B, hidden]`` → ``[M, steps, B, H K]``."""
        M, steps, B, _ = hidden.shape
        rows = hidden.reshape(M, steps * B, -1)
        return torch.baddbmm(self.head_bias[:, None], rows, self.head_weight.mT).view(M, steps, B, -1)

    def parameters_of_series(self) -> SmoothingParameters:
        """The smoothing parameters as the runtime takes them."""
        gamma = torch.sigmoid(self.gamma_logit) if self.shape.season > 1 else torch.zeros_like(self.gamma_logit)
        values = (torch.sigmoid(self.alpha_logit), gamma, self.level, self.season)
        return SmoothingParameters(*(value.detach().numpy().copy() for value in values))

    def tensors(self) -> dict[str, NDArray[np.floating]]:
        """What all series share, named as in :meth:`EsRnnConfig.tensors`."""
        tensors: dict[str, torch.Tensor] = {"regression": self.regression}
        for k in range(self.shape.members):
            tensors |= {f"members.{k}.rnn.{name}": value for name, value in self.rnns[k].named_parameters()}
            tensors[f"members.{k}.head.weight"] = self.head_weight[k]
            tensors[f"members.{k}.head.bias"] = self.head_bias[k]
        return {name: value.detach().numpy().copy() for name, value in tensors.items()}

    def _windows(self, batch: SeriesBatch, series: NDArray[np.int64]) -> _Windows:
        shape, (T, B) = self.shape, batch.z.shape
        M, W, H, m = shape.members, shape.input_window, shape.horizon, shape.season
        columns = torch.from_numpy(series)
        future = torch.from_numpy(batch.future)
        effect = torch.einsum("tbf,mf->tmb", future[:T], self.regression)
        z = torch.from_numpy(batch.z)[:, None] - effect
        gamma = torch.sigmoid(self.gamma_logit) if m > 1 else torch.zeros_like(self.gamma_logit)
        levels, seasonals = differentiable_smoothing(
            z.reshape(T, M * B),
            torch.sigmoid(self.alpha_logit)[:, columns].reshape(-1),
            gamma[:, columns].reshape(-1),
            self.level[:, columns].reshape(-1),
            self.season[:, :, columns].reshape(m, -1),
        )
        levels, seasonals = levels.view(T, M, B), seasonals.view(T + m, M, B)
        deviations = (z - seasonals[:T]).unfold(0, W, 1) - levels[W - 1 :, ..., None]  # [steps, M, B, W]
        covariates = self._covariates(batch, future)[:, None].expand(-1, M, -1, -1)
        origins = self._origins(T - W - H + 1, B)
        ahead = seasonals[W : T - H + m].unfold(0, m, 1)[origins][..., torch.arange(H) % m]  # [origins, M, B, H]
        targets = z[W:].unfold(0, H, 1)[origins] - ahead - levels[W - 1 : T - H][origins][..., None]
        last_target = origins + W + H - 1
        return _Windows(
            torch.cat([deviations, covariates], dim=3).transpose(0, 1).float().contiguous(),
            origins,
            targets.transpose(0, 1).float(),
            last_target[:, None] < torch.from_numpy(batch.lengths),
        )

    def _covariates(self, batch: SeriesBatch, future: torch.Tensor) -> torch.Tensor:
        T, B = batch.z.shape
        W, H = self.shape.input_window, self.shape.horizon
        ahead = future[W : T + H].unfold(0, H, 1).reshape(T - W + 1, B, -1)
        static = torch.from_numpy(batch.static).expand(T - W + 1, -1, -1)
        return torch.cat([torch.from_numpy(batch.past[W - 1 :]), ahead, static], dim=2)

    @torch.no_grad()
    def _initial_bias(self, batch: SeriesBatch) -> torch.Tensor:
        """The head's bias ``[H K]`` from the quantiles of all targets, as they are before anything is learned."""
        windows = self._windows(batch, np.arange(batch.z.shape[1]))
        return initial_bias(self.shape, windows.targets[0][windows.mask].numpy())  # members start alike


def _initial_regression(batch: SeriesBatch, shape: EsRnnConfig) -> Array:
    """Least squares of seasonal changes of ``z`` on those of the covariates known ahead, ``[F]``."""
    if not shape.future:
        return np.zeros(0)
    lag = shape.season
    rows = np.arange(lag, len(batch.z))[:, None] < batch.lengths
    changes = (batch.z[lag:] - batch.z[:-lag])[rows]
    x = (batch.future[lag : len(batch.z)] - batch.future[: len(batch.z) - lag])[rows]
    ridge = 1e-3 * len(x) * np.eye(shape.future)  # a covariate that never changes gets nothing
    return np.linalg.solve(x.T @ x + ridge, x.T @ changes)
