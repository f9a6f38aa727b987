r"""A linear model of many features with a quadratic penalty, whose every choice is made by leaving one example out.

.. math::
    W, b = \arg\min \sum_n \lVert y_n - W f_n - b \rVert^2 + \alpha \lVert W \rVert^2, \qquad
    \hat y_n = y_n - \frac{y_n - W f_n - b}{1 - h_n}

where :math:`\hat y_n` is what the model of all the others says of example :math:`n`, and :math:`h_n` a diagonal entry of the hat
matrix. Features are standardised. Classes are indicators 0 and 1, and their scores are :math:`\tau` times as large, so that their
softmax is a probability; :math:`\alpha` and :math:`\tau` are those with the least loss of the examples left out.

Source: T. Hastie, R. Tibshirani, J. Friedman, *The Elements of Statistical Learning*, 2009, section 7.10.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unrolled.aliases import Values
from unrolled.runtime.probabilities import softmax

__all__ = ["Ridge", "fit_classes", "fit_numbers"]

PENALTIES = np.logspace(-3, 3, 13)
"""``α`` tried, relative to the mean squared length of the standardised features."""
SHARPNESS = np.exp2(np.arange(0, 7, 0.5))
"""``τ`` tried."""


@dataclass(frozen=True)
class Ridge:
    """Scores ``W f + b``, and what the models without each example say of it.

    Attributes:
        weight, bias: ``[O, F]`` and ``[O]`` of float32.
        left_out: ``[N, O]``.
    """

    weight: NDArray[np.float32]
    bias: NDArray[np.float32]
    left_out: Values


def fit_classes(features: NDArray[np.float32], classes: NDArray[np.int64], count: int) -> Ridge:
    """Fit to the indices of classes ``[N]``; scores are such that their softmax is a probability.

    >>> features = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
    >>> ridge = fit_classes(features, (features[:, 0] > 0).astype(int), 2)
    >>> float((ridge.left_out.argmax(1) == (features[:, 0] > 0)).mean()) > 0.9
    True
    """
    space = _Space.of(features, np.eye(count)[classes])
    doubt = 1 / (len(classes) + 1)  # so that examples without a mistake do not make the scores infinite
    wanted = (1 - doubt) * np.eye(count)[classes] + doubt / count

    def loss(penalty: float, sharpness: float) -> float:
        return float(-(wanted * np.log(softmax(sharpness * space.left_out(penalty)).clip(1e-300))).sum())

    penalty, sharpness = min(((a, t) for a in PENALTIES for t in SHARPNESS), key=lambda each: loss(*each))
    return space.model(penalty, sharpness)


def fit_numbers(features: NDArray[np.float32], targets: Values) -> Ridge:
    """Fit to numbers ``[N, O]``."""
    space = _Space.of(features, targets)
    return space.model(min(PENALTIES, key=lambda each: float(((space.left_out(each) - targets) ** 2).sum())), 1.0)


@dataclass(frozen=True)
class _Space:
    """The examples, in which all penalties are quickly tried."""

    targets: Values  # [N, O]
    mean: Values  # [F], of the features
    scale: Values  # [F]
    scaled: Values  # [N, F]
    eigenvalues: Values  # [N], of scaled scaled^T
    vectors: Values  # [N, N]

    @classmethod
    def of(cls, features: NDArray[np.float32], targets: Values) -> _Space:
        mean, deviation = features.mean(0, dtype=np.float64), features.std(0, dtype=np.float64)
        varies = deviation > 0
        scale = varies / np.where(varies, deviation, 1) / max(1, np.count_nonzero(varies)) ** 0.5
        scaled = (features - mean) * scale
        eigenvalues, vectors = np.linalg.eigh(scaled @ scaled.T)
        return cls(targets, mean, scale, scaled, eigenvalues.clip(0), vectors)

    def left_out(self, penalty: float) -> Values:
        """What is said of each example by the model of all others."""
        centre = self.targets.mean(0)
        share = self.eigenvalues / (self.eigenvalues + penalty)
        fitted = self.vectors @ (share[:, None] * (self.vectors.T @ (self.targets - centre))) + centre
        hat = self.vectors**2 @ share + 1 / len(self.targets)
        return self.targets - (self.targets - fitted) / (1 - hat).clip(1e-9)[:, None]

    def model(self, penalty: float, sharpness: float) -> Ridge:
        """The model of all examples, its scores ``sharpness`` times as large."""
        centre = self.targets.mean(0)
        dual = self.vectors @ ((self.vectors.T @ (self.targets - centre)) / (self.eigenvalues + penalty)[:, None])
        weight = sharpness * (self.scaled.T @ dual).T * self.scale
        bias = sharpness * centre - weight @ self.mean
        return Ridge(weight.astype(np.float32), bias.astype(np.float32), sharpness * self.left_out(penalty))
