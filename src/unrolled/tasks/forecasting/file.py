"""A forecaster as a model file: what its configuration and its tensors are called."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from unrolled.codecs.ranges import Count, Size
from unrolled.codecs.scaling import LARGEST_Z, SeriesScaling
from unrolled.data.frequency import Frequency
from unrolled.data.series_columns import SeriesColumns
from unrolled.data.table import INTEGER, FrameLike
from unrolled.metrics.forecasts import Evaluation
from unrolled.networks.es_rnn import EsRnnConfig, SmoothingParameters
from unrolled.networks.window_rnn import WindowRnnConfig
from unrolled.parameters.declaration import require
from unrolled.runtime.model_file import ModelFile, check_tensors
from unrolled.tasks.agreement import Clock, check_grid, check_times, require_same, require_tensors
from unrolled.tasks.estimator import FittedConfig
from unrolled.tasks.forecasting.history import History
from unrolled.tasks.forecasting.model import CovariateScaling, ForecastModel, called
from unrolled.tasks.forecasting.networks import shape_of
from unrolled.tasks.forecasting.parameters import ForecasterParameters

__all__ = ["Columns", "ForecastConfig", "check_config", "forecast_tensors", "restore_model"]

COVARIATES = ("past", "future", "static")
_SMOOTHING = ("alpha", "gamma", "level", "season")
Expected = dict[str, tuple[tuple[int, ...], type[np.generic]]]


class Columns(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the user calls the columns."""

    target: str
    time: str | None
    series: str | None
    past: tuple[str, ...]
    future: tuple[str, ...]
    static: tuple[str, ...]


