r"""Random convolutions: how often each of many fixed kernels, at many dilations, exceeds one of its thresholds.

.. math::
    c_k[t] = \sum_{j=-4}^{4} w_{k,j} \sum_{i \in S_k} z_i[t + j\,d], \qquad
    f_{k,b} = \tfrac 1 T\, \bigl|\{t : c_k[t] > \theta_{k,b}\}\bigr|

with the 84 kernels whose weights are three times 2 and six times -1, dilations :math:`d` up to an eighth of the length, random
channels :math:`S_k`, and thresholds that are quantiles of what the kernel gives on sequences that are learned from. Beyond its
ends a sequence is zero, its channels' mean. Nothing is trained; a linear model of the features is strong where sequences are few.

Source: A. Dempster, D. F. Schmidt, G. I. Webb, "MiniRocket: a very fast (almost) deterministic transform for time series
classification", 2021, arXiv 2012.08791; its variant for several channels draws them in the same way.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import msgspec
import numpy as np
from numpy.typing import NDArray

from unrolled.codecs.ranges import Count
from unrolled.networks.parameters import Parameters

__all__ = ["ConvolutionConfig", "Convolutions"]

REACH = 4  # steps, times the dilation, that a kernel sees on either side
KERNELS = np.full((84, 2 * REACH + 1), -1, np.float32)
for _kernel, _places in zip(KERNELS, combinations(range(2 * REACH + 1), 3), strict=True):
    _kernel[list(_places)] = 2
FEATURES = 2000  # about
MOST_CHANNELS = 9  # of a kernel
SAMPLED = 8  # sequences whose quantiles are thresholds
GOLDEN = (5**0.5 + 1) / 2
LARGEST_BATCH = 1 << 22  # comparisons at once

Scaled = NDArray[np.float32]


class ConvolutionConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What fixes every array of the convolutions."""

    channels: Count
    dilations: list[Count]
    thresholds: Count
    """Of each kernel at each dilation."""

    @classmethod
    def of(cls, sequences: Sequence[Scaled]) -> ConvolutionConfig:
        """Dilations by the median length, as many octaves in halves."""
        length = float(np.median([len(each) for each in sequences]))
        octaves = np.log2(max(1.0, (length - 1) / (2 * REACH)))
        dilations = np.unique(np.exp2(np.linspace(0, octaves, 2 * int(octaves) + 1)).astype(int)).tolist()
        return cls(sequences[0].shape[1], dilations, max(1, FEATURES // (len(KERNELS) * len(dilations))))

    @property
    def features(self) -> int:
        """How many features a sequence has."""
        return len(self.dilations) * len(KERNELS) * self.thresholds

    def parameters(self) -> Parameters:
        """Name → shape and dtype of every array."""
        kernels = len(self.dilations), len(KERNELS)
        return {
            "convolutions.thresholds": ((*kernels, self.thresholds), np.float32),
            "convolutions.channels": ((*kernels, self.channels), np.float32),
        }


@dataclass(frozen=True)
class Convolutions:
    """The features of sequences ``[T_i, C]`` of standardised numbers; those of one are the same bits alone and in a batch.

    >>> generator = np.random.default_rng(0)
    >>> sequences = [generator.normal(size=(n, 2)).astype(np.float32) for n in (30, 40, 40)]
    >>> convolutions = Convolutions.fit(sequences, generator)
    >>> convolutions(sequences).shape, convolutions.config.dilations
    ((3, 1680), [1, 2, 3, 4])
    """

    config: ConvolutionConfig
    thresholds: NDArray[np.float32]
    """``[D, 84, B]``"""
    channels: NDArray[np.float32]
    """``[D, 84, C]``: 1 where a kernel reads a channel, or else 0."""

    @classmethod
    def fit(cls, sequences: Sequence[Scaled], generator: np.random.Generator) -> Convolutions:
        """Draw channels, and thresholds from what the kernels give on a few of the sequences."""
        config = ConvolutionConfig.of(sequences)
        kernels = len(config.dilations), len(KERNELS)
        counts = np.exp2(generator.uniform(0, np.log2(min(config.channels, MOST_CHANNELS) + 1), kernels)).astype(int)
        ranks = generator.random((*kernels, config.channels)).argsort(-1)
        channels = (ranks < counts[..., None]).astype(np.float32)
        few = generator.permutation(len(sequences))[:SAMPLED]
        shares = (np.arange(1, config.features + 1) * GOLDEN % 1).reshape(*kernels, config.thresholds)
        thresholds = np.empty(shares.shape, np.float32)
        for n, dilation in enumerate(config.dilations):
            found = [_convolved(sequences[k][None], channels[n], dilation)[0] for k in few]
            for kernel, values in enumerate(np.concatenate(found, axis=1)):
                thresholds[n, kernel] = np.quantile(values, shares[n, kernel])
        return cls(config, thresholds, channels)

    def __call__(self, sequences: Sequence[Scaled]) -> NDArray[np.float32]:
        """The features ``[N, F]``, between 0 and 1."""
        features = np.empty((len(sequences), *self.thresholds.shape), np.float32)
        for chosen in _batches_of_one_length(sequences, self.config.thresholds):
            batch = np.stack([sequences[n] for n in chosen])
            for n, dilation in enumerate(self.config.dilations):
                found = _convolved(batch, self.channels[n], dilation)
                above = found[:, :, None] > self.thresholds[n][..., None]
                features[chosen, n] = np.count_nonzero(above, axis=-1) / np.float32(batch.shape[1])
        return features.reshape(len(sequences), -1)

    def tensors(self) -> dict[str, NDArray[np.float32]]:
        """The arrays as a model file names them."""
        return {"convolutions.thresholds": self.thresholds, "convolutions.channels": self.channels}


def _convolved(x: Scaled, channels: NDArray[np.float32], dilation: int) -> NDArray[np.float32]:
    """Every kernel at every step of sequences ``[N, T, C]``, which are zero beyond their ends: ``[N, 84, T]``."""
    N, T, C = x.shape
    dilation = min(dilation, T)  # farther steps are zero
    read = np.zeros((N, 1 if C == 1 else len(KERNELS), T), np.float32)
    for channel in range(C):  # in a fixed order, so that a sum has the same bits in every batch
        read += x[:, None, :, channel] if C == 1 else channels[:, channel, None] * x[:, None, :, channel]
    padded = np.pad(read, ((0, 0), (0, 0), (REACH * dilation, REACH * dilation)))
    found = np.zeros((N, len(KERNELS), T), np.float32)
    for j in range(2 * REACH + 1):
        found += KERNELS[:, j, None] * padded[:, :, j * dilation : j * dilation + T]
    return found


def _batches_of_one_length(sequences: Sequence[Scaled], thresholds: int) -> Iterator[NDArray[np.int64]]:
    lengths = np.array([len(each) for each in sequences])
    for length in np.unique(lengths):
        own = np.flatnonzero(lengths == length)
        size = max(1, LARGEST_BATCH // (int(length) * len(KERNELS) * thresholds))
        yield from (own[at : at + size] for at in range(0, len(own), size))
