"""How to train, whatever the model and the data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from unrolled.training.loop import Progress

__all__ = ["TrainingOptions"]


@dataclass(frozen=True)
class TrainingOptions:
    """What every task lets its user choose; ``seed`` fixes initial weights, dropout and the order of batches."""

    dropout: float
    max_epochs: int
    patience: int
    batch_size: int
    learning_rate: float
    clip_norm: float
    seed: int
    callback: Callable[[Progress], object] | None
