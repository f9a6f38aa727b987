r"""How :class:`unrolled.networks.encoder_decoder.EncoderDecoder` learns: the mean negative log-likelihood of a target's symbols.

.. math::
    L = -\frac 1 {\sum_n U_n} \sum_n \sum_{u=1}^{U_n} \sum_v q_{nu}(v) \log p(v \mid y_{n, <u}, x_n), \qquad
    q_{nu}(v) = (1 - \epsilon)\, [v = y_{nu}] + \epsilon / V

with the true :math:`y_{<u}` (teacher forcing) and label smoothing :math:`\epsilon` (Szegedy et al. 2016, arXiv 1512.00567). With
scheduled sampling (Bengio et al. 2015, arXiv 1506.03099) a share of the symbols that the decoder reads is drawn from what it
says itself, in a first pass over the true ones (Mihaylova and Martins 2019, arXiv 1906.07651), so that two calls of each
layer do. Validation is without both.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cross_entropy

from unrolled.codecs.inputs import Item
from unrolled.networks.encoder_decoder import EncoderDecoder, EncoderDecoderConfig, shifted
from unrolled.training.engine import NetworkModule, NetworkOptions
from unrolled.training.length_buckets import length_buckets
from unrolled.training.problem import Problem

__all__ = ["Pairs", "encoder_decoder_problem"]

IGNORED = -100  # cross_entropy leaves steps past the end out


@dataclass(frozen=True)
class Pairs:
    """Sources and their targets, the places of symbols ``[U_i]`` without beginning and end."""

    sources: Sequence[Item]
    targets: Sequence[NDArray[np.int64]]

    def select(self, chosen: NDArray[np.int64]) -> Pairs:
        """Some of them."""
        return Pairs([self.sources[n] for n in chosen], [self.targets[n] for n in chosen])

    @property
    def order(self) -> NDArray[np.int64]:
        """A number for each that grows with the target's length, and of targets of one length with the source's."""
        sources = np.array([len(source) for source in self.sources])
        return np.array([len(target) for target in self.targets]) * (sources.max(initial=0) + 1) + sources


def encoder_decoder_problem(
    config: EncoderDecoderConfig,
    pairs: Pairs,
    options: NetworkOptions,
    batch_size: int,
    *,
    label_smoothing: float = 0.0,
    scheduled_sampling: float = 0.0,
    validation: Pairs | None = None,
    phase: str = "training",
) -> Problem[NetworkModule, NDArray[np.int64]]:
    """To say targets after their sources.

    Args:
        label_smoothing: ε, from 0 to below 1.
        scheduled_sampling: the share of symbols read that the network says itself, from 0 to 1.
        validation: pairs that choose the best epoch.
    """
    lengths = pairs.order.tolist()
    own_size = min(batch_size, len(lengths))

    def loss(module: NetworkModule, chosen: NDArray[np.int64]) -> Tensor:
        return _loss(module, config, pairs.select(chosen), "mean", label_smoothing, scheduled_sampling)

    def validate(module: NetworkModule) -> float:
        assert validation is not None
        order = np.argsort(validation.order, kind="stable")
        batches = [validation.select(order[at : at + batch_size]) for at in range(0, len(order), batch_size)]
        total = sum(_loss(module, config, batch, "sum").item() for batch in batches)
        return total / sum(len(target) + 1 for target in validation.targets)

    return Problem(
        make=lambda _: NetworkModule(EncoderDecoder, config, options),
        batches=lambda generator: length_buckets(lengths, own_size, generator),
        batches_per_epoch=math.ceil(len(lengths) / own_size),
        loss=loss,
        validate=None if validation is None else validate,
        phase=phase,
    )


def _loss(
    module: NetworkModule,
    config: EncoderDecoderConfig,
    pairs: Pairs,
    reduction: Literal["mean", "sum"],
    label_smoothing: float = 0.0,
    scheduled_sampling: float = 0.0,
) -> Tensor:
    inputs, expected, lengths = shifted(pairs.targets, config)
    if scheduled_sampling:
        inputs = _mixed(module, pairs.sources, inputs, lengths, scheduled_sampling)
    scores = module(pairs.sources, inputs, lengths)
    expected[np.arange(len(expected))[:, None] >= lengths] = IGNORED
    told = torch.from_numpy(expected).flatten()
    return cross_entropy(
        scores.flatten(0, 1), told, ignore_index=IGNORED, reduction=reduction, label_smoothing=label_smoothing
    )


@torch.no_grad()
def _mixed(
    module: NetworkModule, sources: Sequence[Item], inputs: NDArray[np.int64], lengths: NDArray[np.int64], share: float
) -> NDArray[np.int64]:
    """The inputs, of which a share is drawn from what the network says after those before; never the first."""
    scores = module(sources, inputs, lengths)[:-1]
    drawn = torch.distributions.Categorical(logits=scores).sample()
    known = torch.from_numpy(inputs[1:])
    mixed = torch.where(torch.rand(known.shape) < share, drawn, known)
    return np.concatenate([inputs[:1], mixed.numpy()])
