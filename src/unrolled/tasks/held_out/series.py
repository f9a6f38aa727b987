"""Series in parts that follow each other in time: learned from, validated on, and kept for a test."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from unrolled.data.panel import Panel
from unrolled.errors import InputError
from unrolled.metrics.forecasts import evaluate_cases
from unrolled.tasks.forecasting.forecaster import Forecaster
from unrolled.tasks.held_out.data import Data, Split

__all__ = ["SeriesData"]

PARTS = 6  # one step of so many is held out, in whole horizons
MOST = 6  # horizons
ORIGINS = 12


@dataclass(frozen=True, kw_only=True)
class SeriesData(Data):
    """Series to forecast, of which the last ``held_out`` steps, if any, are what a forecast is compared with.

    Forecasts begin at up to a dozen origins among those steps, by one model that has not seen any of them.

    Attributes:
        panel: the series, up to the end of what is held out.
        horizon: steps ahead that are forecast.
        held_out: steps at the end, at least a horizon, or 0.

    >>> from unrolled.data.panel import read_panel
    >>> data = SeriesData.of(read_panel(np.arange(120.0)), horizon=10)
    >>> learned, test = data.test_split()
    >>> train, validation = learned.validation_split(0)
    >>> len(train.panel.values[0]), validation.held_out, test.held_out
    (90, 10, 20)
    """

    panel: Panel
    horizon: int
    held_out: int = 0

    @classmethod
    def of(
        cls,
        panel: Panel,
        values: Mapping[str, Any] | None = None,
        *,
        horizon: int | None = None,
        source: str = "the data",
    ) -> SeriesData:
        """Series with the horizon that a forecaster would take, if none is given; it is the same for all models.

        Args:
            panel: the series.
            values: parameters of the forecaster that are settled.
            horizon: steps ahead to forecast.
            source: what messages call the series.
        """
        settled: dict[str, Any] = {**(values or {}), **({} if horizon is None else {"horizon": horizon})}
        ahead = Forecaster(**settled).shape_for(panel).horizon
        return cls(
            estimator=Forecaster,
            values={**settled, "horizon": ahead},
            source=source,
            notes=tuple(panel.inferred),
            panel=panel,
            horizon=ahead,
        )

    def test_split(self) -> Split:
        """The last sixth of the shortest series in whole horizons: one at least, and six at most."""
        return self._split(self.panel, self._steps())

    def validation_split(self, round: int) -> Split:
        """As much at the end; in later rounds a horizon earlier each, as long as half of the series is before it."""
        steps, shortest = self._steps(), min(map(len, self.panel.values))
        places = max(1, 1 + (shortest // 2 - steps) // self.horizon)
        return self._split(self.panel.without_last(round % places * self.horizon), steps)

    def scores(self, fitted: Any) -> dict[str, float]:
        """MASE, the mean absolute error in units of the seasonal change; MAE, RMSE and sMAPE."""
        last = self.held_out - self.horizon
        later = np.unique(np.linspace(0, last, min(ORIGINS, last + 1)).round().astype(int)).tolist()
        cases = [case for steps in later for case in fitted.cases(self.panel.without_last(steps))]
        found = evaluate_cases(cases, fitted.season_length_, fitted.quantiles_).accuracy["forecast"]
        if found.mase is None:
            raise InputError(f"{self.source}: the series never change, so that any forecaster is as good as another")
        return {"mase": found.mase, "mae": found.mae, "rmse": found.rmse, "smape": found.smape}

    def describe(self) -> str:
        """How many series of how many steps."""
        lengths = [len(values) for values in self.panel.values]
        low, high = min(lengths), max(lengths)
        steps = f"{low:,}" if low == high else f"{low:,} to {high:,}"
        return f"{len(lengths):,} series of {steps} steps" if len(lengths) > 1 else f"a series of {steps} steps"

    @property
    def identity(self) -> Any:
        """The series, their covariates, and what is forecast."""
        panel = self.panel
        times = [None if each is None else each.astype(np.int64) for each in panel.times]
        known = [panel.past, panel.future, panel.static]
        return [panel.names, times, panel.values, *known, self.horizon]

    def _learn(self, estimator: Forecaster) -> None:
        estimator.fit_panel(self.panel)

    def _steps(self) -> int:
        return self.horizon * max(1, min(MOST, min(map(len, self.panel.values)) // (PARTS * self.horizon)))

    def _split(self, panel: Panel, steps: int) -> Split:
        shortest = min(map(len, panel.values))
        if shortest < steps + self.horizon:
            raise InputError(
                f"{self.source}: the shortest series has {shortest} steps to learn from and to be judged on, need at least"
                f" {steps + self.horizon}, {steps} of them held out; give more history, or a smaller horizon"
            )
        return Split(
            replace(self, panel=panel.without_last(steps), held_out=0), replace(self, panel=panel, held_out=steps)
        )
