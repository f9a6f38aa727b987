r"""Steps of real numbers drawn from a mixture of Gaussians.

.. math::
    k \sim \pi_k^{1/\tau} / \textstyle\sum_j \pi_j^{1/\tau}, \qquad
    x = \mu_k + \sqrt\tau \, L_k^{-1} \varepsilon, \quad \varepsilon \sim \mathcal N(0, I)

With temperature :math:`\tau = 1` it is the network's own distribution; below 1 the probable becomes more probable: the weights
of components as in sampling of tokens, whether the pen is lifted likewise, and covariances are :math:`\tau` times as large, as
in D. Ha and D. Eck, "A neural representation of sketch drawings", arXiv 1704.03477, equation 8. Other than there, the end of a
sequence is drawn from the network's own odds at any temperature: with sharpened ones an end that is improbable at each step and
certain in the long run would never come.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from unrolled.aliases import Values
from unrolled.errors import InputError
from unrolled.kernels.arrays import elementary
from unrolled.networks.mixture_head import Mixture
from unrolled.parameters.declaration import require
from unrolled.parameters.ranges import Range
from unrolled.runtime.probabilities import sigmoid

__all__ = ["DrawnValues", "MixtureSampling"]


class DrawnValues(NamedTuple):
    """A step of each row."""

    values: Values
    """``[N, C]``, the pen last, 0 or 1."""
    ended: NDArray[np.bool_]
    """Rows that have ended before this step, ``[N]``; their values mean nothing."""


@dataclass(frozen=True, kw_only=True)
class MixtureSampling:
    """How steps are drawn.

    Args:
        temperature: :math:`\\tau`, above 0.

    Raises:
        InputError: it is not.

    >>> surely = np.full((2, 1), 50.0)  # the logarithm of the odds
    >>> below = np.zeros((2, 1, 1))
    >>> mixture = Mixture(-surely[:, 0], surely, np.zeros((2, 1)), np.ones((2, 1, 2)), np.full((2, 1, 2), 9.0), below)
    >>> drawn = MixtureSampling()(mixture, [np.random.default_rng(n) for n in range(2)])
    >>> drawn.values.round(2).tolist(), drawn.ended.tolist()
    ([[1.0, 1.0, 1.0], [1.0, 1.0, 1.0]], [False, False])
    """

    temperature: float = 1.0

    def __post_init__(self) -> None:
        require("temperature", self.temperature, self.temperature in Range(0, open_low=True), "a number above 0")

    def __call__(self, mixture: Mixture, generators: Sequence[np.random.Generator]) -> DrawnValues:
        """Draw a step of each of N rows, which does not depend on the other rows.

        Args:
            mixture: of the rows ``[N, ...]``, as :meth:`unrolled.networks.mixture_head.MixtureHead.mixture` has it.
            generators: N generators, one a row; each gives three numbers and D normal ones.

        Raises:
            InputError: as many generators as rows are expected; or a number is drawn that float32 does not hold, which only a
                very large temperature can do.
        """
        N, _, D = mixture.means.shape
        if len(generators) != N:
            raise InputError(f"{len(generators)} generators for {N} rows: expected one a row")
        u = np.array([each.random(3) for each in generators]).reshape(N, 3)
        epsilon = np.array([each.standard_normal(D) for each in generators]).reshape(N, D)
        ended = u[:, 0] < sigmoid(mixture.end)
        rows, chosen = np.arange(N), self._component(mixture.weights.astype(np.float64), u[:, 1])
        log_diagonal, below = mixture.log_diagonals[rows, chosen], mixture.below[rows, chosen]
        away = _solved(log_diagonal.astype(np.float64), below.astype(np.float64), epsilon)
        values = mixture.means[rows, chosen].astype(np.float64) + self.temperature**0.5 * away
        if (np.abs(values) > np.finfo(np.float32).max).any():
            raise InputError(f"temperature is {self.temperature:g}, but numbers are drawn that are too large: lower it")
        if mixture.pen.shape[-1]:
            with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
                odds = mixture.pen / self.temperature
            lifted = (u[:, 2:] < sigmoid(odds)).astype(np.float64)
            values = np.concatenate([values, lifted], axis=1)
        return DrawnValues(values, ended)

    def _component(self, log_weights: Values, u: Values) -> NDArray[np.intp]:
        """The component ``[N]`` of each row."""
        with np.errstate(over="ignore"):
            q = elementary("exp", (log_weights - log_weights.max(1, keepdims=True)) / self.temperature)
        sums = np.cumsum(q, axis=1)
        return (sums <= (u * sums[:, -1])[:, None]).sum(1)  # u < 1: at least the last sum is larger


def _solved(log_diagonal: Values, below: Values, epsilon: Values) -> Values:
    """``L^-1 epsilon [N, D]``, from the first number to the last."""
    over = elementary("exp", -log_diagonal).astype(np.float64)
    if not below.shape[1]:
        return over * epsilon
    x, at = np.zeros_like(epsilon), 0
    for i in range(epsilon.shape[1]):
        left = epsilon[:, i].copy()
        for j in range(i):
            left -= below[:, at + j] * x[:, j]
        x[:, i] = over[:, i] * left
        at += i
    return x
