"""An anomaly detector's parameters once checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from unrolled.data.filling import check_missing_option
from unrolled.data.spans import check_span
from unrolled.errors import InputError
from unrolled.tasks.checks import check_network, converted, plain, require
from unrolled.tasks.ranges import RANGES, check_ranges
from unrolled.tasks.sequences.settings import SEQUENCE_CELLS

__all__ = ["AnomalySettings"]

SPANS = ("window", "horizon", "smoothing", "merge", "false_alarm_every")


class AnomalySettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The arguments of :class:`unrolled.AnomalyDetector`, of the right types and within their ranges."""

    method: Literal["forecast", "reconstruction"]
    cell: str
    hidden_size: int
    num_layers: int
    window: int | str | None
    horizon: int | str | None
    code_size: int | None
    seasons: tuple[int, ...] | None
    smoothing: int | str | None
    merge: int | str | None
    false_alarm_every: int | str
    calibration_fraction: float
    members: int
    dropout: float
    max_epochs: int
    batch_size: int
    learning_rate: float
    clip_norm: float
    missing: str
    random_state: int | None

    @classmethod
    def check(cls, params: Mapping[str, Any]) -> AnomalySettings:
        """Build from parameters.

        Raises:
            InputError: naming the parameter, what it is and what it may be.
        """
        given = {name: _plain(name, params[name]) for name in cls.__struct_fields__}
        settings = converted(given, cls)
        check_network(settings, SEQUENCE_CELLS)
        check_ranges(calibration_fraction=settings.calibration_fraction, code_size=settings.code_size)
        code, seasons = settings.code_size, settings.seasons
        require(
            "seasons", seasons, all(m in RANGES["seasons"] for m in seasons or ()), "numbers of steps, each at least 2"
        )
        check_missing_option(settings.missing)
        if settings.method == "forecast":
            require("code_size", code, code is None, "None: only method='reconstruction' has a code")
        else:
            require("horizon", settings.horizon, settings.horizon is None, "None: only method='forecast' looks ahead")
        return settings


def _plain(name: str, value: Any) -> Any:
    if name in SPANS:
        return check_span(name, value) if value is not None or name == "false_alarm_every" else None
    if name == "seasons" and value is not None:
        try:
            return tuple(plain(m) for m in value)
        except TypeError:
            raise InputError(f"seasons is {value!r}, expected numbers of steps, such as (48, 336)") from None
    return plain(value)
