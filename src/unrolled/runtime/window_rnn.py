r"""One network for windows of all series, without parameters for single series, run without torch.

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
segment is padded in front with zeros, which is the window's mean. :mod:`unrolled.runtime.forecast_head` says what the
head's ``K`` numbers
a step mean: the linear forecast moves all quantiles of a step together. Members' quantiles are averaged on the scale of ``z``.

Sources: a network for all series, S. Montero-Manso and R. J. Hyndman, "Principles and algorithms for forecasting groups of
time series: locality and globality", 2021, doi 10.1016/j.ijforecast.2021.03.004; segments as steps, S. Lin et al., "SegRNN",
2023, arXiv 2308.11200; the linear path, A. Zeng et al., "Are transformers effective for time series forecasting?", 2023,
arXiv 2205.13504.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from unrolled.runtime.dense import Dense
from unrolled.runtime.forecast_head import ForecastNetworkConfig, quantiles_of
from unrolled.runtime.series_batch import SeriesBatch
from unrolled.runtime.stack import Stack

__all__ = ["WindowInputs", "WindowRnn", "WindowRnnConfig"]

Values = NDArray[np.float64]
Floats = NDArray[np.floating[Any]]

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

    def tensors(self) -> dict[str, tuple[tuple[int, ...], type[np.float32] | type[np.float64]]]:
        """Name → shape and dtype of every parameter."""
        expected: dict[str, tuple[tuple[int, ...], Any]] = {}
        outputs = self.horizon * self.outputs
        for k in range(self.members):
            expected |= self.stack.tensors(f"members.{k}.rnn.")
            expected[f"members.{k}.head.weight"] = ((outputs, self.hidden_size + self.known), np.float32)
            expected[f"members.{k}.head.bias"] = ((outputs,), np.float32)
            expected[f"members.{k}.linear.weight"] = ((self.horizon, self.input_window + self.known), np.float32)
            expected[f"members.{k}.linear.bias"] = ((self.horizon,), np.float32)
        return expected


class WindowInputs(NamedTuple):
    """The input of the network for ``B`` windows, and their means, which it does not see."""

    segments: NDArray[np.float32]  # [S, B, inputs]
    window: NDArray[np.float32]  # [B, W + known]: the linear path's input, x with c
    known: NDArray[np.float32]  # [B, known]: c
    level: Values  # [B]

    @classmethod
    def of(cls, shape: WindowRnnConfig, z: Values, past: Values, future: Values, static: Values) -> WindowInputs:
        """From ``z [B, W]``, ``past [B, W, P]``, ``future [B, W + H, F]`` and ``static [B, S]``."""
        B, W = z.shape
        z = np.ascontiguousarray(z)  # so that a row's mean is summed in one order, whatever is beside it
        level = z.mean(axis=1)
        x = (z - level[:, None]).astype(np.float32)
        known = np.concatenate([future[:, W:].reshape(B, -1), static], axis=1, dtype=np.float32)
        steps = np.concatenate([x[:, :, None], past, future[:, :W]], axis=2, dtype=np.float32)
        missing = shape.segments * shape.segment - W
        steps = np.pad(steps, ((0, 0), (missing, 0), (0, 0))).reshape(B, shape.segments, -1)
        fixed = np.broadcast_to(static.astype(np.float32)[:, None], (B, shape.segments, static.shape[1]))
        segments = np.concatenate([steps, fixed], axis=2).transpose(1, 0, 2)
        return cls(np.ascontiguousarray(segments), np.concatenate([x, known], axis=1), known, level)


class _Member:
    """One network of the ensemble."""

    def __init__(self, shape: WindowRnnConfig, tensors: Mapping[str, NDArray[Any]], k: int) -> None:
        own = {name: tensors[f"members.{k}.{name}"] for name in ("head.weight", "head.bias")}
        self.shape, self.bias = shape, own["head.bias"]
        self.stack = Stack(shape.stack, tensors, f"members.{k}.rnn.")
        self.head = Dense(own["head.weight"], self.bias)
        self.linear = Dense(tensors[f"members.{k}.linear.weight"], tensors[f"members.{k}.linear.bias"])

    def __call__(self, inputs: WindowInputs, *, recurrent: bool) -> Values:
        """Quantiles ``[B, H, Q]`` around the window's mean."""
        if recurrent:
            lengths = np.full(len(inputs.window), self.shape.segments)
            hidden = self.stack(inputs.segments, lengths)[1]
            outputs = self.head(np.concatenate([hidden, inputs.known], axis=1))
        else:
            outputs = self.bias[None]
        return quantiles_of(self.shape, outputs) + self.linear(inputs.window)[:, :, None]


class WindowRnn:
    """The model after training: NumPy and kernels.

    A series' forecast has the same bits alone and in a batch.

    >>> shape = WindowRnnConfig("gru", 3, 1, input_window=8, horizon=2, quantiles=(0.1, 0.5), season=4, members=1)
    >>> network = WindowRnn(shape, {name: np.zeros(size, dtype) for name, (size, dtype) in shape.tensors().items()})
    >>> none = [np.zeros((8, 0))]
    >>> batch = SeriesBatch.pad([np.arange(8.0)], none, none, np.zeros((1, 0)), 2)
    >>> network.forecast(batch)[0, :, 1].tolist()
    [3.5, 3.5]
    """

    def __init__(self, shape: WindowRnnConfig, tensors: Mapping[str, NDArray[Any]]) -> None:
        self.shape = shape
        self._members = [_Member(shape, tensors, k) for k in range(shape.members)]

    def forecast(self, batch: SeriesBatch, *, recurrent: bool = True) -> Values:
        """Quantiles of the ``horizon`` steps after each series' last, on the scale of ``z``: ``[N, H, Q]``.

        Every series of ``batch`` has just ``input_window`` steps. Without ``recurrent`` the head's bias is left of the
        network, beside the linear path.
        """
        z, past, future = batch.z.T, batch.past.transpose(1, 0, 2), batch.future.transpose(1, 0, 2)
        blocks: list[Values] = []
        for start in range(0, len(z), LARGEST_BATCH):
            some = slice(start, start + LARGEST_BATCH)
            inputs = WindowInputs.of(self.shape, z[some], past[some], future[some], batch.static[some])
            total = np.zeros((len(inputs.level), self.shape.horizon, len(self.shape.quantiles)))
            for member in self._members:
                total += member(inputs, recurrent=recurrent)
            blocks.append(inputs.level[:, None, None] + total / len(self._members))
        return np.concatenate(blocks)
