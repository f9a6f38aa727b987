"""Forecasts compared with baselines: their errors over all series and windows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from unrolled.aliases import Values
from unrolled.charts.chart import html_table
from unrolled.data.frames import build_frame
from unrolled.data.table import FrameLike
from unrolled.metrics import forecast_errors
from unrolled.metrics.baselines import BASELINES

__all__ = ["Accuracy", "Backtest", "Case", "Evaluation", "evaluate_cases"]


HEAD = ["", "MAE", "RMSE", "sMAPE", "MASE"]


@dataclass(frozen=True)
class Case:
    """One series at one origin: its history, the true values after it, and the forecast's quantiles ``[H, Q]``."""

    history: Values
    actual: Values
    forecast: Values


@dataclass(frozen=True)
class Accuracy:
    """Errors of one method (:mod:`unrolled.metrics.forecast_errors`); ``mase`` is None if no history ever changes."""

    mae: float
    rmse: float
    smape: float
    mase: float | None


@dataclass(frozen=True)
class Evaluation:
    """Accuracy of the model and of the baselines that can be computed, by name; printed as a table.

    Attributes:
        horizon: steps of each forecast.
        cases: forecasts evaluated, series times windows.
        accuracy: ``forecast``, ``naive``, ``seasonal naive``, ``seasonal naive x growth``.
        coverage: share of values between the outermost quantiles, None if only the median was requested.
        nominal_coverage: what that share should be.
        measured_on: what the width of the intervals was measured on, where that was not learned before.
    """

    horizon: int
    cases: int
    accuracy: dict[str, Accuracy]
    coverage: float | None
    nominal_coverage: float | None
    measured_on: str | None = field(default=None, kw_only=True)

    @property
    def smape(self) -> float:
        """The forecast's symmetric error in per cent, from 0 to 200 (:func:`unrolled.metrics.forecast_errors.smape`)."""
        return self.accuracy["forecast"].smape

    @property
    def mase(self) -> float | None:
        """The forecast's error in units of the seasonal change (:func:`unrolled.metrics.forecast_errors.mase`)."""
        return self.accuracy["forecast"].mase

    @property
    def skill(self) -> float:
        """``1 - MAE / MAE of the seasonal-naive forecast``: 1 is perfect, 0 no better than repeating the last season.

        Where repeating the last season is perfect: 1 if the forecast is too, else minus infinity.
        """
        model, reference = self.accuracy["forecast"].mae, self.accuracy["seasonal naive"].mae
        if reference == 0:
            return 1.0 if model == 0 else -np.inf
        return 1 - model / reference

    def to_frame(self) -> Any:
        """A row a method, as a polars frame; without polars a dictionary of arrays."""
        columns: dict[str, Any] = {"method": list(self.accuracy)}
        for measure in ("mae", "rmse", "smape", "mase"):
            found = [getattr(each, measure) for each in self.accuracy.values()]
            columns[measure] = np.array([np.nan if value is None else value for value in found])
        return build_frame(columns, FrameLike("polars"))

    def _lines(self) -> list[list[str]]:
        return [
            [name, f"{a.mae:.4g}", f"{a.rmse:.4g}", f"{a.smape:.2f}", "-" if a.mase is None else f"{a.mase:.3f}"]
            for name, a in self.accuracy.items()
        ]

    def _sentence(self) -> str:
        cases = f"{self.cases} forecast{'s' * (self.cases > 1)} of {self.horizon} steps"
        if self.coverage is None:
            return cases
        measured = "" if self.measured_on is None else f", measured on {self.measured_on}"
        return f"{cases}; {self.coverage:.0%} of the values lie in the {self.nominal_coverage:.0%} interval{measured}"

    def __str__(self) -> str:
        rows = [
            f"{name:<24}{mae:>12}{rmse:>12}{smape:>9}{mase:>9}"
            for name, mae, rmse, smape, mase in [HEAD, *self._lines()]
        ]
        return "\n".join([*rows, self._sentence()])

    def _repr_html_(self) -> str:
        return html_table(HEAD, self._lines(), own=0, below=self._sentence())


@dataclass(frozen=True)
class Backtest(Evaluation):
    """An evaluation with its forecasts: a frame of the kind given, or an array of medians ``[windows, (N,) H]``."""

    forecasts: Any

    __str__ = Evaluation.__str__


def evaluate_cases(
    cases: Sequence[Case],
    season: int,
    quantiles: tuple[float, ...],
    others: Mapping[str, Sequence[Values]] | None = None,
    measured_on: str | None = None,
) -> Evaluation:
    """Compare every case's forecast, and the baselines', with what came.

    Args:
        cases: of any number of steps each.
        season: in steps.
        quantiles: the forecasts' last axis.
        others: forecasts of the same cases by other methods, by name.
        measured_on: what the width of the intervals was measured on.
    """
    middle = quantiles.index(0.5)
    forecasts = {"forecast": [case.forecast[:, middle] for case in cases], **(others or {})}
    for name, baseline in BASELINES.items():
        made = [baseline(case.history, len(case.actual), season) for case in cases]
        usable = [forecast for forecast in made if forecast is not None]
        if len(usable) == len(cases):
            forecasts[name] = usable
    inside = nominal = None
    if len(quantiles) > 1:
        actual, lower, upper = (
            np.concatenate(each)
            for each in zip(*((c.actual, c.forecast[:, 0], c.forecast[:, -1]) for c in cases), strict=True)
        )
        inside = forecast_errors.coverage(actual, lower, upper)
        nominal = max(quantiles) - min(quantiles)
    return Evaluation(
        horizon=max(len(case.actual) for case in cases),
        cases=len(cases),
        accuracy={name: _accuracy(cases, list(made), season) for name, made in forecasts.items()},
        coverage=inside,
        nominal_coverage=nominal,
        measured_on=measured_on,
    )


def _accuracy(cases: Sequence[Case], forecasts: list[Values], season: int) -> Accuracy:
    actual = np.concatenate([case.actual for case in cases])
    forecast = np.concatenate(forecasts)
    pairs = zip(cases, forecasts, strict=True)
    scaled = [forecast_errors.mase(case.actual, made, case.history, season) for case, made in pairs]
    known = [value for value in scaled if value is not None]
    return Accuracy(
        mae=forecast_errors.mae(actual, forecast),
        rmse=forecast_errors.rmse(actual, forecast),
        smape=forecast_errors.smape(actual, forecast),
        mase=float(np.mean(known)) if known else None,
    )
