"""A fitted forecaster's insides: from histories in the user's units to quantiles in the user's units, without torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.aliases import Values
from unrolled.codecs.conformal import widened
from unrolled.codecs.scaling import SeriesScaling, Standardization, is_constant
from unrolled.codecs.seasonality import initial_states
from unrolled.errors import InputError
from unrolled.networks.es_rnn import EsRnn, EsRnnConfig, Part, SmoothingParameters
from unrolled.networks.series_batch import SeriesBatch
from unrolled.networks.window_rnn import WindowRnn, WindowRnnConfig
from unrolled.runtime.engine import KernelEngine
from unrolled.tasks.forecasting.history import History

__all__ = ["CovariateScaling", "ForecastModel", "called", "scaled_batch"]


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
class ForecastModel:
    """A network with what it knows of each series it was trained on.

    Weights are packed at the first use, and kept as long as the model; a copy begins without.

    Attributes:
        shape, tensors: the network.
        scalings: of each series in ``trained``.
        parameters: the smoothing of each, None where the method has none.
        covariates: how covariates are standardised.
        trained: the series as ``fit`` was given them.
        factors: what :func:`unrolled.codecs.conformal.conformal_factors` found, None where the model's own quantiles hold.
    """

    shape: EsRnnConfig | WindowRnnConfig
    tensors: Mapping[str, NDArray[Any]]
    scalings: list[SeriesScaling]
    parameters: SmoothingParameters | None
    covariates: CovariateScaling
    trained: History
    factors: Values | None = None

    def __reduce__(self) -> tuple[type[ForecastModel], tuple[Any, ...]]:
        return type(self), tuple(getattr(self, field.name) for field in fields(self))

    @cached_property
    def _network(self) -> EsRnn | WindowRnn:
        if isinstance(self.shape, EsRnnConfig):
            return EsRnn(KernelEngine(self.tensors), self.shape)
        return WindowRnn(KernelEngine(self.tensors), self.shape)

    def forecast(self, history: History, horizon: int, *, part: Part = "all") -> Values:
        """Quantiles of the ``horizon`` steps after each series of ``history``: ``[N, horizon, Q]``.

        Beyond the trained horizon the median is fed back as if it had come true; the distances of the other quantiles
        from it then add up as independent errors do, by the root of the sum of squares. Past covariates
        keep their last value.
        """
        scalings, quantiles = self.scaled_forecast(history, horizon, part=part)
        result = np.stack([scaling.inverse(q) for scaling, q in zip(scalings, quantiles, strict=True)])
        return np.maximum.accumulate(result, axis=-1)  # equal up to rounding is in order, too

    def scaled_forecast(
        self, history: History, horizon: int, *, part: Part = "all"
    ) -> tuple[list[SeriesScaling], Values]:
        """The scale of each series, and what :meth:`forecast` gives on it."""
        self._check(history)
        scalings = self._scalings(history)
        predict = self._predictor(history, scalings, part)
        z = [scaling.transform(values) for scaling, values in zip(scalings, history.values, strict=True)]
        blocks: list[Values] = []
        earlier = np.zeros((len(z), 1, len(self.shape.quantiles)))
        for _ in range(0, horizon, self.shape.horizon):
            block = predict(scaled_batch(history, z, self.covariates, self.shape.horizon))
            if self.factors is not None:
                block = widened(block, self.factors, self.shape.quantiles)
            median = block[:, :, self.shape.median, None]
            distances = np.sqrt(np.square(block - median) + np.square(earlier)) * np.sign(block - median)
            blocks.append(median + distances)
            earlier = distances[:, -1:]
            z = [np.concatenate([series, ahead]) for series, ahead in zip(z, median[..., 0], strict=True)]
        return scalings, np.concatenate(blocks, axis=1)[:, :horizon]

    def _predictor(
        self, history: History, scalings: list[SeriesScaling], part: Part
    ) -> Callable[[SeriesBatch], Values]:
        """From scaled series to quantiles of the next steps."""
        network = self._network
        if isinstance(network, EsRnn):
            parameters = self._smoothing(history, scalings)
            return lambda batch: network.forecast(batch, parameters, part=part)
        if part == "smoothing":
            raise InputError("part is 'smoothing', but a model of method 'windows' has none; expected 'all' or 'bias'")
        return lambda batch: network.forecast(batch.last(self.shape.input_window), recurrent=part == "all")

    def _check(self, history: History) -> None:
        for name, values in zip(history.names, history.values, strict=True):
            if len(values) < self.shape.input_window:
                raise InputError(
                    f"{called(name)} has {len(values)} rows, need at least {self.shape.input_window}, the input window;"
                    " give more history"
                )

    def _known(self, history: History) -> list[tuple[int | None, bool]]:
        """Which trained series each one is, if any, and whether it begins as that one did in training.

        One that never changed in training and now does is as good as unknown.
        """
        pairs = zip(self._places(history), history.values, strict=True)
        return [(i, i is not None and self._goes_on(values, i)) for i, values in pairs]

    def _places(self, history: History) -> list[int | None]:
        index = {name: i for i, name in enumerate(self.trained.names)}
        return [index.get(name) for name in history.names]

    def _goes_on(self, values: Values, i: int) -> bool:
        steps = max(self.shape.season, self.shape.input_window)
        as_constant = self.scalings[i].constant is None or is_constant(values)
        return as_constant and _begins_alike(values, self.trained.values[i], steps)

    def _scalings(self, history: History) -> list[SeriesScaling]:
        """The scale of each series: the learned one for a history that begins as in training.

        Raises:
            InputError: a series that is modelled on its logarithm has a value that has none.
        """
        for i, values, name in zip(self._places(history), history.values, history.names, strict=True):
            if i is not None and self.scalings[i].log and values.min() <= 0:
                row = int(np.argmax(values <= 0))
                raise InputError(
                    f"{called(name)} is modelled on its logarithm, but holds {values[row]:g} at row {row} (counted from"
                    " 0); correct the value, or fit again with such values"
                )
        return [
            self.scalings[i] if i is not None and alike else self._fresh_scaling(values, i)
            for (i, alike), values in zip(self._known(history), history.values, strict=True)
        ]

    def _smoothing(self, history: History, scalings: list[SeriesScaling]) -> SmoothingParameters:
        """Smoothing of each series, learned as far as it is known.

        A history that begins as in training starts from the learned states. Another one starts from its own
        decomposition; a series without a name in training takes the median speeds of smoothing.
        """
        learned = self.parameters
        assert learned is not None
        columns: list[tuple[Values, Values, Values, Values]] = []
        for (i, alike), scaling, values in zip(self._known(history), scalings, history.values, strict=True):
            if i is not None and alike:
                columns.append((learned.alpha[:, i], learned.gamma[:, i], learned.level[:, i], learned.season[:, :, i]))
            else:
                columns.append(self._fresh_states(learned, scaling, values, i))
        return SmoothingParameters(*(np.stack(part, axis=-1) for part in zip(*columns, strict=True)))

    def _fresh_scaling(self, values: Values, i: int | None) -> SeriesScaling:
        season = self.shape.season
        if i is None:
            return SeriesScaling.fit(values, season)
        learned = self.scalings[i]
        if learned.constant is None and (len(values) <= 2 * season or is_constant(values)):
            return learned  # it has changed, and may again
        return SeriesScaling.fit(values, season, log=learned.log)

    def _fresh_states(
        self, learned: SmoothingParameters, scaling: SeriesScaling, values: Values, i: int | None
    ) -> tuple[Values, Values, Values, Values]:
        M = self.shape.members
        level, season = initial_states(scaling.transform(values), self.shape.season)
        alpha = np.median(learned.alpha, axis=1) if i is None else learned.alpha[:, i]
        gamma = np.median(learned.gamma, axis=1) if i is None else learned.gamma[:, i]
        return alpha, gamma, np.full(M, level), np.repeat(season[:, None], M, axis=1)


def scaled_batch(history: History, z: list[Values], scaling: CovariateScaling, horizon: int) -> SeriesBatch:
    """Scaled series with standardised covariates, the last known ones repeated as far as needed."""
    return SeriesBatch.pad(
        z,
        past=[_standardised(x, scaling.past) for x in history.past],
        future=[_standardised(x, scaling.future) for x in history.future],
        static=_standardised(history.static, scaling.static),
        horizon=horizon,
    )


def called(name: str) -> str:
    """What messages call a series."""
    return f"series {name!r}" if name else "the series"


def _standardised(x: Values, columns: list[Standardization]) -> Values:
    return np.stack([c.transform(x[:, j]) for j, c in enumerate(columns)], axis=1) if columns else x


def _begins_alike(values: Values, trained: Values, steps: int) -> bool:
    n = min(len(values), len(trained), steps)
    return np.array_equal(values[:n], trained[:n])
