r"""Forecasts for several steps ahead with their expected errors, made again after every step, run without torch.

.. math::
    h[t] &= \mathrm{RNN}(x[t], h[t-1]) \\
    (\mu, a)[t] &= V\,(h[t], x[t]) + c, \qquad b = \log(1 + e^{a}) + 0.001

:math:`\mu[t]_k` forecasts the values ``k`` steps after ``t``, for each ``k`` of the leads, and :math:`b[t]_k` is the
mean absolute error it expects. The input also goes directly to the output, so the network contains a linear
autoregression.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from unrolled.codecs.ranges import Count
from unrolled.runtime.dense import Dense
from unrolled.runtime.spread import with_spread
from unrolled.runtime.stack import Expected, Stack, StackConfig

__all__ = ["LeadForecast", "LeadForecastConfig"]

Values = NDArray[np.float64]


class LeadForecastConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="forecast"):
    """The sizes of the network."""

    stack: StackConfig
    leads: tuple[Count, ...]
    channels: Count

    @property
    def outputs(self) -> int:
        """Number of outputs of a step."""
        return 2 * len(self.leads) * self.channels

    def tensors(self) -> Expected:
        """Name → shape and dtype of every parameter."""
        width = self.stack.hidden_size + self.stack.inputs
        return self.stack.tensors("rnn.") | {
            "head.weight": ((self.outputs, width), np.float32),
            "head.bias": ((self.outputs,), np.float32),
        }


class LeadForecast:
    """The network after training. Its output at a step does not depend on anything later, to the last bit.

    >>> shape = LeadForecastConfig(StackConfig("gru", inputs=3, hidden_size=4, num_layers=1), leads=(1, 2), channels=2)
    >>> network = LeadForecast(shape, {name: np.zeros(size, dtype) for name, (size, dtype) in shape.tensors().items()})
    >>> mean, spread = network(np.ones((5, 3), np.float32))
    >>> mean.shape, spread.shape
    ((5, 2, 2), (5, 2, 2))
    """

    def __init__(self, shape: LeadForecastConfig, tensors: Mapping[str, NDArray[Any]]) -> None:
        self.shape = shape
        self._stack = Stack(shape.stack, tensors, "rnn.")
        self._head = Dense(tensors["head.weight"], tensors["head.bias"])

    def __call__(self, x: NDArray[np.float32]) -> tuple[Values, Values]:
        """μ and b ``[T, K, C]`` after each step of ``x [T, I]``."""
        h, _ = self._stack(x[:, None], np.array([len(x)]))
        outputs = self._head(np.concatenate([h[:, 0], x], axis=1))
        mean, spread = with_spread(outputs)
        blocks = (len(x), len(self.shape.leads), self.shape.channels)
        return mean.reshape(blocks), spread.reshape(blocks)
