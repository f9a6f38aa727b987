"""Parameters of the estimators that read whole sequences, once checked."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from unrolled.errors import InputError
from unrolled.runtime.encoder import Pooling
from unrolled.tasks.checks import plain, require

__all__ = ["SEQUENCE_CELLS", "SequenceSettings"]

SEQUENCE_CELLS = {
    "rnn": "rnn_tanh", "indrnn": "indrnn", "lstm": "lstm", "lstm_peephole": "lstm_peephole",
    "lstm_layer_norm": "lstm_layer_norm", "janet": "janet", "gru": "gru", "gru_reset_before": "gru_reset_before",
    "gru_layer_norm": "gru_layer_norm", "mgu": "mgu", "min_gru": "min_gru", "min_lstm": "min_lstm",
}  # fmt: skip
"""What users call a cell → its name in the registry."""


class SequenceSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The arguments of a :class:`unrolled.SequenceClassifier` or :class:`unrolled.SequenceRegressor`, within their ranges."""

    cell: str
    hidden_size: int
    num_layers: int
    bidirectional: bool
    pooling: Pooling
    members: int
    dropout: float
    max_epochs: int
    patience: int
    batch_size: int
    learning_rate: float
    clip_norm: float
    validation_fraction: float
    random_state: int | None
    class_weight: Literal["balanced"] | list[tuple[str | int | float | bool, float]] | None = None
    """Pairs of a class and its weight; JSON has no dictionaries whose keys are numbers."""

    @classmethod
    def check(cls, params: Mapping[str, Any]) -> SequenceSettings:
        """Build from parameters.

        Raises:
            InputError: naming the parameter, what it is and what it may be.
        """
        if isinstance(params.get("class_weight"), dict):
            params = {**params, "class_weight": [(plain(c), plain(w)) for c, w in params["class_weight"].items()]}
        given = {name: plain(params[name]) for name in cls.__struct_fields__ if name in params}
        try:
            settings = msgspec.convert(given, cls)
        except (msgspec.ValidationError, TypeError) as error:
            raise InputError(f"a parameter has the wrong type: {error}") from None
        if settings.cell not in SEQUENCE_CELLS:
            raise InputError(f"cell is {settings.cell!r}, expected one of {', '.join(SEQUENCE_CELLS)}")
        for name in ("hidden_size", "num_layers", "members", "max_epochs", "patience", "batch_size"):
            require(name, getattr(settings, name), getattr(settings, name) >= 1, "at least 1")
        for name in ("learning_rate", "clip_norm"):
            value = getattr(settings, name)
            require(name, value, 0 < value < math.inf, "above 0")
        require("dropout", settings.dropout, 0 <= settings.dropout < 1, "from 0 to below 1")
        fraction = settings.validation_fraction
        require("validation_fraction", fraction, 0 <= fraction <= 0.5, "from 0 (keep nothing back) to 0.5")
        seed = settings.random_state
        require("random_state", seed, seed is None or 0 <= seed < 2**63, "a whole number from 0, or None")
        return settings
