r"""How a network learns to transcribe: the negative log-likelihood of symbols, summed over the alignments that say them.

.. math::
    L = -\frac{1}{\sum_n U_n} \sum_n \log p(y_n \mid x_n), \qquad
    p(y \mid x) = \sum_{\pi : B(\pi) = y} \prod_{t=1}^{T} p_t(\pi_t)

with the paths of :mod:`unrolled.runtime.decoding.ctc` and torch's recursion over them. An alignment needs
:func:`unrolled.runtime.decoding.ctc.fewest_frames` steps; who calls this has checked that each sequence has so many.

Source: Graves, Fernández, Gomez, Schmidhuber 2006, *Connectionist temporal classification*.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import ctc_loss

from unrolled.codecs.inputs import Item
from unrolled.networks.tagger import Tagger, TaggerConfig, TagScores
from unrolled.runtime.decoding.ctc import fewest_frames
from unrolled.training.engine import NetworkModule, NetworkOptions
from unrolled.training.length_buckets import length_buckets
from unrolled.training.problem import Problem

__all__ = ["Transcripts", "ctc_problem"]

Draw = Callable[[int, np.random.Generator], Item]
"""An item by its number, changed at random."""


@dataclass(frozen=True)
class Transcripts:
    """Items, and the places of the symbols that are said in each, ``[U_i]`` from 1 on; 0 is the blank."""

    items: Sequence[Item]
    targets: Sequence[NDArray[np.int64]]

    def select(self, chosen: NDArray[np.int64]) -> Transcripts:
        """Some of them."""
        return Transcripts([self.items[n] for n in chosen], [self.targets[n] for n in chosen])

    @property
    def symbols(self) -> int:
        """How many there are in all targets, at least 1."""
        return max(1, sum(map(len, self.targets)))


def ctc_problem(
    config: TaggerConfig,
    transcripts: Transcripts,
    options: NetworkOptions,
    batch_size: int,
    *,
    draw: Draw | None = None,
    validation: Transcripts | None = None,
    phase: str = "training",
) -> Problem[NetworkModule, Transcripts]:
    """To say what was said in each item.

    Args:
        draw: what is learned from in place of an item, anew in every epoch; where it became too short for its target, the item
            itself is.
        validation: what chooses the best epoch, as it is.
    """
    lengths = [len(item) for item in transcripts.items]
    own_size = min(batch_size, len(lengths))

    def batches(generator: np.random.Generator) -> Iterator[Transcripts]:
        for chosen in length_buckets(lengths, own_size, generator):
            batch = transcripts.select(chosen)
            yield batch if draw is None else _drawn(batch, chosen, draw, generator)

    def validate(module: NetworkModule) -> float:
        assert validation is not None
        order = np.argsort([len(item) for item in validation.items], kind="stable")
        parts = [validation.select(order[at : at + batch_size]) for at in range(0, len(order), batch_size)]
        return sum(_loss(module, part, "sum").item() for part in parts) / validation.symbols

    return Problem(
        make=lambda _: NetworkModule(Tagger, config, options),
        batches=batches,
        batches_per_epoch=math.ceil(len(lengths) / own_size),
        loss=lambda module, batch: _loss(module, batch, "mean"),
        validate=None if validation is None else validate,
        phase=phase,
    )


def _drawn(batch: Transcripts, chosen: NDArray[np.int64], draw: Draw, generator: np.random.Generator) -> Transcripts:
    """A batch whose items were changed at random."""
    drawn = [draw(n, generator) for n in chosen.tolist()]
    items = [
        new if len(new) >= fewest_frames(target) else item
        for new, item, target in zip(drawn, batch.items, batch.targets, strict=True)
    ]
    return Transcripts(items, batch.targets)


def _loss(module: NetworkModule, batch: Transcripts, reduction: Literal["mean", "sum"]) -> Tensor:
    scores: TagScores = module(batch.items)
    log_p = torch.log_softmax(scores.emissions, -1)  # [T, B, V]
    targets = torch.from_numpy(np.concatenate(batch.targets))
    sizes = torch.tensor([len(target) for target in batch.targets])
    total = ctc_loss(log_p, targets, torch.from_numpy(scores.lengths), sizes, reduction="sum")
    return total / batch.symbols if reduction == "mean" else total
