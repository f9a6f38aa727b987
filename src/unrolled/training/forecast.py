"""Learning a forecasting model from a batch of series."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from unrolled.aliases import Values
from unrolled.networks.es_rnn import EsRnnConfig
from unrolled.networks.series_batch import SeriesBatch
from unrolled.networks.window_rnn import WindowRnnConfig
from unrolled.training.engine import NetworkModule, NetworkOptions
from unrolled.training.es_rnn import EsRnnModule, es_rnn_loss
from unrolled.training.options import TrainingOptions
from unrolled.training.problem import Problem
from unrolled.training.series_windows import SeriesWindows
from unrolled.training.window_rnn import window_rnn_loss, window_rnn_module

__all__ = ["es_rnn_problem", "window_rnn_problem"]

WINDOWS_AN_EPOCH = 20_000  # at most; validation and the learning rate move on after as many


def es_rnn_problem(
    config: EsRnnConfig,
    batch: SeriesBatch,
    network: NetworkOptions,
    options: TrainingOptions,
    *,
    oldest_weight: float,
    speeds: tuple[Values, Values] | None = None,
    phase: str = "training",
    validate: Callable[[EsRnnModule], float] | None = None,
    stop_after: int | None = None,
) -> Problem[EsRnnModule, NDArray[np.int64]]:
    """To forecast from every window of every series of ``batch``.

    A short tail is a noisy judge, and in the first half of the epochs the learning rate is too high for a finished
    model: only the second half is chosen from.

    Args:
        oldest_weight: how much the oldest steps of a series count, where the newest count 1.
        speeds: of the smoothing of level and season to begin with, ``[N]`` each.
        validate: scores the module after each epoch on what ``batch`` does not hold.
        stop_after: epochs after which training ends, of the ``max_epochs`` that its learning rate is planned for.
    """
    N = batch.z.shape[1]

    def batches(generator: np.random.Generator) -> Iterator[NDArray[np.int64]]:
        order = generator.permutation(N)
        for start in range(0, N, options.batch_size):
            yield order[start : start + options.batch_size]

    return Problem(
        make=lambda _: EsRnnModule(config, batch, network, oldest_weight=oldest_weight, speeds=speeds),
        batches=batches,
        batches_per_epoch=math.ceil(N / options.batch_size),
        loss=lambda module, series: es_rnn_loss(config, module(batch.select(series), series)),
        validate=validate,
        first_candidate=(options.max_epochs + 1) // 2,
        stop_after=stop_after,
        phase=phase,
    )


def window_rnn_problem(
    config: WindowRnnConfig,
    batch: SeriesBatch,
    network: NetworkOptions,
    options: TrainingOptions,
    *,
    oldest_weight: float,
    phase: str = "training",
    validate: Callable[[NetworkModule], float] | None = None,
    stop_after: int | None = None,
) -> Problem[NetworkModule, NDArray[np.int64]]:
    """As :func:`es_rnn_problem`, on windows of all series in any order; of very many an epoch draws some.

    Every epoch is chosen from: training begins at least squares, and where the series have no more to teach than that the
    first epochs are the best.
    """
    windows = SeriesWindows(batch, config, oldest_weight)
    drawn = min(len(windows), WINDOWS_AN_EPOCH)
    size = min(options.batch_size, drawn)

    def batches(generator: np.random.Generator) -> Iterator[NDArray[np.int64]]:
        order = generator.choice(len(windows), drawn, replace=False)
        for start in range(0, drawn, size):
            yield order[start : start + size]

    return Problem(
        make=lambda generator: window_rnn_module(config, windows, network, generator),
        batches=batches,
        batches_per_epoch=math.ceil(drawn / size),
        loss=lambda module, chosen: window_rnn_loss(config, module, windows.draw(chosen)),
        validate=validate,
        stop_after=stop_after,
        phase=phase,
    )
