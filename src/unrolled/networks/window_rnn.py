r"""One network for windows of all series, without parameters for single series.

A window holds the last ``W`` scaled values ``z`` of a series, cut into ``S`` segments of one season of ``m`` steps, and for
each of the ensemble's members:

.. math::
    a &= \tfrac 1 W \sum_{k=t-W+1}^{t} z_k, \qquad x = (z_k - a)_{k=t-W+1..t}, \qquad
         \sigma^2 = \tfrac 1 W \sum_k x_k^2 \\
    h_s &= \mathrm{RNN}\left(x_{\text{segment } s} / \sigma \;\Vert\; p_{\text{segment } s} \;\Vert\;
           f_{\text{segment } s} \;\Vert\; \log \sigma \;\Vert\; \text{static},\; h_{s-1}\right), \qquad s = 1..S \\
    c &= f_{t+1..t+H} \;\Vert\; \text{static} \\
    o &= V\,(h_S \;\Vert\; c) + b_y \qquad [H \times K] \\
    w &= U\,(h_S \;\Vert\; c) + b_w \qquad [\lceil H / m \rceil \times S] \\
    \hat z_{t+k}^{(q)} &= a + \left(\tfrac{1}{\sqrt W} A\,(x \;\Vert\; c) + b\right)_k
        + \tfrac 1 S \sum_{s=1}^S w_{\lceil k / m \rceil, s}\, x_{\text{segment } s,\, 1 + (k - 1) \bmod m} + o_{t,k}^{(q)}

:math:`p` and :math:`f` are covariates known up to now and ahead. Where ``W`` is not a multiple of a segment, the first
segment is padded in front with zeros, which is the window's mean. :mod:`unrolled.networks.forecast_head` says what the
head's ``K`` numbers a step mean.

The recurrent layers see the shape of a window and, apart from it, how far it spreads, whatever the series. They weight its
seasons anew for every season ahead: a series that repeats its weeks is continued by its weeks, and another by its days,
which a linear forecast, the same for all of them, cannot do. Both move all quantiles of a step together. The factors
:math:`1 / \sqrt W` and :math:`1 / S` are for training: a step of Adam is as large for every weight, and sums of more of
them would change faster. Members' quantiles are averaged on the scale of ``z``.

Sources: a network for all series, S. Montero-Manso and R. J. Hyndman, "Principles and algorithms for forecasting groups of
time series: locality and globality", 2021, doi 10.1016/j.ijforecast.2021.03.004; segments as steps, S. Lin et al., "SegRNN",
2023, arXiv 2308.11200; the linear path, A. Zeng et al., "Are transformers effective for time series forecasting?", 2023,
arXiv 2205.13504; windows in units of their own spread, T. Kim et al., "Reversible instance normalization for accurate
time-series forecasting against distribution shift", 2022, https://openreview.net/forum?id=cGDAkQo1C0p.
"""

from __future__ import annotations

import math
from typing import ClassVar, Literal, NamedTuple

import numpy as np

from unrolled.aliases import Values
from unrolled.networks.engine import Array, Engine
from unrolled.networks.forecast_head import ForecastNetworkConfig, quantiles_of
from unrolled.networks.last_output import last_output
from unrolled.networks.parameters import Parameters, parameters_of
from unrolled.networks.series_batch import SeriesBatch

__all__ = ["WindowInputs", "WindowRnn", "WindowRnnConfig"]


LARGEST_BATCH = 4096  # windows run at once
SEGMENT = 8  # steps of a segment where there is no season
LEAST_SPREAD = 0.01  # σ of a window that hardly changes, on the scale of z, where a seasonal change is about 1


