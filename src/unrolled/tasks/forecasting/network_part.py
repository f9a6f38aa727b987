"""A forecaster's network with what it knows of each series, from scaled histories to scaled quantiles, without torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.aliases import Values
from unrolled.codecs.conformal import widened
from unrolled.codecs.scaling import Standardization
from unrolled.codecs.seasonality import initial_states
from unrolled.networks.es_rnn import EsRnn, EsRnnConfig, SmoothingParameters
from unrolled.networks.series_batch import SeriesBatch
from unrolled.networks.window_rnn import WindowRnn, WindowRnnConfig
from unrolled.runtime.engine import KernelEngine, Storage
from unrolled.tasks.forecasting.history import History

__all__ = ["CovariateScaling", "NetworkPart", "scaled_batch"]


@dataclass(frozen=True)
class CovariateScaling:
    """How each column of covariates is standardised."""

    past: list[Standardization]
    future: list[Standardization]
    static: list[Standardization]

    @classmethod
    def fit(cls, history: History) -> CovariateScaling:
        """Choose for every column, over all series together."""
        return cls(
            past=[Standardization.fit(column) for column in np.concatenate(history.past).T],
            future=[Standardization.fit(column) for column in np.concatenate(history.future).T],
            static=[Standardization.fit(column) for column in history.static.T],
        )


@dataclass(frozen=True)
class NetworkPart:
    """A network and the smoothing of each series it was trained on.

    Weights are packed at the first use, and kept as long as this; a copy begins without.

    Attributes:
        shape, tensors: the network.
        learned: the numbers of the series it was trained on, ascending.
        smoothing: theirs, None where the method has none.
        covariates: how covariates are standardised.
        weights: what the network's matrices are stored as, by default as they are.
    """

    shape: EsRnnConfig | WindowRnnConfig
    tensors: Mapping[str, NDArray[Any]]
    learned: list[int]
    smoothing: SmoothingParameters | None
    covariates: CovariateScaling
    weights: Storage | None = None

    def __reduce__(self) -> tuple[type[NetworkPart], tuple[Any, ...]]:
        return type(self), tuple(getattr(self, field.name) for field in fields(self))

    @cached_property
    def _network(self) -> EsRnn | WindowRnn:
        if isinstance(self.shape, EsRnnConfig):
            return EsRnn(KernelEngine(self.tensors, weights=self.weights), self.shape)
        return WindowRnn(KernelEngine(self.tensors, weights=self.weights), self.shape)

    def forecast(
        self,
        history: History,
        z: Sequence[Values],
        series: Sequence[tuple[int | None, bool]],
        horizon: int,
        factors: Values | None = None,
    ) -> Values:
        """Quantiles of the ``horizon`` steps after each series: ``[N, horizon, Q]``.

        Beyond the trained horizon the median is fed back as if it had come true; the distances of the other quantiles
        from it then add up as independent errors do, by the root of the sum of squares. Past covariates
        keep their last value.

        Args:
            history: with the covariates; each has at least ``input_window`` steps.
            z: the same series scaled.
            series: the number of each in training, if it has one, and whether it begins as it did there.
            horizon: number of steps.
            factors: of distances from the median, ``[H, Q]``.
        """
        predict = self._predictor(z, series)
        blocks: list[Values] = []
        earlier = np.zeros((len(z), 1, len(self.shape.quantiles)))
        for _ in range(0, horizon, self.shape.horizon):
            block = predict(scaled_batch(history, z, self.covariates, self.shape.horizon))
            if factors is not None:
                block = widened(block, factors, self.shape.quantiles)
            median = block[:, :, self.shape.median, None]
            distances = np.sqrt(np.square(block - median) + np.square(earlier)) * np.sign(block - median)
            blocks.append(median + distances)
            earlier = distances[:, -1:]
            z = [np.concatenate([known, ahead]) for known, ahead in zip(z, median[..., 0], strict=True)]
        return np.concatenate(blocks, axis=1)[:, :horizon]

    def _predictor(
        self, z: Sequence[Values], series: Sequence[tuple[int | None, bool]]
    ) -> Callable[[SeriesBatch], Values]:
        """From scaled series to quantiles of the next steps."""
        network = self._network
        if isinstance(network, EsRnn):
            smoothing = self.smoothing_of(z, series)
            return lambda batch: network.forecast(batch, smoothing)
        return lambda batch: network.forecast(batch.last(self.shape.input_window))

    def smoothing_of(self, z: Sequence[Values], series: Sequence[tuple[int | None, bool]]) -> SmoothingParameters:
        """Smoothing of each series, learned as far as it is known.

        A history that begins as in training starts from the learned states. Another one starts from its own
        decomposition; a series without a name in training takes the median speeds of smoothing.
        """
        learned = self.smoothing
        assert learned is not None
        place = {number: i for i, number in enumerate(self.learned)}
        columns: list[tuple[Values, Values, Values, Values]] = []
        for (number, alike), values in zip(series, z, strict=True):
            i = None if number is None else place.get(number)
            if i is not None and alike:
                columns.append((learned.alpha[:, i], learned.gamma[:, i], learned.level[:, i], learned.season[:, :, i]))
            else:
                columns.append(self._fresh_states(learned, values, i))
        return SmoothingParameters(*(np.stack(part, axis=-1) for part in zip(*columns, strict=True)))

    def _fresh_states(
        self, learned: SmoothingParameters, z: Values, i: int | None
    ) -> tuple[Values, Values, Values, Values]:
        M = self.shape.members
        level, season = initial_states(z, self.shape.season)
        alpha = np.median(learned.alpha, axis=1) if i is None else learned.alpha[:, i]
        gamma = np.median(learned.gamma, axis=1) if i is None else learned.gamma[:, i]
        return alpha, gamma, np.full(M, level), np.repeat(season[:, None], M, axis=1)


def scaled_batch(history: History, z: Sequence[Values], scaling: CovariateScaling, horizon: int) -> SeriesBatch:
    """Scaled series with standardised covariates, the last known ones repeated as far as needed."""
    return SeriesBatch.pad(
        z,
        past=[_standardised(x, scaling.past) for x in history.past],
        future=[_standardised(x, scaling.future) for x in history.future],
        static=_standardised(history.static, scaling.static),
        horizon=horizon,
    )


def _standardised(x: Values, columns: list[Standardization]) -> Values:
    return np.stack([c.transform(x[:, j]) for j, c in enumerate(columns)], axis=1) if columns else x
