"""How to train, whatever the network and the data."""

from __future__ import annotations

from collections.abc import Callable

from unrolled.parameters.training import TrainingParameters
from unrolled.training.checkpoint import Checkpoint
from unrolled.training.progress import Progress

__all__ = ["TrainingOptions"]


class TrainingOptions(TrainingParameters):
    """What estimators let their users choose, and what a fit adds to it."""

    patience: int | None = None
    """Epochs without a better one after which a run that validates ends."""
    seed: int
    """Fixes initial weights, dropout and the order of batches."""
    callback: Callable[[Progress], object] | None = None
    """Called after every step."""
    checkpoint: Checkpoint | None = None
    """Keeps the state after every epoch; a run that it knows goes on from there, bit for bit."""
