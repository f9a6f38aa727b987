"""A forecaster as a model file: what its configuration and its tensors are called."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from unrolled.codecs.ranges import Count, Size
from unrolled.codecs.scaling import LARGEST_Z, SeriesScaling, log_scales
from unrolled.data.frequency import Frequency
from unrolled.data.series_columns import SeriesColumns
from unrolled.data.table import INTEGER, FrameLike
from unrolled.metrics.forecasts import Evaluation
from unrolled.networks.es_rnn import EsRnnConfig, SmoothingParameters
from unrolled.networks.window_rnn import WindowRnnConfig
from unrolled.parameters.declaration import require
from unrolled.runtime.model_file import ModelFile, check_tensors
from unrolled.statistical.methods import SMOOTHING, StatisticalMethods
from unrolled.tasks.agreement import Clock, check_grid, check_times, require_same, require_tensors
from unrolled.tasks.estimator import FittedConfig
from unrolled.tasks.forecasting.history import History
from unrolled.tasks.forecasting.model import NETWORK, PARTS, ForecastModel, called
from unrolled.tasks.forecasting.network_part import CovariateScaling, NetworkPart
from unrolled.tasks.forecasting.networks import shape_of
from unrolled.tasks.forecasting.parameters import ForecasterParameters, network_says_spread
from unrolled.tasks.forecasting.spread import FEWEST, Spread

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
    learned: list[Size]
    """Which series the network learned from; none where there is no network."""
    covariates: CovariateScaling | None
    lags: Count
    """Of the autoregressions."""
    factors: bool
    """Whether the network's distances from its median are stretched."""
    names: list[str]
    rows: list[Count]
    times: Clock
    frequency: Frequency
    frame_like: FrameLike
    validation: Evaluation | None
    validation_losses: list[float]
    epochs: Size
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
    open_sizes = {name: getattr(settings, name) or getattr(shape, name) for name in ("hidden_size", "members")}
    require_same("shape", shape, shape_of(replace(settings, **open_sizes), type(shape), **sizes))
    has_network = config.covariates is not None
    require(
        "learned", config.learned, has_network == bool(config.learned), "some series if there are covariates, or none"
    )
    for role in COVARIATES if has_network else ():
        scaled = len(getattr(config.covariates, role))
        require(f"covariates.{role}", scaled, scaled == sizes[role], f"a scale for each of {sizes[role]} columns")
    require("names", config.names, 0 < len(set(config.names)) == len(config.names), "one series at least, each once")
    require("rows", config.rows, len(config.rows) == len(config.names), "as many as there are names")
    least = shape.input_window + shape.horizon
    ascending = sorted({*config.learned}) == config.learned and max(config.learned, default=0) < len(config.names)
    require("learned", config.learned, ascending, "places of some of names, ascending")
    learned = [config.rows[n] for n in config.learned]
    require("rows", config.rows, min(learned, default=least) >= least, f"{least} at least where a network learned")
    by_network = network_says_spread(settings, shape.method) and settings.intervals == "conformal" and has_network
    require(
        "factors", config.factors, by_network or not config.factors, "false: the network's distances are not stretched"
    )
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
    history, network, tensors = model.trained, model.network, dict[str, NDArray[Any]]()
    if network is not None:
        tensors |= network.tensors
        if network.smoothing is not None:
            tensors |= {f"smoothing.{name}": getattr(network.smoothing, name) for name in _SMOOTHING}
    if model.factors is not None:
        tensors["conformal.factors"] = model.factors
    tensors["methods.gains"] = model.methods.gains
    tensors["methods.seasonal"] = model.methods.seasonal.astype(np.uint8)
    tensors["methods.coefficients"] = model.methods.coefficients
    tensors["combination.weights"] = model.weights
    tensors["spread.growth"] = model.spread.growth
    tensors["spread.freedom"] = model.spread.freedom
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
    if config.learned:
        require_tensors({"shape.members": shape.members, "shape.num_layers": shape.num_layers}, len(tensors))
    check_tensors(model_file, _expected(config))
    bounds = np.cumsum(config.rows)[:-1]
    values = np.split(tensors["history.values"], bounds)
    scalings = _scalings(config, tensors, values)
    _check_values(config, tensors, values, scalings)
    return ForecastModel(
        quantiles=shape.quantiles,
        horizon=shape.horizon,
        scalings=scalings,
        methods=StatisticalMethods(
            shape.season,
            log_scales(scalings),
            tensors["methods.gains"],
            tensors["methods.seasonal"] == 1,
            tensors["methods.coefficients"],
        ),
        network=_network(config, tensors),
        weights=tensors["combination.weights"],
        spread=Spread(tensors["spread.growth"], tensors["spread.freedom"]),
        network_spread=bool(config.learned) and network_says_spread(settings, shape.method),
        factors=tensors.get("conformal.factors"),
        trained=History(
            names=config.names,
            times=_times(tensors, config, bounds),
            values=values,
            past=np.split(tensors["history.past"], bounds),
            future=np.split(tensors["history.future"], bounds),
            static=tensors["history.static"],
        ),
    )


