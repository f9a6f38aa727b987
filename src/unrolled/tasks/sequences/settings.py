"""Parameters of the estimators that read whole sequences, once checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from unrolled.codecs.audio import AudioFeatures
from unrolled.codecs.tokens import Splitting
from unrolled.runtime.encoder import Pooling
from unrolled.tasks.checks import check_network, converted, plain, require
from unrolled.tasks.ranges import check_ranges

__all__ = ["SEQUENCE_CELLS", "SequenceSettings"]

SEQUENCE_CELLS = {
    "rnn": "rnn_tanh", "indrnn": "indrnn", "lstm": "lstm", "lstm_peephole": "lstm_peephole",
    "lstm_layer_norm": "lstm_layer_norm", "janet": "janet", "gru": "gru", "gru_reset_before": "gru_reset_before",
    "gru_layer_norm": "gru_layer_norm", "mgu": "mgu", "min_gru": "min_gru", "min_lstm": "min_lstm",
}  # fmt: skip
"""What users call a cell → its name in the registry."""


class SequenceSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The arguments of an estimator of sequences, within their ranges; what only some have comes last."""

    cell: str
    hidden_size: int
    num_layers: int
    bidirectional: bool
    members: int
    dropout: float
    max_epochs: int
    patience: int
    batch_size: int
    learning_rate: float
    clip_norm: float
    validation_fraction: float
    random_state: int | None
    min_count: int
    embedding_size: int
    character_size: int
    token_dropout: float
    tokens: Splitting = "given"
    audio: AudioFeatures | None = None
    pooling: Pooling = "max"
    class_weight: Literal["balanced"] | list[tuple[str | int | float | bool, float]] | None = None
    """Pairs of a class and its weight; JSON has no dictionaries whose keys are numbers."""
    crf: bool = True
    scheme: Literal["infer", "none", "bio", "bioes"] = "infer"
    schedule: Literal["cosine", "linear", "constant"] = "cosine"
    warmup: int = 0
    weight_decay: float = 0.0

    @classmethod
    def check(cls, params: Mapping[str, Any]) -> SequenceSettings:
        """Build from parameters.

        Raises:
            InputError: naming the parameter, what it is and what it may be.
        """
        if isinstance(params.get("class_weight"), dict):
            params = {**params, "class_weight": [(plain(c), plain(w)) for c, w in params["class_weight"].items()]}
        given = {name: plain(params[name]) for name in cls.__struct_fields__ if name in params}
        settings = converted(given, cls)
        check_network(settings, SEQUENCE_CELLS)
        check_ranges(
            min_count=settings.min_count, embedding_size=settings.embedding_size, character_size=settings.character_size,
            token_dropout=settings.token_dropout, weight_decay=settings.weight_decay,
            validation_fraction=settings.validation_fraction,
        )  # fmt: skip
        require(
            "warmup", settings.warmup, 0 <= settings.warmup < settings.max_epochs, "epochs from 0 to below max_epochs"
        )
        return settings
