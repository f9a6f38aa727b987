"""The model of :mod:`unrolled.networks.es_rnn` as a torch module, for as long as it learns.

It forecasts from every step at once, and gradients reach the smoothing: beside the recurrent layers and the head, whose
parameters are those of the network, nothing of it is computed after training.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import dropout

from unrolled.aliases import Values
from unrolled.codecs.seasonality import initial_states
from unrolled.networks.es_rnn import EsRnnConfig, SmoothingParameters
from unrolled.networks.series_batch import SeriesBatch
from unrolled.training.engine import NetworkOptions, load_tensors, recurrent_layers, tensors_of
from unrolled.training.forecast_head import head_loss, initial_bias
from unrolled.training.smoothing import differentiable_smoothing

__all__ = ["EsRnnForecasts", "EsRnnModule", "es_rnn_loss"]

LEAST_SPEED = 0.03
LARGEST_STEP = 2_000_000  # predicted values a training step; more windows than that are drawn from


class _Windows(NamedTuple):
    """What the network reads and its targets, at each step ``t = W-1 .. T-1`` of ``B`` series."""

    inputs: torch.Tensor  # [M, steps, B, W + P + F H + S]
    origins: torch.Tensor  # [origins], ascending: which of the steps that have H more after them
    targets: torch.Tensor  # [M, origins, B, H]
    mask: torch.Tensor  # [origins, B]: whether the targets lie within the series


class EsRnnForecasts(NamedTuple):
    """Of ``B`` series, from many origins each."""

    outputs: torch.Tensor  # [M, origins, B, H K] of the members' heads
    targets: torch.Tensor  # [M, origins, B, H]
    weights: torch.Tensor  # [origins, B]: how much each window counts


def es_rnn_loss(config: EsRnnConfig, forecasts: EsRnnForecasts) -> torch.Tensor:
    """Mean loss over members, windows, horizons and quantiles."""
    losses = head_loss(config, forecasts.targets, forecasts.outputs)
    return (losses.mean((0, 3, 4)) * forecasts.weights).sum() / forecasts.weights.sum()


class EsRnnModule(torch.nn.Module):
    """Smoothing parameters of every series, and ``members`` networks that share nothing but the data.

    Smoothing starts from a classical decomposition and at the ``speeds`` given, alpha and gamma of each series ``[N]``, which
    a few hundred small steps would hardly find; regression from least squares on changes, and each head's bias from the
    quantiles of what the smoothing leaves over: training begins at a sensible forecast.
    """

    def __init__(
        self,
        config: EsRnnConfig,
        batch: SeriesBatch,
        options: NetworkOptions,
        *,
        oldest_weight: float,
        speeds: tuple[Values, Values] | None = None,
    ) -> None:
        super().__init__()
        self.config, self.options, self.oldest_weight = config, options, oldest_weight
        M, N = config.members, batch.z.shape[1]
        states = [initial_states(batch.z[:length, i], config.season) for i, length in enumerate(batch.lengths)]
        level = torch.tensor([level for level, _ in states], dtype=torch.float64)
        season = torch.tensor(np.array([profile for _, profile in states]).T)
        alpha, gamma = speeds or (np.full(N, 0.5), np.full(N, 0.25))
        self.alpha_logit = torch.nn.Parameter(_logit(alpha).repeat(M, 1))
        self.gamma_logit = torch.nn.Parameter(_logit(gamma).repeat(M, 1))
        self.level = torch.nn.Parameter(level.repeat(M, 1))
        self.season = torch.nn.Parameter(season[:, None].repeat(1, M, 1), requires_grad=config.season > 1)
        self.regression = torch.nn.Parameter(torch.from_numpy(_initial_regression(batch, config)).repeat(M, 1))
        self.rnns = torch.nn.ModuleList(recurrent_layers(config.stack, options) for _ in range(M))
        heads = [torch.nn.Linear(config.stack.outputs, config.horizon * config.outputs) for _ in range(M)]
        self.head_weight = torch.nn.Parameter(torch.stack([0.3 * head.weight.detach() for head in heads]))
        self.head_bias = torch.nn.Parameter(self._initial_bias(batch).repeat(M, 1))

    @classmethod
    @torch.no_grad()
    def taught(
        cls,
        config: EsRnnConfig,
        batch: SeriesBatch,
        options: NetworkOptions,
        tensors: Mapping[str, NDArray[np.floating]],
        smoothing: SmoothingParameters,
        *,
        oldest_weight: float,
    ) -> EsRnnModule:
        """The module whose :meth:`tensors` and :meth:`parameters_of_series` are given, in evaluation mode."""
        with torch.random.fork_rng(devices=[]):
            module = cls(config, batch, options, oldest_weight=oldest_weight)
        module.alpha_logit.copy_(torch.logit(torch.from_numpy(smoothing.alpha)))
        if config.season > 1:
            module.gamma_logit.copy_(torch.logit(torch.from_numpy(smoothing.gamma)))
        for name in ("level", "season"):
            getattr(module, name).copy_(torch.from_numpy(getattr(smoothing, name)))
        module.regression.copy_(torch.from_numpy(tensors["regression"]))
        for k, rnn in enumerate(module.rnns):
            own, prefix = f"members.{k}.", f"members.{k}.rnn."
            load_tensors(rnn, {n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)})
            module.head_weight[k] = torch.from_numpy(tensors[f"{own}head.weight"])
            module.head_bias[k] = torch.from_numpy(tensors[f"{own}head.bias"])
        return module.eval()

    def forward(self, batch: SeriesBatch, series: NDArray[np.int64]) -> EsRnnForecasts:
        """Forecasts from all steps; ``series [B]`` are the batch's columns.

        A window's weight falls geometrically with its age, from 1 to ``oldest_weight`` (discounted least squares: R. G.
        Brown, *Smoothing, Forecasting and Prediction of Discrete Time Series*, 1963): the future
        resembles recent years.
        """
        windows = self._windows(batch, series)
        steps = batch.lengths - self.config.input_window + 1
        lengths = None if steps.min() == steps.max() else torch.from_numpy(steps)  # nothing to sort and cut then
        hidden = torch.stack([rnn(x, lengths=lengths)[0] for rnn, x in zip(self.rnns, windows.inputs, strict=True)])
        hidden = dropout(hidden[:, windows.origins], self.options.dropout, self.training)
        return EsRnnForecasts(self._heads(hidden), windows.targets, self._weights(batch, windows))

    def _weights(self, batch: SeriesBatch, windows: _Windows) -> torch.Tensor:
        """How much each window counts ``[origins, B]``: less the older it is, within its own series."""
        count = torch.from_numpy(batch.lengths) - self.config.input_window - self.config.horizon + 1
        age = (count - 1 - windows.origins[:, None]) / count
        return torch.where(windows.mask, self.oldest_weight**age, 0.0)

    def _origins(self, steps: int, series: int) -> torch.Tensor:
        """All of ``steps`` windows, or as many at random as keep a training step in memory and time."""
        values = self.config.members * series * self.config.horizon * self.config.outputs
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
        gamma = torch.sigmoid(self.gamma_logit) if self.config.season > 1 else torch.zeros_like(self.gamma_logit)
        values = (torch.sigmoid(self.alpha_logit), gamma, self.level, self.season)
        return SmoothingParameters(*(value.detach().numpy().copy() for value in values))

    def tensors(self) -> dict[str, NDArray[np.floating]]:
        """What all series share, named as in the saved model."""
        tensors: dict[str, torch.Tensor] = {"regression": self.regression}
        for k in range(self.config.members):
            tensors |= {f"members.{k}.head.weight": self.head_weight[k], f"members.{k}.head.bias": self.head_bias[k]}
        layers = {
            f"members.{k}.rnn.{name}": t for k, rnn in enumerate(self.rnns) for name, t in tensors_of(rnn).items()
        }
        return {**{name: tensor.detach().numpy().copy() for name, tensor in tensors.items()}, **layers}

    def _windows(self, batch: SeriesBatch, series: NDArray[np.int64]) -> _Windows:
        config, (T, B) = self.config, batch.z.shape
        M, W, H, m = config.members, config.input_window, config.horizon, config.season
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
        W, H = self.config.input_window, self.config.horizon
        ahead = future[W : T + H].unfold(0, H, 1).reshape(T - W + 1, B, -1)
        static = torch.from_numpy(batch.static).expand(T - W + 1, -1, -1)
        return torch.cat([torch.from_numpy(batch.past[W - 1 :]), ahead, static], dim=2)

    @torch.no_grad()
    def _initial_bias(self, batch: SeriesBatch) -> torch.Tensor:
        """The head's bias ``[H K]`` from the quantiles of all targets, as they are before anything is learned."""
        windows = self._windows(batch, np.arange(batch.z.shape[1]))
        return initial_bias(self.config, windows.targets[0][windows.mask].numpy())  # members start alike


def _logit(speed: Values) -> torch.Tensor:
    """What the sigmoid makes ``speed`` of, kept away from 0 and 1, from where no gradient leads away."""
    return torch.logit(torch.from_numpy(np.clip(speed, LEAST_SPEED, 1 - LEAST_SPEED)))


def _initial_regression(batch: SeriesBatch, config: EsRnnConfig) -> Values:
    """Least squares of seasonal changes of ``z`` on those of the covariates known ahead, ``[F]``."""
    if not config.future:
        return np.zeros(0)
    lag = config.season
    rows = np.arange(lag, len(batch.z))[:, None] < batch.lengths
    changes = (batch.z[lag:] - batch.z[:-lag])[rows]
    x = (batch.future[lag : len(batch.z)] - batch.future[: len(batch.z) - lag])[rows]
    ridge = 1e-3 * len(x) * np.eye(config.future)  # a covariate that never changes gets nothing
    return np.linalg.solve(x.T @ x + ridge, x.T @ changes)
