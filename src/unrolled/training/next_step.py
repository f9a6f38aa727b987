r"""How a network learns to say the next step: from pieces, or from one long text with its state carried.

.. math::
    \ell = -\frac{1}{\sum_n U_n} \sum_n \sum_{u=1}^{U_n} \log p(y_n[u] \mid y_n[<u], z_n)

Pieces are learned in batches of similar length, each from its beginning to its end. One long text is cut into as many tracks
as a batch has rows, which begin elsewhere in each epoch, and are read side by side, some steps a batch: a batch goes on in the
states in which the one before has ended, and gradients stop between them (truncated backpropagation through time). A track's
first step follows the beginning, as if nothing was known of what was before.

Source: Williams, Peng 1990, *An efficient gradient-based algorithm for on-line training of recurrent network trajectories*;
tracks side by side with their states carried, Zaremba et al. 2014, arXiv 1409.2329.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unrolled.networks.next_step import HeadConfig, NextStep, NextStepConfig, Steps, shifted
from unrolled.training.engine import NetworkModule, NetworkOptions
from unrolled.training.length_buckets import length_buckets
from unrolled.training.problem import Problem

__all__ = ["Pieces", "TextPart", "Variation", "carried_problem", "pieces_problem", "text_parts"]

Variation: TypeAlias = Callable[[Steps, np.random.Generator], Steps]
"""The steps of a piece in another form that is as good, drawn anew for each epoch."""


@dataclass(frozen=True)
class Pieces:
    """Pieces, without beginnings and ends, and what each is to be: classes ``[N]`` or vectors ``[N, D]``."""

    steps: Sequence[Steps]
    conditions: NDArray[Any] | None = None

    def select(self, chosen: NDArray[np.int64]) -> Pieces:
        """Some of them."""
        return Pieces([self.steps[n] for n in chosen], None if self.conditions is None else self.conditions[chosen])

    def varied(self, vary: Variation | None, generator: np.random.Generator) -> Pieces:
        """Each in another form."""
        return self if vary is None else Pieces([vary(steps, generator) for steps in self.steps], self.conditions)


def pieces_problem(
    config: NextStepConfig,
    pieces: Pieces,
    options: NetworkOptions,
    batch_size: int,
    *,
    validation: Pieces | None = None,
    vary: Variation | None = None,
    phase: str = "training",
) -> Problem[NetworkModule, Pieces]:
    """To say each step of pieces, which ``vary`` changes in each epoch, and their ends; ``validation`` chooses the best epoch."""
    lengths = [len(steps) for steps in pieces.steps]
    own_size = min(batch_size, len(lengths))

    def loss(module: NetworkModule, batch: Pieces) -> Tensor:
        return -_told(module, config, batch).mean()

    def batches(generator: np.random.Generator) -> Iterator[Pieces]:
        for chosen in length_buckets(lengths, own_size, generator):
            yield pieces.select(chosen).varied(vary, generator)

    def validate(module: NetworkModule) -> float:
        assert validation is not None
        order = np.argsort([len(steps) for steps in validation.steps], kind="stable")
        batches = [validation.select(order[at : at + batch_size]) for at in range(0, len(order), batch_size)]
        total = sum(_told(module, config, batch).sum().item() for batch in batches)
        return -total / sum(len(steps) + 1 for steps in validation.steps)

    return Problem(
        make=lambda _: NetworkModule(NextStep, config, options),
        batches=batches,
        batches_per_epoch=math.ceil(len(lengths) / own_size),
        loss=loss,
        validate=None if validation is None else validate,
        phase=phase,
    )


def _told(module: NetworkModule, config: NextStepConfig, pieces: Pieces) -> Tensor:
    """The log-likelihoods of all steps and ends."""
    inputs, expected, lengths = shifted(pieces.steps, config.head)
    scores, _ = module(inputs, pieces.conditions, lengths)
    inside = torch.from_numpy(np.arange(len(inputs))[:, None] < lengths)
    return module.network.head.log_p(scores, expected)[inside]


class TextPart(NamedTuple):
    """The next steps of all tracks: what is read and what is to be said, ``[U, B, ...]``; whether the tracks begin with them."""

    inputs: Steps
    expected: Steps
    begins: bool


def carried_problem(
    config: NextStepConfig,
    text: Steps,
    options: NetworkOptions,
    batch_size: int,
    steps: int,
    *,
    validation: Steps | None = None,
    vary: Variation | None = None,
    phase: str = "training",
) -> Problem[NetworkModule, TextPart]:
    """To say each step of one long text.

    Args:
        text: ``[U, ...]``.
        batch_size: tracks.
        steps: of each track that are read at once.
        validation: another part of the text, which chooses the best epoch; it is cut into tracks as well.
        vary: changes the text in each epoch.
    """
    tracks = min(batch_size, len(text))
    states: tuple[Tensor, ...] | None = None

    def loss(module: NetworkModule, part: TextPart) -> Tensor:
        nonlocal states
        scores, after = module(part.inputs, None, None, None if part.begins else states)
        states = tuple(each.detach() for each in after)
        return -module.network.head.log_p(scores, part.expected).mean()

    def batches(generator: np.random.Generator) -> Iterator[TextPart]:
        turned = np.roll(text, -int(generator.integers(len(text))), 0)
        turned = turned if vary is None else vary(turned, generator)
        return text_parts(turned, config.head, tracks, steps)

    def validate(module: NetworkModule) -> float:
        assert validation is not None
        parts = list(text_parts(validation, config.head, min(batch_size, len(validation)), steps))
        return float(np.average([loss(module, part).item() for part in parts], weights=[len(p.inputs) for p in parts]))

    return Problem(
        make=lambda _: NetworkModule(NextStep, config, options),
        batches=batches,
        batches_per_epoch=math.ceil(len(text) // tracks / steps),
        loss=loss,
        validate=None if validation is None else validate,
        phase=phase,
    )


def text_parts(text: Steps, head: HeadConfig, tracks: int, steps: int) -> Iterator[TextPart]:
    """Of one text in tracks of equal length; a rest shorter than a track's number of steps is left out.

    >>> from unrolled.networks.symbol_head import SymbolHeadConfig
    >>> parts = text_parts(np.arange(7), SymbolHeadConfig(symbols=7, size=1), tracks=2, steps=2)
    >>> [(part.inputs.T.tolist(), part.expected.T.tolist(), part.begins) for part in parts]
    [([[8, 0], [8, 3]], [[0, 1], [3, 4]], True), ([[1], [4]], [[2], [5]], False)]
    """
    length = len(text) // tracks
    said = np.moveaxis(text[: tracks * length].reshape(tracks, length, *text.shape[1:]), 0, 1)
    read = np.concatenate([head.first(tracks)[None], said[:-1]])
    for at in range(0, length, steps):
        yield TextPart(read[at : at + steps], head.targets(said[at : at + steps]), not at)
