r"""One network for windows of all series, without parameters for single series.

A window holds the last ``W`` scaled values ``z`` of a series, cut into ``S`` segments of one season, and for each of the
ensemble's members:

.. math::
    a &= \tfrac 1 W \sum_{k=t-W+1}^{t} z_k, \qquad x = (z_k - a)_{k=t-W+1..t} \\
    h_s &= \mathrm{RNN}\left(x_{\text{segment } s} \;\Vert\; p_{\text{segment } s} \;\Vert\; f_{\text{segment } s}
           \;\Vert\; \text{static},\; h_{s-1}\right), \qquad s = 1..S \\
    c &= f_{t+1..t+H} \;\Vert\; \text{static} \\
    o &= V\,(h_S \;\Vert\; c) + b_y \qquad [H \times K] \\
    \hat z_{t+k}^{(q)} &= a + \left(A\,(x \;\Vert\; c) + b\right)_k + o_{t,k}^{(q)}

:math:`p` and :math:`f` are covariates known up to now and ahead. Where ``W`` is not a multiple of a segment, the first
segment is padded in front with zeros, which is the window's mean. :mod:`unrolled.networks.forecast_head` says what the
head's ``K`` numbers
a step mean: the linear forecast moves all quantiles of a step together. Members' quantiles are averaged on the scale of ``z``.

Sources: a network for all series, S. Montero-Manso and R. J. Hyndman, "Principles and algorithms for forecasting groups of
time series: locality and globality", 2021, doi 10.1016/j.ijforecast.2021.03.004; segments as steps, S. Lin et al., "SegRNN",
2023, arXiv 2308.11200; the linear path, A. Zeng et al., "Are transformers effective for time series forecasting?", 2023,
arXiv 2205.13504.
"""

from __future__ import annotations

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
        return self.segment * (1 + self.past + self.future) + self.static

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
    window: Array  # [B, W + known]: the linear path's input, x with c
    known: Array  # [B, known]: c
    level: Array  # [B]

    @classmethod
    def of(cls, config: WindowRnnConfig, z: Values, past: Values, future: Values, static: Values) -> WindowInputs:
        """From ``z [B, W]``, ``past [B, W, P]``, ``future [B, W + H, F]`` and ``static [B, S]``."""
        B, W = z.shape
        z = np.ascontiguousarray(z)  # so that a row's mean is summed in one order, whatever is beside it
        level = z.mean(axis=1)
        x = (z - level[:, None]).astype(np.float32)
        known = np.concatenate([future[:, W:].reshape(B, -1), static], axis=1, dtype=np.float32)
        steps = np.concatenate([x[:, :, None], past, future[:, :W]], axis=2, dtype=np.float32)
        missing = config.segments * config.segment - W
        steps = np.pad(steps, ((0, 0), (missing, 0), (0, 0))).reshape(B, config.segments, -1)
        fixed = np.broadcast_to(static.astype(np.float32)[:, None], (B, config.segments, static.shape[1]))
        segments = np.concatenate([steps, fixed], axis=2).transpose(1, 0, 2)
        return cls(np.ascontiguousarray(segments), np.concatenate([x, known], axis=1), known, level)


class _Member:
    """One network of the ensemble."""

    def __init__(self, engine: Engine, config: WindowRnnConfig) -> None:
        self.engine, self.config = engine, config
        self.rnn = engine.stack("rnn", config.stack)
        self.head = engine.dense("head", config.stack.outputs + config.known, config.horizon * config.outputs)
        self.linear = engine.dense("linear", config.input_window + config.known, config.horizon)

    def forward(self, inputs: WindowInputs) -> tuple[Array, Array]:
        """The head's outputs ``[B, H K]``, and the linear forecast ``[B, H]`` that is to be added to each location."""
        y, _ = self.rnn(inputs.segments)
        hidden = self.engine.dropout(last_output(self.engine, self.config.stack, y))
        return self.head(self.engine.concatenate([hidden, inputs.known])), self.linear(inputs.window)


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

        Every series of ``batch`` has just ``input_window`` steps. Without ``recurrent`` the head's bias is left of the
        network, beside the linear path.
        """
        config, z = self.config, batch.z.T
        past, future = batch.past.transpose(1, 0, 2), batch.future.transpose(1, 0, 2)
        blocks: list[Values] = []
        for start in range(0, len(z), LARGEST_BATCH):
            some = slice(start, start + LARGEST_BATCH)
            inputs = WindowInputs.of(config, z[some], past[some], future[some], batch.static[some])
            total = np.zeros((len(inputs.level), config.horizon, len(config.quantiles)))
            for member in self.members:
                outputs, linear = (
                    member.forward(inputs) if recurrent else (member.head.bias[None], member.linear(inputs.window))
                )
                total += quantiles_of(config, outputs) + linear[:, :, None]
            blocks.append(inputs.level[:, None, None] + total / len(self.members))
        return np.concatenate(blocks)