def _network(config: ForecastConfig, tensors: Mapping[str, NDArray[Any]]) -> NetworkPart | None:
    shape, covariates = config.shape, config.covariates
    if covariates is None:
        return None
    smoothing = None
    if isinstance(shape, EsRnnConfig):
        smoothing = SmoothingParameters(*(tensors[f"smoothing.{name}"] for name in _SMOOTHING))
    return NetworkPart(
        shape, {name: tensors[name] for name in shape.parameters()}, config.learned, smoothing, covariates
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
    """Check the numbers of each series: they can be scaled, smoothed, combined and followed on."""
    for name in ("smoothing.alpha", "smoothing.gamma", "methods.gains", "methods.seasonal", "combination.weights"):
        shares = tensors.get(name, np.zeros(1))
        within = bool(((shares >= 0) & (shares <= 1)).all())
        require(name, [float(shares.min()), float(shares.max())], within, "numbers from 0 to 1")
    weights = tensors["combination.weights"]
    total = weights.sum(axis=0)
    require("combination.weights", float(total.min()), bool(np.isclose(total, 1).all()), "a sum of 1 for each series")
    unlearned = np.setdiff1d(np.arange(len(config.names)), config.learned)
    lacking = bool((weights[PARTS.index(NETWORK), unlearned] == 0).all())
    require("combination.weights", "a network", lacking, "0 for a network that did not learn from a series")
    for name, least in (("conformal.factors", 0.0), ("spread.growth", 0.0), ("spread.freedom", FEWEST)):
        lowest = float(tensors.get(name, np.full(1, least)).min())
        require(name, lowest, lowest >= least, f"numbers from {least:g}")
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


def _expected(config: ForecastConfig) -> Expected:
    shape, N, T = config.shape, len(config.names), sum(config.rows)
    expected: Expected = {
        "scaling.log": ((N,), np.uint8),
        "scaling.scale": ((N,), np.float64),
        "methods.gains": ((4, len(SMOOTHING), N), np.float64),
        "methods.seasonal": ((len(SMOOTHING), N), np.uint8),
        "methods.coefficients": ((N, 1 + config.lags), np.float64),
        "combination.weights": ((len(PARTS), N), np.float64),
        "spread.growth": ((2, N), np.float64),
        "spread.freedom": ((N,), np.float64),
        "history.values": ((T,), np.float64),
        "history.past": ((T, shape.past), np.float64),
        "history.future": ((T, shape.future), np.float64),
        "history.static": ((N, shape.static), np.float64),
    }
    if config.learned:
        expected |= shape.parameters()
        if isinstance(shape, EsRnnConfig):
            sizes = ((shape.members, len(config.learned)),) * 3 + ((shape.season, shape.members, len(config.learned)),)
            expected |= {f"smoothing.{name}": (size, np.float64) for name, size in zip(_SMOOTHING, sizes, strict=True)}
    if config.factors:
        expected["conformal.factors"] = ((shape.horizon, len(shape.quantiles)), np.float64)
    if config.times != "none":
        expected["history.times"] = ((T,), np.int64)
    return expected
