"""The parameters of transcribers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

from unrolled.parameters.augmentation import AugmentationParameters
from unrolled.parameters.declaration import Parameter, Parameters, declared, require
from unrolled.parameters.network import NetworkParameters
from unrolled.parameters.ranges import COUNT, Range
from unrolled.parameters.training import TrainingParameters, ValidationParameters
from unrolled.tasks.generation.seq2seq_parameters import LONGEST_ORDER, TargetWords
from unrolled.tasks.recording_parameters import RecordingParameters

if TYPE_CHECKING:
    from unrolled.codecs.audio import AudioFeatures
else:
    AudioFeatures = Any

__all__ = ["PrefixBeamParameters", "TranscriberParameters"]

_OF_RECORDINGS = replace(
    declared(RecordingParameters)["audio"].about,
    unset="13 mel-frequency cepstral coefficients per frame, less their means if a recording is read in both directions",
)


class PrefixBeamParameters(Parameters):
    """How transcripts are searched."""

    _title = "Search"

    beam_size: Annotated[
        int, Parameter("Beginnings of transcripts that are followed at once; 1 is the best path.", Range(1, 1000))
    ] = 16
    language_weight: Annotated[
        float,
        Parameter("How much the language model counts beside what was heard.", Range(0, 100), metavar="ALPHA"),
    ] = 0.5
    symbol_bonus: Annotated[
        float,
        Parameter(
            "What each symbol adds to the score of a transcript; the larger, the more is said.",
            Range(-100, 100),
            metavar="BETA",
        ),
    ] = 0.0


class TranscriberParameters(
    PrefixBeamParameters,
    AugmentationParameters,
    RecordingParameters,
    ValidationParameters,
    TrainingParameters,
    NetworkParameters,
):
    """What a :class:`unrolled.tasks.generation.transcriber.CTCTranscriber` is, and how it is trained."""

    _title = "Transcripts"

    target_tokens: Annotated[TargetWords, Parameter("How transcripts are split that are texts.", metavar="KIND")] = (
        "characters"
    )
    stride: Annotated[
        int, Parameter("Steps, or frames of a recording, that the layers read at once.", COUNT, search=(1, 2, 3, 4))
    ] = 1
    bidirectional: Annotated[
        bool, Parameter("Whether each item is read in both directions; one direction can listen to a stream.")
    ] = True
    language_model: Annotated[
        int,
        Parameter(
            "Order of a language model of n-grams that is learned from the transcripts; 0 for none.",
            Range(0, LONGEST_ORDER),
        ),
    ] = 0
    audio: Annotated[AudioFeatures | None, _OF_RECORDINGS] = None
    hidden_size: int = 128
    num_layers: int = 2
    members: int = 1
    dropout: float = 0.2
    learning_rate: float = 0.003

    def _check_together(self) -> None:
        """Check what belongs together."""
        super()._check_together()
        for name in ("language_weight", "symbol_bonus"):
            value, usual = getattr(self, name), declared(type(self))[name].default
            require(name, value, bool(self.language_model) or value == usual, f"{usual!r} without a language model")
