"""How to train, whatever the model and the data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from unrolled.training.checkpoint import Checkpoint
from unrolled.training.loop import Progress
from unrolled.training.schedule import COSINE, Schedule

__all__ = ["TrainingOptions"]


@dataclass(frozen=True, kw_only=True)
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
    schedule: Schedule = COSINE
    weight_decay: float = 0.0
    checkpoint: Checkpoint | None = None
