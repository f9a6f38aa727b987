"""A training run that its seed fixes: initial weights, dropout, the order of batches."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from unrolled.nn.threads import kernels_apart
from unrolled.training.loop import TrainingRun, train
from unrolled.training.options import TrainingOptions
from unrolled.training.threads import threads_worth_having

__all__ = ["train_seeded"]

Module = TypeVar("Module", bound=torch.nn.Module)
Batch = TypeVar("Batch")


def train_seeded(
    make: Callable[[np.random.Generator], Module],
    batches: Callable[[np.random.Generator], Iterable[Batch]],
    loss: Callable[[Module, Batch], Tensor],
    options: TrainingOptions,
    *,
    batches_per_epoch: int,
    phase: str,
    validate: Callable[[Module], float] | None = None,
    stop_after: int | None = None,
    first_candidate: int = 1,
) -> tuple[Module, TrainingRun]:
    """Make a module and train it by :func:`unrolled.training.loop.train`, with all that ``options`` say.

    Args:
        make, batches: are given the generator that ``options.seed`` seeds; torch's is seeded before ``make``.

    The caller's torch generator and number of threads are left as they were.
    """
    generator = np.random.default_rng(options.seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(options.seed)
        with kernels_apart():
            module = make(generator)
        with threads_worth_having(module):
            run = train(
                module,
                lambda: batches(generator),
                lambda batch: loss(module, batch),
                epochs=options.max_epochs,
                stop_after=stop_after,
                batches_per_epoch=batches_per_epoch,
                learning_rate=options.learning_rate,
                clip_norm=options.clip_norm,
                schedule=options.schedule,
                weight_decay=options.weight_decay,
                validate=None if validate is None else lambda: validate(module),
                patience=options.patience,
                first_candidate=first_candidate,
                phase=phase,
                callback=options.callback,
                checkpoint=options.checkpoint,
                batch_order=generator,
            )
    return module, run
