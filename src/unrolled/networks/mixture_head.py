r"""A head for steps of real numbers: a mixture of Gaussians, with a pen and an end.

.. math::
    p(x, b, e) &= \begin{cases} \hat e & \text{at the end} \\
        (1 - \hat e) \; \hat b^{\,b} (1 - \hat b)^{1 - b} \;
        \sum_{k=1}^K \pi_k \, \mathcal N(x;\, \mu_k, (L_k^\top L_k)^{-1}) & \text{before} \end{cases} \\
    \log \mathcal N(x;\, \mu, (L^\top L)^{-1}) &= \sum_{i=1}^D \Big(
        \log L_{ii} - \tfrac12 \big(L (x - \mu)\big)_i^2 - \tfrac12 \log 2\pi \Big)

of ``D`` numbers :math:`x`, whether the pen is lifted after them, :math:`b`, and whether the sequence has ended before them,
:math:`e`. The scores are a tenth of the log-odds of :math:`\hat e` and :math:`\hat b`, those of :math:`\pi`, a softmax, the
means, and :math:`L`, a lower triangle, so that every choice of its numbers is a covariance. Its diagonal is
:math:`e^{c \tanh(a / c)}` with :math:`c = \log 100`: a deviation is at least 0.01, for a likelihood without a bound rewards
those near zero. ``diagonal`` leaves out what is below it. With two numbers and full covariance it is the bivariate mixture for
handwriting of A. Graves, "Generating sequences with recurrent neural networks", arXiv 1308.0850, equations 18 to 25, in other
coordinates; mixture density networks: C. Bishop 1994.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from unrolled.aliases import Floats
from unrolled.codecs.ranges import Count
from unrolled.networks.engine import Array, Engine

__all__ = ["Mixture", "MixtureHead", "MixtureHeadConfig"]

LOG_RANGE = math.log(100)  # of deviations, on either side of 1
SURER = 10.0  # times its score are an event's log-odds: it is all but certain at most steps, which takes long to learn
HALF_LOG_TAU = 0.5 * math.log(2 * math.pi)


class MixtureHeadConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="mixture"):
    """The sizes of the head.

    >>> MixtureHeadConfig(values=2, components=20, pen=True).outputs
    122
    """

    values: Count
    """``D``, without the pen."""
    components: Count
    """``K``"""
    diagonal: bool = False
    """Whether the values of a component are independent."""
    pen: bool = False
    """Whether the last number of a step says that the pen is lifted after it."""

    @property
    def width(self) -> int:
        """``C``: numbers of a step, with the pen."""
        return self.values + self.pen

    @property
    def inputs(self) -> int:
        """Numbers that the layers read of a step: those it has."""
        return self.width

    @property
    def below(self) -> int:
        """Numbers of a triangle below its diagonal."""
        return 0 if self.diagonal else self.values * (self.values - 1) // 2

    @property
    def outputs(self) -> int:
        """``O``: scores of a step."""
        return 1 + self.pen + self.components * (1 + 2 * self.values + self.below)

    def first(self, rows: int) -> NDArray[np.float32]:
        """What the layers read at the first step, ``[N, C]``."""
        return np.zeros((rows, self.width), np.float32)

    def ending(self, piece: Floats) -> Floats:
        """What is to be said of a piece ``[U, C]``: its steps, and its end, ``[U + 1, C + 1]``."""
        target = np.zeros((len(piece) + 1, self.width + 1), piece.dtype)
        target[:-1, :-1], target[-1, -1] = piece, 1
        return target

    def targets(self, steps: Floats) -> Floats:
        """What is to be said of steps ``[..., C]`` in the midst of a piece, ``[..., C + 1]``."""
        return np.concatenate([steps, np.zeros((*steps.shape[:-1], 1), steps.dtype)], axis=-1)


class Mixture(NamedTuple):
    """What the scores of steps ``[...]`` say."""

    end: Array
    """The logarithm of the odds of the end, ``[...]``."""
    pen: Array
    """Those of a lifted pen, ``[...]``; empty without a pen."""
    weights: Array
    """The logarithms of the components' weights, up to a summand, ``[..., K]``."""
    means: Array
    """``[..., K, D]``"""
    log_diagonals: Array
    """Of the triangles, ``[..., K, D]``."""
    below: Array
    """Their other numbers, row by row, ``[..., K, D (D - 1) / 2]``."""


