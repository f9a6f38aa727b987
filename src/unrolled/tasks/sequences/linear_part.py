r"""A linear model of random convolutions beside the networks, and how much each of the two counts.

.. math::
    p = \lambda\, p_{\text{networks}} + (1 - \lambda)\, p_{\text{linear}}

for probabilities, and in the same way for numbers. :math:`\lambda` is the most likely one by examples that neither part has
learned from, under a Beta(2, 2) distribution that expects both to be of use: with few examples it stays near a half.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.aliases import Values
from unrolled.networks.parameters import Parameters
from unrolled.runtime.dense import Dense
from unrolled.tasks.sequences.convolutions import ConvolutionConfig, Convolutions
from unrolled.tasks.sequences.ridge import fit_classes, fit_numbers

__all__ = ["LinearPart", "linear_parameters", "share_of_networks"]

SHARES = np.arange(1, 20) / 20


@dataclass(frozen=True)
class LinearPart:
    """Scores of sequences ``[T_i, C]`` of standardised numbers, without a network.

    Attributes:
        networks: ``λ``, how much the networks count beside it.
    """

    convolutions: Convolutions
    weight: NDArray[np.float32]
    bias: NDArray[np.float32]
    networks: float = 0.5

    @classmethod
    def fit(
        cls,
        sequences: Sequence[NDArray[np.float32]],
        targets: NDArray[Any],
        outputs: int,
        generator: np.random.Generator,
    ) -> tuple[LinearPart, Values]:
        """Fit to the indices of classes ``[N]`` or to numbers ``[N, O]``.

        Returns:
            The part, and the scores ``[N, O]`` of each sequence by the part of all the others.
        """
        convolutions = Convolutions.fit(sequences, generator)
        features = convolutions(sequences)
        ridge = fit_classes(features, targets, outputs) if targets.ndim == 1 else fit_numbers(features, targets)
        return cls(convolutions, ridge.weight, ridge.bias), ridge.left_out

    def weighed(self, networks: Values, own: Values, targets: NDArray[Any]) -> LinearPart:
        """The same beside networks whose outputs for some examples are compared with its own."""
        return replace(self, networks=share_of_networks(networks, own, targets))

    def mixed(self, networks: Values, own: Values) -> Values:
        """The outputs of both together."""
        return self.networks * networks + (1 - self.networks) * own

    def scores(self, sequences: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        """Those of any number of sequences, ``[N, O]``."""
        return Dense(self.weight, self.bias)(self.convolutions(sequences))

    def tensors(self) -> dict[str, NDArray[np.float32]]:
        """The arrays as a model file names them."""
        return {**self.convolutions.tensors(), "linear.weight": self.weight, "linear.bias": self.bias}

    @classmethod
    def restored(
        cls, tensors: Mapping[str, NDArray[np.float32]], config: ConvolutionConfig, networks: float
    ) -> LinearPart:
        """Put together from arrays that are as :func:`linear_parameters` says."""
        convolutions = Convolutions(config, tensors["convolutions.thresholds"], tensors["convolutions.channels"])
        return cls(convolutions, tensors["linear.weight"], tensors["linear.bias"], networks)


def linear_parameters(config: ConvolutionConfig, outputs: int) -> Parameters:
    """Name → shape and dtype of every array."""
    linear: Parameters = {
        "linear.weight": ((outputs, config.features), np.float32),
        "linear.bias": ((outputs,), np.float32),
    }
    return {**config.parameters(), **linear}


def share_of_networks(networks: Values, linear: Values, targets: NDArray[Any]) -> float:
    """``λ`` by what both parts say of examples that they have not learned from.

    Args:
        networks, linear: probabilities or numbers, ``[N, O]``.
        targets: indices of classes ``[N]``, or numbers ``[N, O]``.

    >>> right, wrong = np.array([[0.9, 0.1]] * 20), np.array([[0.1, 0.9]] * 20)
    >>> round(share_of_networks(right, wrong, np.zeros(20, np.int64)), 2)
    0.95
    >>> round(share_of_networks(right, right, np.zeros(20, np.int64)), 2)
    0.5
    """

    def surprise(share: float) -> float:
        mixed = share * networks + (1 - share) * linear
        if targets.ndim == 1:
            found = -np.log(mixed[np.arange(len(mixed)), targets].clip(1e-12)).sum()
        else:
            found = targets.size / 2 * np.log(((mixed - targets) ** 2).mean(dtype=np.float64).clip(1e-12))
        return float(found - np.log(share * (1 - share)))

    return float(min(SHARES, key=lambda share: (round(surprise(share), 9), abs(share - 0.5))))
