"""The parameters of an anomaly detector."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

from unrolled.errors import InputError
from unrolled.parameters.declaration import Parameter, plain, require
from unrolled.parameters.network import NetworkParameters
from unrolled.parameters.ranges import COUNT, Range
from unrolled.parameters.series import SeriesParameters
from unrolled.parameters.training import TrainingParameters

if TYPE_CHECKING:
    from datetime import timedelta

    Span = int | str | timedelta
else:
    Span = int | str  # as a model file has it, which _read_span makes of any

__all__ = ["AlarmParameters", "AnomalyMethod", "DetectorParameters"]

AnomalyMethod = Literal["forecast", "reconstruction"]


def _read_span(name: str, value: Any) -> int | str:
    from unrolled.data.spans import check_span

    return check_span(name, value)


def _read_seasons(name: str, value: Any) -> Any:
    try:
        return tuple(plain(m) for m in value)
    except TypeError:
        raise InputError(f"{name} is {value!r}, expected numbers of steps, such as (48, 336)") from None


class AlarmParameters(SeriesParameters):
    """From scores to alarms."""

    _title = "Alarms"

    smoothing: Annotated[
        Span | None,
        Parameter(
            "Steps, or a time such as 12h, over which scores are averaged.",
            unset="an eighth of the window",
            metavar="SPAN",
            read=_read_span,
        ),
    ] = None
    merge: Annotated[
        Span | None,
        Parameter(
            "Steps, or a time such as 12h: alarms no further apart form one episode.",
            unset="a day, or the window if steps are not parts of a day",
            metavar="SPAN",
            read=_read_span,
        ),
    ] = None
    false_alarm_every: Annotated[
        Span,
        Parameter(
            "Steps, or a time such as 90d, in which one false alarm is accepted.", metavar="SPAN", read=_read_span
        ),
    ] = 10_000
    calibration_fraction: Annotated[
        float,
        Parameter(
            "Share of the data, at its end, that sets the threshold and is not trained on.",
            Range(0, 0.8, open_low=True),
            metavar="SHARE",
        ),
    ] = 0.3


class DetectorParameters(AlarmParameters, TrainingParameters, NetworkParameters):
    """What an :class:`unrolled.AnomalyDetector` is, and how it is trained."""

    _title = "Network"

    method: Annotated[
        AnomalyMethod,
        Parameter(
            "What each step is compared with: a forecast, or a reconstruction of the window.",
            metavar="METHOD",
            search=("forecast", "reconstruction"),
        ),
    ] = "forecast"
    window: Annotated[
        Span | None,
        Parameter(
            "Steps, or a time such as 12h, that the network reads before its forecasts count, or reconstructs.",
            unset="the shortest season between 16 and 64 steps, or 32 without one",
            metavar="SPAN",
            read=_read_span,
        ),
    ] = None
    horizon: Annotated[
        Span | None,
        Parameter(
            "Steps, or a time such as 12h, to forecast ahead: 1, 2, 4, ... and all of them.",
            unset="the window",
            metavar="SPAN",
            read=_read_span,
        ),
    ] = None
    code_size: Annotated[
        int | None,
        Parameter(
            "Size of the code from which a window is reconstructed.", COUNT, unset="an eighth of the window's size"
        ),
    ] = None
    seasons: Annotated[
        Sequence[int] | None,
        Parameter(
            "Lengths in steps of the seasons whose earlier values are inputs.",
            Range(2),
            unset="those of a day, a week and a year that the training part contains three times",
            flag="--season",
            read=_read_seasons,
        ),
    ] = None
    hidden_size: int = 32
    dropout: float = 0.1
    max_epochs: int = 40
    learning_rate: float = 0.01

    def _check_together(self) -> None:
        """Check what each method has."""
        super()._check_together()
        if self.method == "forecast":
            require(
                "code_size", self.code_size, self.code_size is None, "None: only method='reconstruction' has a code"
            )
        else:
            require("horizon", self.horizon, self.horizon is None, "None: only method='forecast' looks ahead")
