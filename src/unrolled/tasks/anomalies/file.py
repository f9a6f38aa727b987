"""A detector as a model file: what its configuration and its tensors are called."""

from __future__ import annotations

from typing import Any

import numpy as np

from unrolled.aliases import Values
from unrolled.codecs.scaling import Standardization
from unrolled.codecs.tail import Calibration
from unrolled.data.frequency import Frequency
from unrolled.data.series_columns import SeriesColumns
from unrolled.data.spans import steps_of
from unrolled.data.table import FrameLike
from unrolled.networks.autoencoder import AutoencoderConfig
from unrolled.parameters.declaration import require
from unrolled.runtime.model_file import ModelFile
from unrolled.tasks.agreement import Clock, check_grid, check_times, require_same
from unrolled.tasks.anomalies.fitting import leads_to, shape_of
from unrolled.tasks.anomalies.model import PAST, AnomalyModel
from unrolled.tasks.anomalies.parameters import DetectorParameters
from unrolled.tasks.anomalies.regressions import View, regression_sizes
from unrolled.tasks.anomalies.shape import ScoringConfig
from unrolled.tasks.ensemble import restored_members
from unrolled.tasks.estimator import FittedConfig

__all__ = ["AnomalyConfig", "check_config", "restore"]


class AnomalyConfig(FittedConfig, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Everything of a fitted detector but its arrays."""

    shape: ScoringConfig
    channels: list[Standardization]
    names: list[str]
    time: str | None
    clock: Clock
    frequency: Frequency
    frame_like: FrameLike
    calibration: Calibration


def check_config(config: AnomalyConfig, settings: DetectorParameters) -> None:
    """Check all of it against the parameters and against itself.

    Raises:
        InputError: naming the field.
    """
    shape, network = config.shape, config.shape.network
    named = SeriesColumns(None, config.time, None, values=tuple(config.names)).named
    require(
        "names", config.names, 0 < len(config.names) == len(named) - (config.time is not None), "one column at least"
    )
    require("channels", len(config.channels), len(config.channels) == len(config.names), "a scale for each of names")
    check_times(config.frame_like, config.clock, config.frequency, config.time)
    known = config.frequency.cycles if config.clock == "datetime" else {}
    require("shape.cycles", shape.cycles, set(shape.cycles) <= known.keys(), f"some of {list(known)}, by the frequency")
    require("shape.cycles", shape.cycles, len(set(shape.cycles)) == len(shape.cycles), "each once")
    if settings.seasons is not None:
        require_same("shape.seasons", shape.seasons, tuple(settings.seasons))
    require("shape.seasons", shape.seasons, all(m >= 2 for m in shape.seasons), "numbers of steps, each at least 2")
    rebuilds = isinstance(network, AutoencoderConfig)
    require("shape.network", network, rebuilds == (settings.method == "reconstruction"), f"one of {settings.method}")
    horizon = 1 if isinstance(network, AutoencoderConfig) else max(network.leads, default=1)
    code = network.code if isinstance(network, AutoencoderConfig) else 1
    if not isinstance(network, AutoencoderConfig):
        require_same("shape.network.leads", network.leads, leads_to(horizon))
    if rebuilds and settings.code_size is not None:
        require_same("shape.network.code", code, settings.code_size)
    sizes = {"window": shape.window, "horizon": horizon, "smoothing": shape.smoothing, "code": code}
    expected = shape_of(settings, len(config.names), cycles=shape.cycles, seasons=shape.seasons, **sizes)
    require_same("shape", shape, expected)
    require("shape.window", shape.window, shape.window >= 2, "at least 2")
    longest = shape.window if rebuilds else shape.smoothing
    require("shape.smoothing", shape.smoothing, shape.smoothing <= longest, f"at most window = {longest}")
    found = {**sizes, "merge": config.calibration.merge, "false_alarm_every": config.calibration.every}
    for name in ("window", "smoothing", "merge", "false_alarm_every", *([] if rebuilds else ["horizon"])):
        span = getattr(settings, name)
        if span is not None:
            require_same(name, found[name], steps_of(name, span, config.frequency))


def restore(model_file: ModelFile, config: AnomalyConfig, settings: DetectorParameters) -> AnomalyModel:
    """Put a model and the end of its training data together from their file.

    Raises:
        InputError: tensors are missing, surplus, of another shape or dtype, not finite, or at other times.
    """
    tensors = model_file.tensors
    others: dict[str, tuple[tuple[int, ...], Any]] = {}
    rows = len(tensors["history.values"]) if tensors.get("history.values", np.zeros(())).ndim else 0
    others["history.values"] = ((rows, len(config.names)), np.float64)
    if config.clock != "none":
        others["history.times"] = ((rows,), np.int64)
    sizes = regression_sizes(config.shape)
    others |= {f"regressions.{view}": (size, np.float64) for view, size in sizes.items()}
    others["units"] = ((PAST + len(sizes) - 1, len(config.names)), np.float64)
    members = restored_members(model_file, config.shape.network.parameters(), settings, others)
    require("history.values", rows, 1 <= rows <= config.shape.history, f"1 to {config.shape.history} rows")
    if config.clock != "none":
        times = tensors["history.times"]
        stamps = times.astype("datetime64[us]") if config.clock == "datetime" else times
        check_grid(stamps, config.frame_like, config.frequency, "history.times")
    least = tensors["units"].min()
    require("units", float(least), least > 0, "levels above 0")
    history = {name.removeprefix("history."): t for name, t in tensors.items() if name.startswith("history.")}
    regressions: dict[View, Values] = {view: tensors[f"regressions.{view}"] for view in sizes}
    return AnomalyModel(config.shape, config.channels, members, regressions, tensors["units"], history)
