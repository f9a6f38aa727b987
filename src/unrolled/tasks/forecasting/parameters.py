"""The parameters of a forecaster."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Annotated, Any, Literal

from unrolled.errors import InputError
from unrolled.parameters.amount import filled_in, left_open
from unrolled.parameters.declaration import Parameter, require
from unrolled.parameters.network import NetworkParameters
from unrolled.parameters.ranges import COUNT, Range
from unrolled.parameters.series import SeriesParameters
from unrolled.parameters.training import EarlyStopping, TrainingParameters

__all__ = [
    "Distribution", "ForecastMethod", "ForecastTraining", "ForecasterParameters", "Intervals", "forecast_training",
    "model_quantiles", "network_says_spread",
]  # fmt: skip

ForecastMethod = Literal["auto", "smoothing", "windows"]
Distribution = Literal["quantiles", "student_t"]
Intervals = Literal["model", "conformal"]

EXTREME = 1e-6  # beyond, a quantile is a guess, and its name that of its neighbour

BY_METHOD: dict[str, dict[str, Any]] = {
    "smoothing": {
        "hidden_size": 16, "members": 4, "dropout": 0.3, "oldest_weight": 0.1,
        "max_epochs": 100, "patience": 30, "batch_size": 32, "learning_rate": 0.01,
    },
    "windows": {
        "hidden_size": 128, "members": 2, "dropout": 0.2, "oldest_weight": 1.0,
        "max_epochs": 30, "patience": 10, "batch_size": 256, "learning_rate": 0.003,
    },
}  # fmt: skip
"""What is taken for parameters that are left open."""


def _read_quantiles(name: str, value: Any) -> Any:
    if isinstance(value, str):
        return value
    try:
        return tuple(float(q) for q in value)
    except (TypeError, ValueError):
        raise InputError(f"{name} is {value!r}, expected numbers between 0 and 1") from None


class ForecastTraining(EarlyStopping, TrainingParameters, NetworkParameters):
    """The networks and their training, with nothing left open."""

    _title = "Training"

    oldest_weight: Annotated[
        float,
        Parameter(
            "Weight of the oldest steps of a series in training, relative to the newest.",
            Range(0, 1, open_low=True),
            metavar="SHARE",
            search=(0.1, 0.3, 1.0),
        ),
    ] = 1.0


_left_open = partial(left_open, ForecastTraining)


# The defaults of many depend on the method, so that they may be left open here, as they may not be where a network is trained.
# pyright: reportIncompatibleVariableOverride=false
class ForecasterParameters(SeriesParameters, ForecastTraining):
    """What a :class:`unrolled.Forecaster` is, and how it is trained."""

    _title = "Forecast"

    method: Annotated[
        ForecastMethod,
        Parameter(
            "Exponential smoothing with a network, or one network that reads windows; auto takes windows if there are at"
            " least 10,000 of them.",
            metavar="METHOD",
        ),
    ] = "auto"
    input_window: Annotated[
        int | None,
        Parameter(
            "Steps that the network sees at once.",
            COUNT,
            unset="one season with smoothing, or 8 steps without one; with windows up to fourteen times as much, and at"
            " most half of the shortest series",
        ),
    ] = None
    horizon: Annotated[
        int | None,
        Parameter("Steps ahead to forecast.", COUNT, unset="one season, or 8 steps without one", flag="-H,--horizon"),
    ] = None
    quantiles: Annotated[
        Sequence[float],
        Parameter(
            "Quantiles to forecast besides the median, each between 0 and 1.",
            flag="--quantile",
            metavar="Q",
            read=_read_quantiles,
        ),
    ] = (0.1, 0.5, 0.9)
    distribution: Annotated[
        Distribution,
        Parameter(
            "What the network predicts for each step: the quantiles, trained with the pinball loss, or a Student t"
            " distribution, trained with the likelihood.",
            metavar="WHAT",
        ),
    ] = "quantiles"
    intervals: Annotated[
        Intervals,
        Parameter(
            "How far off the forecast may be: measured on steps kept back (conformal), or as the network says itself"
            " (model).",
            metavar="WHOSE",
        ),
    ] = "conformal"
    season_length: Annotated[
        int | None,
        Parameter(
            "Steps per season.",
            COUNT,
            unset="from the time stamps, or from the values where they clearly repeat; otherwise 1",
            flag="--season",
        ),
    ] = None
    hidden_size: Annotated[int | None, _left_open("hidden_size", "16 with smoothing, 128 with windows")] = None
    members: Annotated[int | None, _left_open("members", "4 with smoothing, 2 with windows")] = None
    dropout: Annotated[float | None, _left_open("dropout", "0.3 with smoothing, 0.2 with windows")] = None
    oldest_weight: Annotated[float | None, _left_open("oldest_weight", "0.1 with smoothing, 1 with windows")] = None
    max_epochs: Annotated[int | None, _left_open("max_epochs", "100 with smoothing, 30 with windows")] = None
    patience: Annotated[int | None, _left_open("patience", "30 with smoothing, 10 with windows")] = None
    batch_size: Annotated[int | None, _left_open("batch_size", "32 series, or 256 windows")] = None
    learning_rate: Annotated[float | None, _left_open("learning_rate", "0.01 with smoothing, 0.003 with windows")] = (
        None
    )
    refit: Annotated[
        bool,
        Parameter(
            "Whether to train again on all data once the number of epochs has been chosen on held-out steps: the last"
            " horizon, or with windows about the last sixth."
        ),
    ] = True

    def _check_together(self) -> None:
        """Check the quantiles, and the networks and their training."""
        forecast_training(self, "smoothing" if self.method == "auto" else self.method)
        inside = all(EXTREME <= q <= 1 - EXTREME for q in self.quantiles)
        require("quantiles", self.quantiles, inside, f"numbers between 0 and 1, from {EXTREME:g} to {1 - EXTREME:f}")
        names = {f"{100 * q:g}" for q in self.quantiles}  # as the columns of a forecast are called
        require("quantiles", self.quantiles, len(names) == len(self.quantiles), "different")


def forecast_training(parameters: ForecasterParameters, method: str) -> ForecastTraining:
    """The networks and their training by a method, ``smoothing`` or ``windows``, which fills in what was left open.

    Raises:
        InputError: what was given does not go with what the method fills in.
    """
    return filled_in(parameters, ForecastTraining, BY_METHOD[method])


def model_quantiles(parameters: ForecasterParameters) -> tuple[float, ...]:
    """The quantiles the network learns: ascending, with the median, which is the forecast itself."""
    return tuple(sorted({*parameters.quantiles, 0.5}))


def network_says_spread(parameters: ForecasterParameters, method: str) -> bool:
    """Whether the quantiles of a network, if there is one, say how far off the forecast may be: if that is asked, or where it has
    many windows to learn it from.
    """
    return parameters.intervals == "model" or method == "windows"
