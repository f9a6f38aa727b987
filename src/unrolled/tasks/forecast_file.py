"""A forecaster as a model file: what its configuration and its tensors are called."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from unrolled.codecs.scaling import SeriesScaling
from unrolled.data.frequency import Frequency
from unrolled.data.table import FrameLike
from unrolled.runtime.es_rnn import EsRnnShape, SmoothingParameters
from unrolled.runtime.model_file import ModelFile, check_tensors
from unrolled.runtime.window_rnn import WindowRnnShape
from unrolled.tasks.evaluation import Evaluation
from unrolled.tasks.forecast_model import CovariateScaling, ForecastModel
from unrolled.tasks.forecast_settings import ForecastSettings
from unrolled.tasks.history import History

__all__ = ["Columns", "ForecastConfig", "forecast_tensors", "restore_model"]

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


class ForecastConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything of a fitted forecaster but its arrays."""

    settings: ForecastSettings
    seed: int
    columns: Columns
    shape: EsRnnShape | WindowRnnShape
    covariates: CovariateScaling
    names: list[str]
    rows: list[int]
    times: Literal["datetime", "integer", "none"]
    frequency: Frequency
    frame_like: FrameLike
    inferred: list[str]
    validation: Evaluation | None
    losses: list[float]
    validation_losses: list[float]
    epochs: int
    constant: list[int] = msgspec.field(default_factory=list[int])
    """Which series never changed in what was learned from."""


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


def restore_model(model_file: ModelFile, config: ForecastConfig) -> ForecastModel:
    """Put a model together from its file.

    Raises:
        ModelFileError: tensors are missing, surplus, of another shape or dtype, or not finite; all are listed.
    """
    check_tensors(model_file, _expected(config))
    tensors, shape = model_file.tensors, config.shape
    bounds = np.cumsum(config.rows)[:-1]
    values = np.split(tensors["history.values"], bounds)
    return ForecastModel(
        shape=shape,
        tensors={name: tensors[name] for name in shape.tensors()},
        scalings=[
            SeriesScaling(bool(log), float(scale), float(values[i][0]) if i in config.constant else None)
            for i, (log, scale) in enumerate(zip(tensors["scaling.log"], tensors["scaling.scale"], strict=True))
        ],
        parameters=(
            SmoothingParameters(*(tensors[f"smoothing.{name}"] for name in _SMOOTHING))
            if isinstance(shape, EsRnnShape)
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
        **shape.tensors(),
        "scaling.log": ((N,), np.uint8),
        "scaling.scale": ((N,), np.float64),
        "history.values": ((T,), np.float64),
        "history.past": ((T, shape.past), np.float64),
        "history.future": ((T, shape.future), np.float64),
        "history.static": ((N, shape.static), np.float64),
    }
    if isinstance(shape, EsRnnShape):
        sizes = ((shape.members, N),) * 3 + ((shape.season, shape.members, N),)
        expected |= {f"smoothing.{name}": (size, np.float64) for name, size in zip(_SMOOTHING, sizes, strict=True)}
    if config.settings.intervals == "conformal":
        expected["conformal.factors"] = ((shape.horizon, len(shape.quantiles)), np.float64)
    if config.times != "none":
        expected["history.times"] = ((T,), np.int64)
    return expected