class WindowRnnConfig(ForecastNetworkConfig, frozen=True, forbid_unknown_fields=True, tag="windows"):
    """The sizes that fix every array of the model."""

    method: ClassVar[Literal["smoothing", "windows"]] = "windows"

    @property
    def segment(self) -> int:
        """Steps of a segment: one season, and no more than the window."""
        return min(self.season if self.season > 1 else SEGMENT, self.input_window)

    @property
    def segments(self) -> int:
        """``S``: segments of a window."""
        return -(-self.input_window // self.segment)

    @property
    def inputs(self) -> int:
        """Numbers of a segment that the recurrent layers read."""
        return self.segment * (1 + self.past + self.future) + 1 + self.static

    @property
    def seasons_ahead(self) -> int:
        """Segments that the horizon takes, the last of them perhaps in part."""
        return -(-self.horizon // self.segment)

    @property
    def known(self) -> int:
        """Length of ``c``: what is known about the steps ahead."""
        return self.horizon * self.future + self.static

    def parameters(self) -> Parameters:
        """Name → shape and dtype of every parameter."""
        return parameters_of(WindowRnn, self)


class WindowInputs(NamedTuple):
    """The input of the network for ``B`` windows, and their means, which it does not see."""

    segments: Array  # [S, B, inputs]
    window: Array  # [B, W + known]: the linear path's input, x with c, divided by √W
    seasons: Array  # [B, S, m]: what is weighted, the segments of x divided by S
    known: Array  # [B, known]: c
    level: Array  # [B]

    @classmethod
    def of(cls, config: WindowRnnConfig, z: Values, past: Values, future: Values, static: Values) -> WindowInputs:
        """From ``z [B, W]``, ``past [B, W, P]``, ``future [B, W + H, F]`` and ``static [B, C]``."""
        B, W = z.shape
        S, segment = config.segments, config.segment
        z = np.ascontiguousarray(z)  # so that a row's mean is summed in one order, whatever is beside it
        level = z.mean(axis=1)
        x = z - level[:, None]
        spread = np.maximum(x.std(axis=1), LEAST_SPREAD)[:, None]
        known = np.concatenate([future[:, W:].reshape(B, -1), static], axis=1, dtype=np.float32)
        steps = np.concatenate([(x / spread)[:, :, None], past, future[:, :W]], axis=2, dtype=np.float32)
        front = S * segment - W
        steps = np.pad(steps, ((0, 0), (front, 0), (0, 0))).reshape(B, S, -1)
        fixed = np.concatenate([np.log(spread), static], axis=1, dtype=np.float32)
        segments = np.concatenate([steps, np.repeat(fixed[:, None], S, axis=1)], axis=2).transpose(1, 0, 2)
        window = (np.concatenate([x, known], axis=1) / math.sqrt(W)).astype(np.float32)
        seasons = (np.pad(x, ((0, 0), (front, 0))) / S).reshape(B, S, segment).astype(np.float32)
        return cls(np.ascontiguousarray(segments), window, seasons, known, level)


class _Member:
    """One network of the ensemble."""

    def __init__(self, engine: Engine, config: WindowRnnConfig) -> None:
        self.engine, self.config = engine, config
        self.rnn = engine.stack("rnn", config.stack)
        self.head = engine.dense("head", config.stack.outputs + config.known, config.horizon * config.outputs)
        self.weights = engine.dense(
            "weights", config.stack.outputs + config.known, config.seasons_ahead * config.segments
        )
        self.linear = engine.dense("linear", config.input_window + config.known, config.horizon)

    def forward(self, inputs: WindowInputs) -> tuple[Array, Array]:
        """The head's outputs ``[B, H K]``, and what is to be added to each location ``[B, H]``."""
        y, _ = self.rnn(inputs.segments)
        hidden = self.engine.dropout(last_output(self.engine, self.config.stack, y))
        read = self.engine.concatenate([hidden, inputs.known])
        return self.head(read), self._location(inputs, self.weights(read))

    def biases(self, inputs: WindowInputs) -> tuple[Array, Array]:
        """:meth:`forward` where only the biases are left of what reads the recurrent layers."""
        return self.head.bias[None], self._location(inputs, self.weights.bias[None])

    def _location(self, inputs: WindowInputs, weights: Array) -> Array:
        """The linear forecast, and the seasons of the window by their weights ``[B, seasons ahead S]``."""
        ahead, segments = self.config.seasons_ahead, self.config.segments
        weighted = weights.reshape(-1, ahead, segments, 1) * inputs.seasons[:, None]
        return self.linear(inputs.window) + weighted.sum(2).reshape(len(weighted), -1)[:, : self.config.horizon]


class WindowRnn:
    """The model. After training a series' forecast has the same bits alone and in a batch.

    >>> from unrolled.runtime.engine import KernelEngine
    >>> config = WindowRnnConfig("gru", 3, 1, input_window=8, horizon=2, quantiles=(0.1, 0.5), season=4, members=1)
    >>> parameters = {name: np.zeros(*kind) for name, kind in config.parameters().items()}
    >>> none = [np.zeros((8, 0))]
    >>> batch = SeriesBatch.pad([np.arange(8.0)], none, none, np.zeros((1, 0)), 2)
    >>> WindowRnn(KernelEngine(parameters), config).forecast(batch)[0, :, 1].tolist()
    [3.5, 3.5]
    """

    def __init__(self, engine: Engine, config: WindowRnnConfig) -> None:
        self.config = config
        members = engine.scope("members")
        self.members = [_Member(members.scope(str(k)), config) for k in range(config.members)]

    def __call__(self, inputs: WindowInputs) -> list[tuple[Array, Array]]:
        """What each member makes of the windows."""
        return [member.forward(inputs) for member in self.members]

    def forecast(self, batch: SeriesBatch, *, recurrent: bool = True) -> Values:
        """Quantiles of the ``horizon`` steps after each series' last, on the scale of ``z``: ``[N, H, Q]``.

        Every series of ``batch`` has just ``input_window`` steps. Without ``recurrent`` the biases are left of the head and
        of the seasons' weights, beside the linear path.
        """
        config, z = self.config, batch.z.T
        past, future = batch.past.transpose(1, 0, 2), batch.future.transpose(1, 0, 2)
        blocks: list[Values] = []
        for start in range(0, len(z), LARGEST_BATCH):
            some = slice(start, start + LARGEST_BATCH)
            inputs = WindowInputs.of(config, z[some], past[some], future[some], batch.static[some])
            total = np.zeros((len(inputs.level), config.horizon, len(config.quantiles)))
            for member in self.members:
                outputs, location = member.forward(inputs) if recurrent else member.biases(inputs)
                total += quantiles_of(config, outputs) + location[:, :, None]
            blocks.append(inputs.level[:, None, None] + total / len(self.members))
        return np.concatenate(blocks)
