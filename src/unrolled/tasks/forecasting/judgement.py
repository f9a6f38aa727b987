"""What forecasts from rolling origins say: how much each part counts, how far off the combination is, how often it is right."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from unrolled.aliases import Values
from unrolled.codecs.conformal import conformal_factors, scores_needed, widened
from unrolled.codecs.scaling import SeriesScaling, scaled
from unrolled.metrics.forecasts import Case, Evaluation, evaluate_cases
from unrolled.networks.forecast_head import ForecastNetworkConfig
from unrolled.tasks.forecasting.combination import combination_weights, combined
from unrolled.tasks.forecasting.history import History
from unrolled.tasks.forecasting.model import PARTS
from unrolled.tasks.forecasting.origins import Rolled
from unrolled.tasks.forecasting.spread import Spread

__all__ = ["Judgement"]


class Judgement:
    """Of the forecasts of ``N`` series from rolling origins.

    Args:
        history: the series with what was kept back.
        scalings: their scales.
        shape: of the network.
        rolled: what was forecast, and what came.
        evidence: how many horizons each series kept back, ``[N]``.
        by_network: whether the network's quantiles say how far off the forecast may be, where it has any.
        conformal: whether their distances from the median are stretched to what was measured.
    """

    def __init__(
        self,
        history: History,
        scalings: Sequence[SeriesScaling],
        shape: ForecastNetworkConfig,
        rolled: Rolled,
        evidence: Values,
        *,
        by_network: bool,
        conformal: bool,
    ) -> None:
        self.history, self.scalings, self.shape = history, scalings, shape
        self.rolled, self.evidence = rolled, evidence
        self.by_network, self.conformal = by_network, conformal

    @cached_property
    def weights(self) -> Values:
        """How much each of ``PARTS`` counts for each series, ``[P, N]``."""
        return combination_weights(self.rolled.errors, self.evidence)

    @cached_property
    def medians(self) -> Values:
        """The combination's forecasts ``[origins, N, H]``."""
        medians = [combined(self.weights, forecasts) for forecasts in self.rolled.forecasts]
        return np.stack(medians) if medians else np.empty_like(self.rolled.actual)

    def spread(self) -> Spread:
        """How far what came lies from the combination."""
        return self._spread(self._all)

    def factors(self) -> Values | None:
        """By what the network's distances from its median are to be multiplied; None where that is not asked, or too little was
        kept back to say it.
        """
        return self._factors(self._all)

    @property
    def _all(self) -> NDArray[np.bool_]:
        return np.ones(self.rolled.actual.shape[:2], np.bool_)

    def _spread(self, among: NDArray[np.bool_]) -> Spread:
        """By some of the origins ``[origins, N]``; for a series without any as for the others, or as far as it changes."""
        errors = np.where(among[..., None], self.rolled.actual - self.medians, np.nan)
        measured = np.flatnonzero((~np.isnan(errors)).any(axis=(0, 2)))
        if not len(measured):
            return Spread.of_changes(scaled(self.scalings, self.history.values))
        spread = Spread.measure(errors[:, measured], self.evidence[measured] * among.mean())
        place = {int(n): i for i, n in enumerate(measured)}
        return spread.select([place.get(n) for n in range(errors.shape[1])])

    def _factors(self, among: NDArray[np.bool_]) -> Values | None:
        if not (self.by_network and self.conformal):
            return None
        quantiles, levels = self._network_quantiles(), self.shape.quantiles
        rows = among & ~np.isnan(self.rolled.actual + quantiles[..., 0]).any(axis=2)
        if rows.sum() * self.shape.horizon < scores_needed(levels):
            return None
        return conformal_factors(self.rolled.actual[rows], quantiles[rows], levels)

    def _interval(self, among: NDArray[np.bool_]) -> Values:
        """Quantiles ``[origins, N, H, Q]`` as they are by some of the origins."""
        H, levels = self.shape.horizon, self.shape.quantiles
        quantiles = self.medians[..., None] + self._spread(among).distances(H, levels)
        if not self.by_network:
            return quantiles
        own, factors = self._network_quantiles(), self._factors(among)
        if factors is not None:
            own = widened(own, factors, levels)
        return np.where(np.isnan(own), quantiles, own)

    def _network_quantiles(self) -> Values:
        """The combination with the network's distances, ``[origins, N, H, Q]``."""
        own = self.rolled.quantiles
        return self.medians[..., None] + own - own[..., self.shape.median, None]

    def evaluation(self) -> Evaluation | None:
        """Accuracy of the combination and of each part from all origins, and how often what came was within the interval.

        The interval is measured on one half of the origins, or of the series, and tried on the other.
        """
        O, N, H = self.rolled.actual.shape
        if np.isnan(self.rolled.actual).all():
            return None
        first = np.arange(O)[:, None] < O / 2 if O > 1 else np.arange(N)[None] < N / 2
        first = np.broadcast_to(first, (O, N))
        quantiles = np.where(first[..., None, None], self._interval(~first), self._interval(first))
        cases: list[Case] = []
        parts: dict[str, list[Values]] = {
            name: [] for name, share in zip(PARTS, self.weights, strict=True) if share.all()
        }
        for o, steps in enumerate(self.rolled.before.tolist()):
            for n, values in enumerate(self.history.values):
                known = ~np.isnan(self.rolled.actual[o, n])
                if not known.any():
                    continue
                split, inverse = len(values) - steps, self.scalings[n].inverse
                actual = values[split:][:H]
                cases.append(Case(values[:split], actual, inverse(quantiles[o, n, known])))
                for name, forecasts in parts.items():
                    forecasts.append(inverse(self.rolled.forecasts[o, PARTS.index(name), n, known]))
        return evaluate_cases(cases, self.shape.season, self.shape.quantiles, parts, "the other half of them")
