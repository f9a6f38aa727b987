"""What is to be learned: a module, batches, their loss, and how the module is judged."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
import torch
from torch import Tensor

__all__ = ["Batch", "Module", "Problem"]

Module = TypeVar("Module", bound=torch.nn.Module)
Batch = TypeVar("Batch")


@dataclass(frozen=True, kw_only=True)
class Problem(Generic[Module, Batch]):
    """One run of :func:`unrolled.training.loop.train`."""

    make: Callable[[np.random.Generator], Module]
    """The module before training; random numbers come from this generator and from torch's, both seeded."""
    batches: Callable[[np.random.Generator], Iterable[Batch]]
    """Those of an epoch, in an order that the generator draws."""
    batches_per_epoch: int
    loss: Callable[[Module, Batch], Tensor]
    """The mean loss of a batch; it calls the module, so that hooks of its forward pass are run."""
    validate: Callable[[Module], float] | None = None
    """Scores the module after each epoch on what it does not learn from."""
    first_candidate: int = 1
    """The first epoch whose state may be kept as the best."""
    stop_after: int | None = None
    """Epochs after which the run ends, on the learning rate's curve for all of them."""
    phase: str = "training"
    """What this run is for."""