class ForecastConfig(FittedConfig, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Everything of a fitted forecaster but its arrays."""

    columns: Columns
    shape: EsRnnConfig | WindowRnnConfig
    covariates: CovariateScaling
    names: list[str]
    rows: list[Count]
    times: Clock
    frequency: Frequency
    frame_like: FrameLike
    validation: Evaluation | None
    validation_losses: list[float]
    epochs: Count
    constant: list[Size] = msgspec.field(default_factory=list[int])
    """Which series never changed in what was learned from."""


def check_config(config: ForecastConfig, settings: ForecasterParameters) -> None:
    """Check all of it against the parameters and against itself.

    Raises:
        InputError: naming the field.
    """
    shape, columns = config.shape, config.columns
    named = SeriesColumns(
        columns.target, columns.time, columns.series, columns.past, columns.future, columns.static
    ).named
    require("settings.method", settings.method, settings.method in ("auto", shape.method), f"auto or {shape.method}")
    sizes = {
        "input_window": settings.input_window or shape.input_window,
        "horizon": settings.horizon or shape.horizon,
        "season": settings.season_length or shape.season,
        **{role: len(getattr(columns, role)) for role in COVARIATES},
    }
    require_same("shape", shape, shape_of(settings, type(shape), **sizes))
    for role in COVARIATES:
        scaled = len(getattr(config.covariates, role))
        require(f"covariates.{role}", scaled, scaled == sizes[role], f"a scale for each of {sizes[role]} columns")
    require("names", config.names, 0 < len(set(config.names)) == len(config.names), "one series at least, each once")
    require("rows", config.rows, len(config.rows) == len(config.names), "as many as there are names")
    least = shape.input_window + shape.horizon
    require("rows", config.rows, min(config.rows) >= least, f"{least} at least: input_window and horizon")
    require("series", columns.series, columns.series in named or config.names == [""], "a column, if there are several")
    check_times(config.frame_like, config.times, config.frequency, columns.time)
    if config.frame_like.kind != "numpy":
        require(
            "frame_like.series", config.frame_like.series, config.frame_like.series == columns.series, "that of columns"
        )
    if config.frame_like.series_is_integer:
        whole = all(INTEGER.fullmatch(name) for name in config.names)
        require("frame_like.series_is_integer", True, whole, "false: the names of the series are no whole numbers")
    places = max(config.constant, default=0) < len(config.names)
    require("constant", config.constant, places, "places of some of names")
    validation = config.validation
    compared = {"forecast", "naive", "seasonal naive"}
    known = validation is None or compared <= validation.accuracy.keys()
    require("validation.accuracy", list(validation.accuracy if validation else ()), known, f"{sorted(compared)} in it")


def forecast_tensors(model: ForecastModel) -> dict[str, NDArray[Any]]:
    """The arrays of a fitted model, the series it was trained on among them."""
    history, parameters = model.trained, model.parameters
    tensors: dict[str, NDArray[Any]] = dict(model.tensors)
    if parameters is not None:
        tensors |= {f"smoothing.{name}": getattr(parameters, name) for name in _SMOOTHING}
    if model.factors is not None:
        tensors["conformal.factors"] = model.factors
    tensors["scaling.log"] = np.array([scaling.log for scaling in model.scalings], np.uint8)
    tensors["scaling.scale"] = np.array([scaling.scale for scaling in model.scalings])
    tensors["history.values"] = np.concatenate(history.values)
    tensors["history.past"] = np.concatenate(history.past)
    tensors["history.future"] = np.concatenate(history.future)
    tensors["history.static"] = history.static
    times = [stamps.astype(np.int64) for stamps in history.times if stamps is not None]
    if times:
        tensors["history.times"] = np.concatenate(times)
    return tensors


def restore_model(model_file: ModelFile, config: ForecastConfig, settings: ForecasterParameters) -> ForecastModel:
    """Put a model together from its file.

    Raises:
        ModelFileError: tensors are missing, surplus, of another shape or dtype, or not finite; all are listed.
    """
    tensors, shape = model_file.tensors, config.shape
    require_tensors({"shape.members": shape.members, "shape.num_layers": shape.num_layers}, len(tensors))
    check_tensors(model_file, _expected(config, settings))
    bounds = np.cumsum(config.rows)[:-1]
    values = np.split(tensors["history.values"], bounds)
    scalings = _scalings(config, tensors, values)
    _check_values(config, tensors, values, scalings)
    return ForecastModel(
        shape=shape,
        tensors={name: tensors[name] for name in shape.parameters()},
        scalings=scalings,
        parameters=(
            SmoothingParameters(*(tensors[f"smoothing.{name}"] for name in _SMOOTHING))
            if isinstance(shape, EsRnnConfig)
            else None
        ),
        covariates=config.covariates,
        trained=History(
            names=config.names,
            times=_times(tensors, config, bounds),
            values=values,
            past=np.split(tensors["history.past"], bounds),
            future=np.split(tensors["history.future"], bounds),
            static=tensors["history.static"],
        ),
        factors=tensors.get("conformal.factors"),
    )


def _scalings(
    config: ForecastConfig, tensors: Mapping[str, NDArray[Any]], values: list[NDArray[np.float64]]
) -> list[SeriesScaling]:
    constant = set(config.constant)
    each = enumerate(zip(tensors["scaling.log"], tensors["scaling.scale"], values, strict=True))
    return [
        SeriesScaling(bool(log), float(scale), float(own[0]) if i in constant else None)
        for i, (log, scale, own) in each
    ]


def _check_values(
    config: ForecastConfig,
    tensors: Mapping[str, NDArray[Any]],
    values: list[NDArray[np.float64]],
    scalings: list[SeriesScaling],
) -> None:
    """Check the numbers of each series: they can be scaled, smoothed and followed on."""
    for name in ("alpha", "gamma"):
        speeds = tensors.get(f"smoothing.{name}", np.zeros(1))
        within = bool(((speeds >= 0) & (speeds <= 1)).all())
        require(f"smoothing.{name}", [float(speeds.min()), float(speeds.max())], within, "speeds from 0 to 1")
    factors = tensors.get("conformal.factors", np.zeros(1))
    require("conformal.factors", float(factors.min()), bool((factors >= 0).all()), "factors from 0")
    for name, own, log, scaling in zip(config.names, values, tensors["scaling.log"], scalings, strict=True):
        above = log == 0 or (log == 1 and own.min() > 0)
        require(f"scaling.log of {called(name)}", int(log), above, "0, or 1 above 0")
        z = np.abs(scaling.transform(own)).max()
        require(f"scaling.scale of {called(name)}", scaling.scale, z < LARGEST_Z, "a scale that is that of the values")
    bounds = np.cumsum(config.rows)[:-1]
    for name, times in zip(config.names, _times(tensors, config, bounds), strict=True):
        if times is not None:
            check_grid(times, config.frame_like, config.frequency, f"history.times of {called(name)}")


def _times(
    tensors: Mapping[str, NDArray[Any]], config: ForecastConfig, bounds: NDArray[np.int64]
) -> list[NDArray[Any] | None]:
    if config.times == "none":
        return [None] * len(config.rows)
    dtype = "datetime64[us]" if config.times == "datetime" else "int64"
    return list(np.split(tensors["history.times"].astype(dtype), bounds))


def _expected(config: ForecastConfig, settings: ForecasterParameters) -> Expected:
    shape, N, T = config.shape, len(config.names), sum(config.rows)
    expected: Expected = {
        **shape.parameters(),
        "scaling.log": ((N,), np.uint8),
        "scaling.scale": ((N,), np.float64),
        "history.values": ((T,), np.float64),
        "history.past": ((T, shape.past), np.float64),
        "history.future": ((T, shape.future), np.float64),
        "history.static": ((N, shape.static), np.float64),
    }
    if isinstance(shape, EsRnnConfig):
        sizes = ((shape.members, N),) * 3 + ((shape.season, shape.members, N),)
        expected |= {f"smoothing.{name}": (size, np.float64) for name, size in zip(_SMOOTHING, sizes, strict=True)}
    if settings.intervals == "conformal":
        expected["conformal.factors"] = ((shape.horizon, len(shape.quantiles)), np.float64)
    if config.times != "none":
        expected["history.times"] = ((T,), np.int64)
    return expected
