r"""Exponential smoothing and a recurrent network, trained jointly.

For each series, on its scaled values ``z`` (:class:`unrolled.codecs.scaling.SeriesScaling`) with covariates known
ahead :math:`f_t`, and for each of the ensemble's members:

.. math::
    z'_t &= z_t - \beta^\top f_t \\
    l_t, s_{t+m} &= \text{smoothing of } z' \text{ with the series' own } \alpha, \gamma, l_0, s_{1..m} \\
    x_t &= [\,z'_k - s_k - l_t\,]_{k=t-W+1..t} \;\Vert\; p_t \;\Vert\; f_{t+1..t+H} \;\Vert\; \text{static} \\
    h_t &= \mathrm{RNN}(x_t, h_{t-1}) \\
    o_t &= V h_t + b_y \qquad [H \times K] \\
    \hat z_{t+k}^{(q)} &= l_t + s_{t+k} + \beta^\top f_{t+k} + o_{t,k}^{(q)}

(:mod:`unrolled.codecs.smoothing` has the second line, :mod:`unrolled.networks.forecast_head` says what the head's ``K``
numbers a step mean.) Members' quantiles are averaged on the scale of ``z``.

Source: S. Smyl, "A hybrid method of exponential smoothing and recurrent neural networks for time series
forecasting", 2020, doi 10.1016/j.ijforecast.2019.03.017. This version smooths the logarithm, which makes the recurrence
linear, predicts all quantiles at once and averages an ensemble.

What is written here forecasts from the last step alone. Training needs every step's forecast at once, with gradients through
the smoothing, and is written beside it: :mod:`unrolled.training.es_rnn`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from unrolled.aliases import Values
from unrolled.codecs.sliding_windows import sliding_windows
from unrolled.codecs.smoothing import smooth
from unrolled.networks.engine import Array, Engine, Lengths
from unrolled.networks.forecast_head import ForecastNetworkConfig, quantiles_of
from unrolled.networks.last_output import last_output
from unrolled.networks.parameters import Parameters, parameters_of
from unrolled.networks.series_batch import SeriesBatch

__all__ = ["EsRnn", "EsRnnConfig", "Part", "SmoothingParameters"]

Part = Literal["all", "bias", "smoothing"]
"""What contributes: everything; the head's bias but no hidden state; or the smoothing alone."""


class EsRnnConfig(ForecastNetworkConfig, frozen=True, forbid_unknown_fields=True, tag="smoothing"):
    """The sizes that fix every array of the model."""

    method: ClassVar[Literal["smoothing", "windows"]] = "smoothing"

    @property
    def inputs(self) -> int:
        """Length of ``x[t]``."""
        return self.input_window + self.past + self.horizon * self.future + self.static

    def parameters(self) -> Parameters:
        """Name → shape and dtype of every parameter."""
        return parameters_of(EsRnn, self)


@dataclass(frozen=True)
class SmoothingParameters:
    """The parameters of each series, in each member: ``alpha``, ``gamma``, ``level [M, N]``, ``season [m, M, N]``."""

    alpha: Values
    gamma: Values
    level: Values
    season: Values

    def flat(self) -> tuple[Values, Values, Values, Values]:
        """The same with members and series along one axis ``[M N]``."""
        return self.alpha.ravel(), self.gamma.ravel(), self.level.ravel(), self.season.reshape(len(self.season), -1)


class _Member:
    """One network of the ensemble."""

    def __init__(self, engine: Engine, config: EsRnnConfig) -> None:
        self.engine, self.config = engine, config
        self.rnn = engine.stack("rnn", config.stack)
        self.head = engine.dense("head", config.stack.outputs, config.horizon * config.outputs)

    def __call__(self, x: Array, lengths: Lengths) -> Array:
        """Head's output after the last step of each row: ``x [T, B, I]`` → ``[B, H K]``."""
        y, _ = self.rnn(x, lengths)
        return self.head(self.engine.dropout(last_output(self.engine, self.config.stack, y, lengths)))


class EsRnn:
    """The model after training.

    A series' forecast has the same bits alone and in a batch.
    """

    def __init__(self, engine: Engine, config: EsRnnConfig) -> None:
        self.config = config
        self.regression = engine.parameter("regression", (config.members, config.future), np.float64)
        members = engine.scope("members")
        self.members = [_Member(members.scope(str(k)), config) for k in range(config.members)]

    def forecast(self, batch: SeriesBatch, parameters: SmoothingParameters, *, part: Part = "all") -> Values:
        """Quantiles of the ``horizon`` steps after each series' last, on the scale of ``z``: ``[N, H, Q]``.

        Every series needs at least ``input_window`` steps.
        """
        config = self.config
        T, N = batch.z.shape
        M, W, H = config.members, config.input_window, config.horizon
        effect = self._effect(batch.future)  # [T+H, M, N]
        z = (batch.z[:, None] - effect[:T]).reshape(T, M * N)
        levels, seasonals = smooth(z, *parameters.flat())
        deviations = sliding_windows(z - seasonals[:T], W) - levels[W - 1 :, :, None]  # [T-W+1, MN, W]
        deviations = deviations.reshape(-1, M, N, W)
        levels, seasonals = levels.reshape(T, M, N), seasonals.reshape(-1, M, N)

        ahead = batch.lengths + np.arange(H)[:, None]  # [H, N]: the steps to forecast
        season_rows = batch.lengths + (np.arange(H) % config.season)[:, None]
        rows = np.arange(N)
        covariates = _covariate_inputs(batch, W, H)
        total = np.zeros((N, H, len(config.quantiles)))
        for k, member in enumerate(self.members):
            base = (
                levels[batch.lengths - 1, k, rows] + seasonals[season_rows, k, rows] + effect[ahead, k, rows]
            )  # [H, N]
            total += base.T[:, :, None]
            if part == "all":
                x = np.concatenate([deviations[:, k], covariates], axis=2, dtype=np.float32)
                total += quantiles_of(config, member(x, batch.lengths - W + 1))
            elif part == "bias":
                total += quantiles_of(config, member.head.bias[None])
        return total / M

    def _effect(self, future: Values) -> Values:
        """``β · f[t]`` of each member: ``[T+H, N, F]`` → ``[T+H, M, N]``."""
        effect = np.zeros((len(future), self.config.members, future.shape[1]))
        for column in range(self.config.future):
            effect += self.regression[:, column, None] * future[:, None, :, column]
        return effect


def _covariate_inputs(batch: SeriesBatch, window: int, horizon: int) -> Values:
    """What the network sees beside the series, from step ``window - 1`` on: ``[T-W+1, N, P + F H + S]``."""
    T, N = batch.z.shape
    steps = T - window + 1
    ahead = sliding_windows(batch.future[window:], horizon)  # [T-W+1, N, F, H]
    static = np.broadcast_to(batch.static, (steps, *batch.static.shape))
    return np.concatenate([batch.past[window - 1 :], ahead.reshape(steps, N, -1), static], axis=2)
