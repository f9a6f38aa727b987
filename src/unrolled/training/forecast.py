"""Learning a forecasting model from a batch of series."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unrolled.runtime.es_rnn import EsRnnConfig
from unrolled.runtime.series_batch import SeriesBatch
from unrolled.runtime.window_rnn import WindowRnnConfig
from unrolled.training.es_rnn import EsRnnModule
from unrolled.training.loop import TrainingRun
from unrolled.training.options import TrainingOptions
from unrolled.training.seeded import train_seeded
from unrolled.training.window_rnn import WindowRnnModule
from unrolled.training.windows import Windows

__all__ = ["ForecastTraining", "learn", "learn_windows"]

WINDOWS_AN_EPOCH = 20_000  # at most; validation and the learning rate move on after as many


@dataclass(frozen=True, kw_only=True)
class ForecastTraining(TrainingOptions):
    """How to train a forecasting model."""

    oldest_weight: float
    """How much the oldest steps of a series count, where the newest count 1."""


def learn(
    shape: EsRnnConfig,
    batch: SeriesBatch,
    options: ForecastTraining,
    *,
    phase: str,
    validate: Callable[[EsRnnModule], float] | None = None,
    stop_after: int | None = None,
) -> tuple[EsRnnModule, TrainingRun]:
    """Train a module on every window of every series of ``batch``.

    A short tail is a noisy judge, and in the first half of the epochs the learning rate is too high for a finished
    model: only the second half is chosen from.

    ``validate`` scores the module after each epoch on what ``batch`` does not hold; without it training runs for
    ``stop_after`` epochs of the ``max_epochs`` that its learning rate is planned for, or all of them.
    """
    N = batch.z.shape[1]

    def batches(generator: np.random.Generator) -> Iterator[NDArray[np.int64]]:
        order = generator.permutation(N)
        for start in range(0, N, options.batch_size):
            yield order[start : start + options.batch_size]

    return train_seeded(
        lambda _: EsRnnModule(shape, batch, dropout=options.dropout, oldest_weight=options.oldest_weight),
        batches,
        lambda module, series: module.loss(batch.select(series), series),
        options,
        batches_per_epoch=math.ceil(N / options.batch_size),
        phase=phase,
        validate=validate,
        stop_after=stop_after,
        first_candidate=(options.max_epochs + 1) // 2,
    )


def learn_windows(
    shape: WindowRnnConfig,
    batch: SeriesBatch,
    options: ForecastTraining,
    *,
    phase: str,
    validate: Callable[[WindowRnnModule], float] | None = None,
    stop_after: int | None = None,
) -> tuple[WindowRnnModule, TrainingRun]:
    """As :func:`learn`, on windows of all series in any order; of very many an epoch draws some.

    Every epoch is chosen from: training begins at least squares, and where the series have no more to teach than that the
    first epochs are the best.
    """
    windows = Windows(batch, shape, options.oldest_weight)
    drawn = min(len(windows), WINDOWS_AN_EPOCH)
    size = min(options.batch_size, drawn)

    def batches(generator: np.random.Generator) -> Iterator[NDArray[np.int64]]:
        order = generator.choice(len(windows), drawn, replace=False)
        for start in range(0, drawn, size):
            yield order[start : start + size]

    return train_seeded(
        lambda generator: WindowRnnModule(shape, windows, dropout=options.dropout, generator=generator),
        batches,
        lambda module, chosen: module.loss(windows.draw(chosen)),
        options,
        batches_per_epoch=math.ceil(drawn / size),
        phase=phase,
        validate=validate,
        stop_after=stop_after,
    )
