"""How to train, whatever the network and the data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from unrolled.training.checkpoint import Checkpoint
from unrolled.training.progress import Progress

__all__ = ["TrainingOptions"]


@dataclass(frozen=True, kw_only=True)
class TrainingOptions:
    """What estimators let their users choose, by the same names, and what a fit adds to it."""

    max_epochs: int
    patience: int | None = None
    """Epochs without a better one after which a run that validates ends."""
    batch_size: int
    learning_rate: float
    """The largest of the schedule."""
    clip_norm: float
    """Gradients longer than this are shortened to it."""
    schedule: Literal["cosine", "linear", "constant"] = "cosine"
    warmup: int = 0
    """Epochs in which the learning rate first rises."""
    weight_decay: float = 0.0
    """The share of each weight, times the learning rate, that a step takes away (AdamW: Loshchilov, Hutter 2019, *Decoupled
    weight decay regularization*); biases and other vectors are left alone."""
    seed: int
    """Fixes initial weights, dropout and the order of batches."""
    callback: Callable[[Progress], object] | None = None
    """Called after every step."""
    checkpoint: Checkpoint | None = None
    """Keeps the state after every epoch; a run that it knows goes on from there, bit for bit."""
