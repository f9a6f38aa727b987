"""Backtesting: forecasts from past origins by a forecaster that saw nothing of what came after."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from unrolled.data.panel import Panel, build_frame
from unrolled.errors import InputError
from unrolled.metrics.forecasts import Backtest, Case, evaluate_cases
from unrolled.tasks.checks import check_count
from unrolled.tasks.forecasting.model import called
from unrolled.tasks.forecasting.quantile_columns import quantile_columns

if TYPE_CHECKING:
    from unrolled.tasks.forecasting.forecaster import Forecaster

__all__ = ["run_backtest"]


def run_backtest(forecaster: Forecaster, panel: Panel, windows: int, step: int | None, refit: bool) -> Backtest:
    """What :meth:`Forecaster.backtest` promises; ``forecaster`` is read, not changed."""
    shape = forecaster.shape_for(panel)
    step = shape.horizon if step is None else step
    check_count("windows", windows)
    check_count("step", step)
    _check_lengths(panel, shape.input_window, shape.horizon, windows, step)
    fresh = type(forecaster)(**forecaster.get_params())
    fresh.set_params(method=shape.method, horizon=shape.horizon)
    fresh.set_params(input_window=shape.input_window, season_length=shape.season)
    positive = [bool(values[: -shape.horizon].min() > 0) for values in panel.values]  # all that is forecast from
    cases: list[list[Case]] = []
    for window in range(windows):
        later = (windows - 1 - window) * step
        if window == 0 or refit:
            fresh.fit_panel(panel.without_last(later + shape.horizon), positive=positive)
        cases.append(fresh.cases(panel.without_last(later)))
    flat = [case for found in cases for case in found]
    evaluation = evaluate_cases(flat, shape.season, shape.quantiles)
    forecasts = _forecasts(panel, cases, step, shape.quantiles, tuple(forecaster.quantiles))
    return Backtest(**vars(evaluation), forecasts=forecasts)


def _check_lengths(panel: Panel, window: int, horizon: int, windows: int, step: int) -> None:
    need = window + 2 * horizon + (windows - 1) * step
    for name, values in zip(panel.names, panel.values, strict=True):
        if len(values) < need:
            raise InputError(
                f"{called(name)} has {len(values)} rows; {windows} windows {step} steps apart need at least {need} ="
                f" input window {window} + horizon {horizon} to learn from, and {horizon + (windows - 1) * step} to"
                " compare with; give more history, or fewer windows, or a smaller step or horizon"
            )


def _forecasts(
    panel: Panel, cases: list[list[Case]], step: int, learned: tuple[float, ...], asked: tuple[float, ...]
) -> Any:
    """Every forecast beside what came: a frame like the data, or for an array the medians ``[windows, (N,) H]``."""
    windows, N, H = len(cases), len(panel.names), len(cases[0][0].actual)
    quantiles = np.array([[case.forecast for case in found] for found in cases])  # [windows, N, H, Q]
    if panel.frame_like.kind == "numpy":
        median = quantiles[..., learned.index(0.5)]
        return median[:, 0] if panel.names == [""] else median
    columns: dict[str, Any] = {"window": np.repeat(np.arange(1, windows + 1), N * H)}
    stamps: list[Any] = []
    for window in range(windows):
        end = -(windows - 1 - window) * step
        stamps += [times[end - H : end or None] for times in panel.times if times is not None]
    if panel.time is not None:
        columns[panel.time] = np.concatenate(stamps)
    if panel.series is not None:
        columns[panel.series] = [name for _ in range(windows) for name in panel.names for _ in range(H)]
    columns[f"{panel.target}_actual"] = np.concatenate([case.actual for found in cases for case in found])
    columns |= quantile_columns(panel.target, learned, asked, quantiles)
    return build_frame(columns, replace(panel.frame_like, time_is_index=False))