class MixtureHead:
    """The head; its words are the engine's.

    >>> from unrolled.runtime.engine import KernelEngine
    >>> config = MixtureHeadConfig(values=2, components=3, pen=True)
    >>> dense = {"scores.weight": np.zeros((config.outputs, 4), np.float32), "scores.bias": np.zeros(config.outputs, np.float32)}
    >>> head = MixtureHead(KernelEngine(dense), config, 4)
    >>> scores = head(np.ones((5, 1, 4), np.float32))
    >>> log_p = head.log_p(scores, np.zeros((5, 1, 4)))  # of the mean, with the pen down, which is not the end
    >>> bool(np.allclose(log_p, np.log(0.5 * 0.5 / (2 * np.pi))))
    True
    """

    def __init__(self, engine: Engine, config: MixtureHeadConfig, inputs: int) -> None:
        self.engine, self.config = engine, config
        self.scores = engine.dense("scores", inputs, config.outputs)

    def __call__(self, h: Array, steps: Floats | None = None) -> Array:
        """Scores ``[..., O]`` of what follows, from the layers' outputs ``[..., H]``."""
        return self.scores(h)

    def read(self, steps: Floats) -> Array:
        """Steps ``[U, N, C]`` as the layers read them."""
        x, D = self.engine.constant(steps.astype(np.float32)), self.config.values
        if not self.config.pen:
            return self.engine.drop_steps(self.engine.noisy(x))
        return self.engine.drop_steps(self.engine.concatenate([self.engine.noisy(x[..., :D]), x[..., D:]]))

    def log_p(self, scores: Array, target: Floats) -> Array:
        """The log-likelihood of each step, ``[...]``.

        Args:
            scores: ``[..., O]``.
            target: ``[..., C + 1]``: the values, with a pen 1 where it is lifted and else 0, and last 1 at the end and else 0;
                at the end the others are to be 0.
        """
        found, D, y = self.mixture(scores), self.config.values, self.engine.constant(target)
        joint = found.weights + self._log_densities(found, y[..., :D])
        log_density = self.engine.log_sum_exp(joint) - self.engine.log_sum_exp(found.weights)
        if self.config.pen:
            log_density = log_density + self._log_chance(found.pen, y[..., D])
        end = y[..., -1]
        return self._log_chance(found.end, end) + (1 - end) * log_density

    def mixture(self, scores: Array) -> Mixture:
        """What scores ``[..., O]`` say."""
        K, D, pen = self.config.components, self.config.values, self.config.pen
        at = events = 1 + pen
        sizes, parts = (K, K * D, K * D, K * self.config.below), list[Array]()
        for size in sizes:
            parts.append(scores[..., at : at + size])
            at += size
        weights, means, diagonals, below = parts
        shape = scores.shape[:-1]
        diagonals = LOG_RANGE * self.engine.tanh(diagonals.reshape(*shape, K, D) / LOG_RANGE)
        below = below.reshape(*shape, K, self.config.below)
        odds = SURER * scores[..., :events]
        return Mixture(odds[..., 0], odds[..., 1:], weights, means.reshape(*shape, K, D), diagonals, below)

    def _log_densities(self, found: Mixture, x: Array) -> Array:
        """Of ``x [..., D]`` in each component, ``[..., K]``."""
        away = x[..., None, :] - found.means
        z = self.engine.exp(found.log_diagonals) * away + self._product_below(found.below, away)
        return self.engine.sum(found.log_diagonals - 0.5 * z * z - HALF_LOG_TAU)

    def _product_below(self, below: Array, away: Array) -> Array:
        """``(L - diag L) away``, row by row, ``[..., K, D]``; 0 where nothing is below the diagonal."""
        if not self.config.below:
            return 0.0
        rows, at = [0 * away[..., :1]], 0
        for i in range(1, self.config.values):
            rows.append(self.engine.sum(below[..., at : at + i] * away[..., :i])[..., None])
            at += i
        return self.engine.concatenate(rows)

    def _log_chance(self, score: Array, happened: Array) -> Array:
        r""":math:`\log \sigma(s)` where it ``happened``, else :math:`\log \sigma(-s)`."""
        signed = (1 - 2 * happened) * score.reshape(happened.shape)
        return -self.engine.log_sum_exp(self.engine.concatenate([0 * signed[..., None], signed[..., None]]))
