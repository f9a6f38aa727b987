"""Learning from items and their targets: batches by length, validation."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unrolled.codecs.inputs import Item
from unrolled.training.length_buckets import length_buckets
from unrolled.training.problem import Module, Problem

__all__ = ["Examples", "examples_problem", "weighted_mean"]


@dataclass(frozen=True)
class Examples:
    """Items and their targets; ``weights [N]`` of float32 say how much each counts, which is alike without them."""

    items: Sequence[Item]
    targets: Sequence[Any] | NDArray[Any]
    weights: NDArray[np.float32] | None = None

    def select(self, chosen: NDArray[np.int64]) -> Examples:
        """Some of them."""
        weights = None if self.weights is None else self.weights[chosen]
        return Examples([self.items[n] for n in chosen], [self.targets[n] for n in chosen], weights)

    @property
    def weight(self) -> float:
        """How much they count together."""
        return len(self.items) if self.weights is None else float(self.weights.sum())


def weighted_mean(losses: Tensor, counts: Tensor) -> Tensor:
    """The mean of losses ``[B]`` that count as ``counts [B]`` say; 0 where none counts."""
    return (losses * counts).sum() / counts.sum().clamp_min(torch.finfo(counts.dtype).tiny)


def examples_problem(
    make: Callable[[], Module],
    loss: Callable[[Module, Examples], Tensor],
    examples: Examples,
    batch_size: int,
    *,
    validation: Examples | None = None,
    phase: str = "training",
) -> Problem[Module, NDArray[np.int64]]:
    """To minimise the mean ``loss`` of batches; the best epoch is the one that does best on ``validation``."""
    lengths = [len(item) for item in examples.items]
    own_size = min(batch_size, len(lengths))

    def validate(module: Module) -> float:
        assert validation is not None
        order = np.argsort([len(item) for item in validation.items], kind="stable")
        batches = [validation.select(order[at : at + batch_size]) for at in range(0, len(order), batch_size)]
        return sum(loss(module, batch).item() * batch.weight for batch in batches) / validation.weight

    return Problem(
        make=lambda _: make(),
        batches=lambda generator: length_buckets(lengths, own_size, generator),
        batches_per_epoch=math.ceil(len(lengths) / own_size),
        loss=lambda module, chosen: loss(module, examples.select(chosen)),
        validate=None if validation is None else validate,
        phase=phase,
    )
