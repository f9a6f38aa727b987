"""Learning from items and what is wanted of each: batches by length, validation, the loop."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unrolled.codecs.inputs import Item
from unrolled.training.length_buckets import length_buckets
from unrolled.training.loop import TrainingRun
from unrolled.training.options import TrainingOptions
from unrolled.training.seeded import train_seeded

__all__ = ["Answers", "learn", "weighted_mean"]

Module = TypeVar("Module", bound=torch.nn.Module)


@dataclass(frozen=True)
class Answers:
    """Items, and what is wanted of each; ``weights [N]`` of float32 say how much each counts, which is alike without them."""

    items: Sequence[Item]
    wanted: Sequence[Any] | NDArray[Any]
    weights: NDArray[np.float32] | None = None

    def select(self, chosen: NDArray[np.int64]) -> Answers:
        """Some of them."""
        weights = None if self.weights is None else self.weights[chosen]
        return Answers([self.items[n] for n in chosen], [self.wanted[n] for n in chosen], weights)

    @property
    def weight(self) -> float:
        """How much they count together."""
        return len(self.items) if self.weights is None else float(self.weights.sum())


def weighted_mean(losses: Tensor, counts: Tensor) -> Tensor:
    """The mean of losses ``[B]`` that count as ``counts [B]`` say; 0 where none counts."""
    return (losses * counts).sum() / counts.sum().clamp_min(torch.finfo(counts.dtype).tiny)


def learn(
    make: Callable[[], Module],
    loss: Callable[[Module, Answers], Tensor],
    answers: Answers,
    options: TrainingOptions,
    *,
    kept_back: Answers | None = None,
    phase: str = "training",
) -> tuple[Module, TrainingRun]:
    """Train the module that ``make`` makes on the mean ``loss`` of batches; with ``kept_back`` it ends in the state of
    the epoch that does best on it.
    """
    lengths = [len(item) for item in answers.items]
    batch_size = min(options.batch_size, len(lengths))

    def validate(module: Module) -> float:
        assert kept_back is not None
        N = len(kept_back.items)
        order = np.argsort([len(item) for item in kept_back.items], kind="stable")
        batches = [kept_back.select(order[at : at + options.batch_size]) for at in range(0, N, options.batch_size)]
        return sum(loss(module, batch).item() * batch.weight for batch in batches) / kept_back.weight

    return train_seeded(
        lambda _: make(),
        lambda generator: length_buckets(lengths, batch_size, generator),
        lambda module, chosen: loss(module, answers.select(chosen)),
        options,
        batches_per_epoch=math.ceil(len(lengths) / batch_size),
        phase=phase,
        validate=None if kept_back is None else validate,
    )
