"""A forecaster's parameters once checked, and the sizes that follow from the data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from unrolled.codecs.ranges import LARGEST_COUNT
from unrolled.data.filling import check_missing_option
from unrolled.errors import InputError
from unrolled.runtime.es_rnn import EsRnnConfig
from unrolled.runtime.window_rnn import WindowRnnConfig
from unrolled.tasks.checks import check_network, plain, require
from unrolled.tasks.ranges import check_ranges

__all__ = ["CELL_NAMES", "ForecastSettings", "Training", "shape_of"]

CELL_NAMES = {"rnn": "rnn_tanh", "lstm": "lstm", "gru": "gru", "gru_reset_before": "gru_reset_before"}
"""What users call a cell → its name in the registry."""


EXTREME = 1e-6  # beyond, a quantile is a guess, and its name that of its neighbour
METHODS = ("auto", "smoothing", "windows")


class Training(msgspec.Struct, frozen=True):
    """What is left open is filled in by the method: the network's size and how it is trained."""

    cell: str
    num_layers: int
    clip_norm: float
    random_state: int | None
    hidden_size: int
    members: int
    dropout: float
    oldest_weight: float
    max_epochs: int
    patience: int
    batch_size: int
    learning_rate: float


_USUAL: dict[str, dict[str, Any]] = {
    "smoothing": {
        "hidden_size": 16, "members": 8, "dropout": 0.3, "oldest_weight": 0.1,
        "max_epochs": 100, "patience": 30, "batch_size": 32, "learning_rate": 0.01,
    },
    "windows": {
        "hidden_size": 128, "members": 2, "dropout": 0.2, "oldest_weight": 1.0,
        "max_epochs": 30, "patience": 10, "batch_size": 256, "learning_rate": 0.003,
    },
}  # fmt: skip


class ForecastSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The arguments of :class:`unrolled.tasks.forecasting.forecaster.Forecaster`, of the right types and within their ranges."""

    method: str
    cell: str
    hidden_size: int | None
    num_layers: int
    input_window: int | None
    horizon: int | None
    quantiles: tuple[float, ...]
    distribution: str
    intervals: str
    season_length: int | None
    members: int | None
    dropout: float | None
    oldest_weight: float | None
    max_epochs: int | None
    patience: int | None
    batch_size: int | None
    learning_rate: float | None
    clip_norm: float
    refit: bool
    missing: str
    random_state: int | None

    @classmethod
    def check(cls, params: Mapping[str, Any]) -> ForecastSettings:
        """Build from parameters.

        Raises:
            InputError: naming the parameter, what it is and what it may be.
        """
        settings = cls(**{name: _plain(name, params[name]) for name in cls.__struct_fields__})
        try:
            settings = msgspec.convert(msgspec.to_builtins(settings), cls)
        except (msgspec.ValidationError, TypeError) as error:
            raise InputError(f"a parameter of the forecaster has the wrong type: {error}") from None
        require("method", settings.method, settings.method in METHODS, f"one of {', '.join(METHODS)}")
        training = settings.training("smoothing")
        check_network(training, CELL_NAMES)
        check_ranges(
            input_window=settings.input_window, horizon=settings.horizon, season_length=settings.season_length,
            oldest_weight=settings.oldest_weight,
        )  # fmt: skip
        for name, known in (("distribution", ("quantiles", "student_t")), ("intervals", ("model", "conformal"))):
            require(name, getattr(settings, name), getattr(settings, name) in known, f"one of {', '.join(known)}")
        inside = all(EXTREME <= q <= 1 - EXTREME for q in settings.quantiles)
        require(
            "quantiles", settings.quantiles, inside, f"numbers between 0 and 1, from {EXTREME:g} to {1 - EXTREME:f}"
        )
        names = {f"{100 * q:g}" for q in settings.quantiles}  # as the columns of a forecast are called
        require("quantiles", settings.quantiles, len(names) == len(settings.quantiles), "different")
        check_missing_option(settings.missing)
        return settings

    def training(self, method: str) -> Training:
        """With what was left open as is usual for ``smoothing`` or ``windows``."""
        given = {name: getattr(self, name) for name in Training.__struct_fields__}
        return Training(**{**given, **{name: usual for name, usual in _USUAL[method].items() if given[name] is None}})

    @property
    def model_quantiles(self) -> tuple[float, ...]:
        """The quantiles the network learns: ascending, with the median, which is the forecast itself."""
        return tuple(sorted({*self.quantiles, 0.5}))


def shape_of(
    settings: ForecastSettings,
    kind: type[EsRnnConfig] | type[WindowRnnConfig],
    *,
    input_window: int,
    horizon: int,
    season: int,
    past: int,
    future: int,
    static: int,
) -> EsRnnConfig | WindowRnnConfig:
    """The network's sizes: some are of the data, the others follow from the settings."""
    require("season_length", season, season <= LARGEST_COUNT, f"at most {LARGEST_COUNT}")
    training = settings.training(kind.method)
    return kind(
        cell=CELL_NAMES[settings.cell],
        hidden_size=training.hidden_size,
        num_layers=settings.num_layers,
        input_window=input_window,
        horizon=horizon,
        quantiles=settings.model_quantiles,
        season=season,
        members=training.members,
        past=past,
        future=future,
        static=static,
        distribution="student_t" if settings.distribution == "student_t" else "quantiles",
    )


def _plain(name: str, value: Any) -> Any:
    if name == "quantiles" and not isinstance(value, str):
        try:
            return tuple(float(q) for q in value)
        except (TypeError, ValueError):
            raise InputError(f"quantiles is {value!r}, expected numbers between 0 and 1") from None
    return plain(value)
