"""A forecaster's parameters once checked, and the sizes that follow from the data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from unrolled.errors import InputError
from unrolled.tasks.checks import check_network, plain, require

__all__ = ["CELL_NAMES", "ForecastSettings"]

CELL_NAMES = {"rnn": "rnn_tanh", "lstm": "lstm", "gru": "gru", "gru_reset_before": "gru_reset_before"}
"""What users call a cell → its name in the registry."""


class ForecastSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The arguments of :class:`unrolled.tasks.forecaster.Forecaster`, of the right types and within their ranges."""

    cell: str
    hidden_size: int
    num_layers: int
    input_window: int | None
    horizon: int | None
    quantiles: tuple[float, ...]
    season_length: int | None
    members: int
    dropout: float
    oldest_weight: float
    max_epochs: int
    patience: int
    batch_size: int
    learning_rate: float
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
        check_network(settings, CELL_NAMES)
        for name in ("input_window", "horizon", "season_length"):
            value = getattr(settings, name)
            require(name, value, value is None or value >= 1, "at least 1, or None to choose by the data")
        require("oldest_weight", settings.oldest_weight, 0 < settings.oldest_weight <= 1, "above 0, at most 1")
        inside = all(0 < q < 1 for q in settings.quantiles)
        require("quantiles", settings.quantiles, inside, "numbers between 0 and 1")
        require("quantiles", settings.quantiles, len(set(settings.quantiles)) == len(settings.quantiles), "different")
        return settings

    @property
    def model_quantiles(self) -> tuple[float, ...]:
        """The quantiles the network learns: ascending, with the median, which is the forecast itself."""
        return tuple(sorted({*self.quantiles, 0.5}))


def _plain(name: str, value: Any) -> Any:
    if name == "quantiles" and not isinstance(value, str):
        try:
            return tuple(float(q) for q in value)
        except (TypeError, ValueError):
            raise InputError(f"quantiles is {value!r}, expected numbers between 0 and 1") from None
    return plain(value)
