"""How a network learns in a comparison: the same updates on the same batches for every family, the learning rate by validation.

The loop is that of all estimators (:mod:`unrolled.training.loop`): Adam, gradients clipped, a learning rate that falls along half
a cosine, the state of the best validation loss. An epoch is a tenth of the budget here, whatever the number of examples.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from time import process_time
from typing import Any

import numpy as np
import torch

from unrolled.comparison.body import BodyModule
from unrolled.errors import TrainingError
from unrolled.training.loop import train
from unrolled.training.options import TrainingOptions
from unrolled.training.problem import Problem

__all__ = ["LEARNING_RATES", "LearnedNetwork", "an_update", "learn", "processor_rounds", "processor_seconds"]

LEARNING_RATES = (0.001, 0.003, 0.01)
"""Of which each family gets the one with the least validation loss."""
EVALUATIONS = 10


@dataclass(frozen=True)
class LearnedNetwork:
    """A network after its budget.

    Attributes:
        module: in the state of its best validation loss, in evaluation mode.
        learning_rate: of Adam.
        losses: on the validation part, after each tenth of the budget.
        seconds: of the processor's time that learning had taken by then, without validation.
    """

    module: BodyModule
    learning_rate: float
    losses: list[float]
    seconds: list[float]

    def reached(self, loss: float) -> float | None:
        """Seconds until the validation loss was as low as that; None if it never was."""
        return next((s for found, s in zip(self.losses, self.seconds, strict=True) if found <= loss), None)


def learn(
    problem: Problem[BodyModule, Any],
    learning_rate: float,
    updates: int,
    seed: int,
    batch_size: int,
    callback: Callable[[float], object],
) -> LearnedNetwork | None:
    """Learn within so many updates; None if the loss exploded.

    Args:
        callback: called with the share done after every update.
    """
    clock = _Clock()
    per_epoch = math.ceil(updates / EVALUATIONS)
    epochs = math.ceil(updates / per_epoch)

    def validate(module: BodyModule) -> float:
        assert problem.validate is not None
        with clock.stopped():
            return problem.validate(module)

    def count(progress: Any) -> None:
        clock.mark(progress.epoch)
        callback(progress.step / updates)

    options = TrainingOptions(
        max_epochs=epochs, batch_size=batch_size, learning_rate=learning_rate, warmup=min(1, epochs - 1), seed=seed,
        callback=count,
    )  # fmt: skip
    stream = _Stream(problem, per_epoch, updates)
    bounded = replace(problem, batches=stream.batches, batches_per_epoch=per_epoch, validate=validate)
    try:
        module, run = train(bounded, options)
    except TrainingError:
        return None
    return LearnedNetwork(module.eval(), learning_rate, run.validation_losses, clock.marks)


class _Stream:
    """A problem's batches over and over, some of them at a time, until there have been so many."""

    def __init__(self, problem: Problem[BodyModule, Any], per_epoch: int, updates: int) -> None:
        self._problem, self._per_epoch, self._updates = problem, per_epoch, updates
        self._batches: Iterator[Any] | None = None

    def batches(self, generator: np.random.Generator) -> Iterator[Any]:
        if self._batches is None:
            self._batches = islice(self._endless(generator), self._updates)
        return islice(self._batches, self._per_epoch)

    def _endless(self, generator: np.random.Generator) -> Iterator[Any]:
        while True:
            yield from self._problem.batches(generator)


class _Clock:
    """The processor's time that learning took, without what it was stopped for."""

    def __init__(self) -> None:
        self.marks: list[float] = []
        self._start, self._left_out = process_time(), 0.0

    def stopped(self) -> _Clock:
        return self

    def __enter__(self) -> None:
        self._since = process_time()

    def __exit__(self, *_: object) -> None:
        self._left_out += process_time() - self._since

    def mark(self, epoch: int) -> None:
        """Note the time, of each epoch the last."""
        self.marks = self.marks[: epoch - 1]
        self.marks.append(process_time() - self._start - self._left_out)


def an_update(problem: Problem[BodyModule, Any], seed: int = 0) -> Callable[[], object]:
    """An update of the problem's module, which learns from the first batch; it has been made once already."""
    generator = np.random.default_rng(seed)
    torch.manual_seed(seed)
    module = problem.make(generator)
    batch = next(iter(problem.batches(generator)))
    optimiser = torch.optim.AdamW(module.parameters(), lr=1e-4, foreach=True)

    def update() -> None:
        optimiser.zero_grad()
        problem.loss(module, batch).backward()
        optimiser.step()

    update()
    return update


def processor_rounds(calls: Sequence[Callable[[], object]], rounds: int) -> list[list[float]]:
    """The processor's time of each call in each round; they take turns, so that all meet the same machine."""
    found: list[list[float]] = [[] for _ in calls]
    for _ in range(rounds):
        for own, call in zip(found, calls, strict=True):
            began = process_time()
            call()
            own.append(process_time() - began)
    return found


def processor_seconds(calls: Sequence[Callable[[], object]], rounds: int) -> list[float]:
    """The medians of :func:`processor_rounds`."""
    return [float(np.median(own)) for own in processor_rounds(calls, rounds)]
