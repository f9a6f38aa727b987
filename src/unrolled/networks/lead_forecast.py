r"""Forecasts for several steps ahead with their expected errors, made again after every step.

.. math::
    h[t] &= \mathrm{RNN}(x[t], h[t-1]) \\
    (\mu, a)[t] &= V\,(h[t], x[t]) + c, \qquad b = \log(1 + e^{a}) + 0.001

:math:`\mu[t]_k` forecasts the values ``k`` steps after ``t``, for each ``k`` of the leads, and :math:`b[t]_k` is the
mean absolute error it expects. The input also goes directly to the output, so the network contains a linear
autoregression.
"""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from unrolled.aliases import Values
from unrolled.codecs.ranges import Count
from unrolled.networks.engine import Array, Engine
from unrolled.networks.parameters import Parameters, parameters_of
from unrolled.networks.spread import with_spread
from unrolled.networks.stack import StackConfig

__all__ = ["LeadForecast", "LeadForecastConfig"]


class LeadForecastConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="forecast"):
    """The sizes of the network."""

    stack: StackConfig
    leads: tuple[Count, ...]
    channels: Count

    @property
    def outputs(self) -> int:
        """Number of outputs of a step."""
        return 2 * len(self.leads) * self.channels

    def parameters(self) -> Parameters:
        """Name → shape and dtype of every parameter."""
        return parameters_of(LeadForecast, self)


class LeadForecast:
    """The network. After training its output at a step does not depend on anything later, to the last bit.

    >>> from unrolled.runtime.engine import KernelEngine
    >>> config = LeadForecastConfig(StackConfig("gru", inputs=3, hidden_size=4, num_layers=1), leads=(1, 2), channels=2)
    >>> parameters = {name: np.zeros(*kind) for name, kind in config.parameters().items()}
    >>> mean, spread = LeadForecast(KernelEngine(parameters), config).forecast(np.ones((5, 3), np.float32))
    >>> mean.shape, spread.shape
    ((5, 2, 2), (5, 2, 2))
    """

    def __init__(self, engine: Engine, config: LeadForecastConfig) -> None:
        self.engine, self.config = engine, config
        self.rnn = engine.stack("rnn", config.stack)
        self.head = engine.dense("head", config.stack.outputs + config.stack.inputs, config.outputs)

    def __call__(self, x: Array) -> Array:
        """``(μ, a) [T, B, 2 K C]`` after each step of ``x [T, B, I]``."""
        h, _ = self.rnn(x)
        return self.head(self.engine.concatenate([self.engine.dropout(h), x]))

    def forecast(self, x: NDArray[np.float32]) -> tuple[Values, Values]:
        """μ and b ``[T, K, C]`` after each step of ``x [T, I]``."""
        mean, spread = with_spread(self(x[:, None]))
        blocks = (len(x), len(self.config.leads), self.config.channels)
        return mean.reshape(blocks), spread.reshape(blocks)
