"""What a parameter that is a word may be, as types: who checks types sees a wrong one before anything runs."""

from __future__ import annotations

from typing import Literal

from unrolled.data.filling import Missing
from unrolled.runtime.encoder import Pooling

__all__ = [
    "AnomalyMethod",
    "Distribution",
    "ForecastCell",
    "ForecastMethod",
    "Intervals",
    "Missing",
    "Pooling",
    "Schedule",
    "SequenceCell",
    "TagScheme",
    "TextSplitting",
]

ForecastCell = Literal["rnn", "lstm", "gru", "gru_reset_before"]
SequenceCell = Literal[
    "rnn", "indrnn", "lstm", "lstm_peephole", "lstm_layer_norm", "janet", "gru", "gru_reset_before", "gru_layer_norm",
    "mgu", "min_gru", "min_lstm",
]  # fmt: skip
ForecastMethod = Literal["auto", "smoothing", "windows"]
AnomalyMethod = Literal["forecast", "reconstruction"]
Distribution = Literal["quantiles", "student_t"]
Intervals = Literal["model", "conformal"]
Schedule = Literal["cosine", "linear", "constant"]
TagScheme = Literal["infer", "none", "bio", "bioes"]
TextSplitting = Literal["words", "characters", "pieces"]
