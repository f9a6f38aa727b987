"""A fitted forecaster's insides: from histories in the user's units to quantiles in the user's units, without torch."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.aliases import Values
from unrolled.codecs.scaling import SeriesScaling, is_constant, log_scales, scaled
from unrolled.errors import InputError
from unrolled.networks.es_rnn import SmoothingParameters
from unrolled.networks.series_batch import SeriesBatch
from unrolled.statistical.methods import METHODS, StatisticalMethods
from unrolled.tasks.forecasting.combination import combined
from unrolled.tasks.forecasting.history import History
from unrolled.tasks.forecasting.network_part import NetworkPart, scaled_batch
from unrolled.tasks.forecasting.plausible import within
from unrolled.tasks.forecasting.spread import Spread

__all__ = ["NETWORK", "PARTS", "ForecastModel", "called"]

NETWORK = "network"
PARTS = (*METHODS, NETWORK)


@dataclass(frozen=True)
class ForecastModel:
    """A combination of statistical methods with a network, and what it knows of each of ``N`` series.

    Attributes:
        quantiles: ascending, 0.5 among them.
        horizon: steps ahead that were learned.
        scalings: of each series in ``trained``.
        methods: the statistical methods, fitted to each.
        network: the network, None where the series are too short for one.
        weights: how much each of ``PARTS`` counts for each series, ``[7, N]``; those of a series sum to one.
        spread: how far true values lie from the forecast.
        network_spread: whether the network's own quantiles say that instead, where there are any.
        factors: what :func:`unrolled.codecs.conformal.conformal_factors` found for the network's quantiles, ``[H, Q]``.
        trained: the series as ``fit`` was given them.
    """

    quantiles: tuple[float, ...]
    horizon: int
    scalings: list[SeriesScaling]
    methods: StatisticalMethods
    network: NetworkPart | None
    weights: Values
    spread: Spread
    network_spread: bool
    factors: Values | None
    trained: History

    def __reduce__(self) -> tuple[type[ForecastModel], tuple[Any, ...]]:
        return type(self), tuple(getattr(self, field.name) for field in fields(self))

    @cached_property
    def _ahead(self) -> Values:
        """What follows the trained series, which is asked for most."""
        return self._forecast(self.trained, self.horizon, PARTS)

    def forecast(self, history: History, horizon: int, *, parts: Collection[str] = PARTS) -> Values:
        """Quantiles of the ``horizon`` steps after each series of ``history``: ``[N, horizon, Q]``.

        With some of the ``parts`` only, the forecast is that of these alone, which count among themselves as ever.

        Raises:
            InputError: a series that is modelled on its logarithm has a value that has none, or is too short for the only part.
        """
        if history is self.trained and horizon <= self.horizon and parts is PARTS:
            return self._ahead[:, :horizon].copy()
        return self._forecast(history, horizon, parts)

    def _forecast(self, history: History, horizon: int, parts: Collection[str]) -> Values:
        known = self._known(history)
        scalings = self._scalings(history, known)
        z = scaled(scalings, history.values)
        weights = self._weights(history, known, parts)
        numbers = [number for number, _ in known]
        methods = self.methods.transferred(known, z, log_scales(scalings))
        of_network = self._of_network(history, z, known, weights[-1] > 0, horizon)
        middle = self.quantiles.index(0.5)
        median = combined(
            weights,
            np.concatenate([methods.forecast(z, horizon), of_network[None, ..., middle]]),
        )
        distances = self.spread.select(numbers).distances(horizon, self.quantiles)
        if self.network_spread:
            own = of_network - of_network[..., middle, None]
            distances = np.where(np.isnan(own), distances, own)
        quantiles = np.stack(
            [
                scaling.inverse(within(series, self.methods.season, ahead, around))
                for scaling, series, ahead, around in zip(scalings, z, median, distances, strict=True)
            ]
        )
        for each, values in zip(quantiles, history.values, strict=True):
            if values.min() >= 0:
                np.maximum(each, 0.0, out=each)
        return np.maximum.accumulate(quantiles, axis=-1)  # equal up to rounding is in order, too

    def learned_by_network(self, history: History) -> tuple[SeriesBatch, SmoothingParameters | None]:
        """Those series of ``history`` that are long enough to learn from, as the network reads them, and their smoothing.

        Raises:
            InputError: there is no network, or no series is long enough.
        """
        network = self.network
        if network is None:
            raise InputError("the forecaster has no network: the series it was fitted to are too short for one")
        least = network.shape.input_window + network.shape.horizon
        rows = [n for n, length in enumerate(history.lengths) if length >= least]
        if not rows:
            raise InputError(
                f"the longest series has {max(history.lengths)} rows, need at least {least}: input window"
                f" {network.shape.input_window} and horizon {network.shape.horizon}"
            )
        some = history.select(rows)
        known = self._known(some)
        z = scaled(self._scalings(some, known), some.values)
        batch = scaled_batch(some, z, network.covariates, network.shape.horizon)
        return batch, None if network.smoothing is None else network.smoothing_of(z, known)

    def _of_network(
        self,
        history: History,
        z: list[Values],
        known: list[tuple[int | None, bool]],
        asked: NDArray[np.bool_],
        steps: int,
    ) -> Values:
        """The network's quantiles ``[N, steps, Q]``, nan for series that it is not asked about."""
        quantiles = np.full((len(z), steps, len(self.quantiles)), np.nan)
        rows = np.flatnonzero(asked)
        if self.network is not None and len(rows):
            some = history.select(rows.tolist())
            quantiles[rows] = self.network.forecast(
                some, [z[i] for i in rows], [known[i] for i in rows], steps, self.factors
            )
        return quantiles

    def _weights(self, history: History, known: list[tuple[int | None, bool]], parts: Collection[str]) -> Values:
        """How much each of ``PARTS`` counts for each series; a new one is treated as the others are on average."""
        common = self.weights.mean(axis=1)
        weights = np.stack([common if i is None else self.weights[:, i] for i, _ in known], axis=1)
        weights = weights * np.isin(PARTS, list(parts))[:, None]
        for n, (name, length) in enumerate(zip(history.names, history.lengths, strict=True)):
            if self.network is not None and length < self.network.shape.input_window:
                weights[-1, n] = 0.0
            if not weights[:, n].any():
                raise InputError(
                    f"{called(name)} has {length} rows, which none of {', '.join(parts)} can forecast from; give more"
                    f" history, or parts= with others of {', '.join(PARTS)}"
                )
        return weights / weights.sum(axis=0)

    def _known(self, history: History) -> list[tuple[int | None, bool]]:
        """Which trained series each one is, if any, and whether it begins as that one did in training.

        One that never changed in training and now does is as good as unknown.
        """
        index = {name: i for i, name in enumerate(self.trained.names)}
        places = [index.get(name) for name in history.names]
        pairs = zip(places, history.values, strict=True)
        return [(i, i is not None and self._goes_on(values, i)) for i, values in pairs]

    def _goes_on(self, values: Values, i: int) -> bool:
        steps = (
            self.methods.season if self.network is None else max(self.methods.season, self.network.shape.input_window)
        )
        as_constant = self.scalings[i].constant is None or is_constant(values)
        return as_constant and _begins_alike(values, self.trained.values[i], steps)

    def _scalings(self, history: History, known: list[tuple[int | None, bool]]) -> list[SeriesScaling]:
        """The scale of each series: the learned one for a history that begins as in training."""
        for (i, _), values, name in zip(known, history.values, history.names, strict=True):
            if i is not None and self.scalings[i].log and values.min() <= 0:
                row = int(np.argmax(values <= 0))
                raise InputError(
                    f"{called(name)} is modelled on its logarithm, but holds {values[row]:g} at row {row} (counted from"
                    " 0); correct the value, or fit again with such values"
                )
        return [
            self.scalings[i] if i is not None and alike else self._fresh_scaling(values, i)
            for (i, alike), values in zip(known, history.values, strict=True)
        ]

    def _fresh_scaling(self, values: Values, i: int | None) -> SeriesScaling:
        season = self.methods.season
        if i is None:
            return SeriesScaling.fit(values, season)
        learned = self.scalings[i]
        if learned.constant is None and (len(values) <= 2 * season or is_constant(values)):
            return learned  # it has changed, and may again
        return SeriesScaling.fit(values, season, log=learned.log)


def called(name: str) -> str:
    """What messages call a series."""
    return f"series {name!r}" if name else "the series"


def _begins_alike(values: Values, trained: Values, steps: int) -> bool:
    n = min(len(values), len(trained), steps)
    return np.array_equal(values[:n], trained[:n])
