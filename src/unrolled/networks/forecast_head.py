r"""The output of a forecasting network for each step ahead: quantiles, or a Student t distribution.

The head gives ``K`` numbers :math:`o` for each step. As quantiles they are the median, and for each other quantile its
distance from its neighbour towards the median through :math:`\mathrm{softplus}(a) = \log(1 + e^a)`, so that quantiles
cannot cross. As a Student t they are

.. math::
    \mu = o_1, \qquad \sigma = \mathrm{softplus}(o_2), \qquad \nu = 2 + \mathrm{softplus}(o_3), \qquad
    \hat z^{(q)} = \mu + \sigma\, t_\nu^{-1}(q),

with :math:`\nu` above 2 so that the variance is finite (Salinas et al. 2020, "DeepAR", doi 10.1016/j.ijforecast.2019.07.001,
use the t distribution's like).
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from unrolled.aliases import Values
from unrolled.codecs.ranges import Count, Size
from unrolled.codecs.student_t import student_t_quantile
from unrolled.networks.stack import LayerOptions, StackConfig

__all__ = ["LEAST_SCALE", "Distribution", "ForecastNetworkConfig", "quantiles_of"]

Distribution = Literal["quantiles", "student_t"]

LEAST_SCALE = 1e-4  # of a Student t, on the scale of z: a likelihood without a bound rewards scales near zero


class ForecastNetworkConfig(LayerOptions, frozen=True, forbid_unknown_fields=True):
    """The sizes that fix every array of a forecasting model."""

    method: ClassVar[Literal["smoothing", "windows"]]
    """Which of the two models this is."""

    cell: str
    hidden_size: Count
    num_layers: Count
    input_window: Count
    horizon: Count
    quantiles: tuple[float, ...]
    """Ascending, 0.5 among them."""
    season: Count
    members: Count
    past: Size = 0
    future: Size = 0
    static: Size = 0
    distribution: Distribution = "quantiles"

    @property
    def inputs(self) -> int:
        """Length of what the recurrent layers read at each step."""
        raise NotImplementedError

    @property
    def stack(self) -> StackConfig:
        """The recurrent layers of a member."""
        options = {name: getattr(self, name) for name in LayerOptions.__struct_fields__}
        return StackConfig(self.cell, self.inputs, self.hidden_size, self.num_layers, **options)

    @property
    def median(self) -> int:
        """Position of 0.5 among the quantiles."""
        return self.quantiles.index(0.5)

    @property
    def outputs(self) -> int:
        """``K``: numbers of the head for each step ahead."""
        return 3 if self.distribution == "student_t" else len(self.quantiles)

    @property
    def location(self) -> int:
        """Which of the head's numbers is the median."""
        return 0 if self.distribution == "student_t" else self.median


def quantiles_of(config: ForecastNetworkConfig, outputs: NDArray[np.floating[Any]]) -> Values:
    """The head's outputs ``[B, H K]`` as ascending quantiles ``[B, H, Q]``."""
    raw = outputs.astype(np.float64).reshape(-1, config.horizon, config.outputs)
    positive = np.logaddexp(0, raw)
    if config.distribution == "student_t":
        location, scale, nu = raw[..., 0], positive[..., 1] + LEAST_SCALE, 2 + positive[..., 2]
        return np.stack([location + scale * student_t_quantile(q, nu) for q in config.quantiles], axis=-1)
    middle = config.median
    quantiles = positive
    quantiles[..., middle] = raw[..., middle]
    for j in range(middle + 1, raw.shape[-1]):
        quantiles[..., j] += quantiles[..., j - 1]
    for j in range(middle - 1, -1, -1):
        quantiles[..., j] = quantiles[..., j + 1] - quantiles[..., j]
    return quantiles
