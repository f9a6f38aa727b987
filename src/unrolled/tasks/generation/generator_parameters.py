"""The parameters of an estimator that says sequences from nothing, a beginning, a class or a vector."""

from __future__ import annotations

from typing import Annotated, Literal

from unrolled.parameters.declaration import Parameter, Parameters, require
from unrolled.parameters.music import MusicParameters
from unrolled.parameters.network import CellName, NetworkParameters
from unrolled.parameters.ranges import COUNT, SHARE
from unrolled.parameters.training import TrainingParameters, ValidationParameters
from unrolled.parameters.values import ValueParameters
from unrolled.tasks.recording_parameters import AudioFeatures, read_audio

__all__ = ["CARRIED_STEPS", "GeneratorParameters", "SpeechParameters", "StepKind", "StepParameters"]

StepKind = Literal["auto", "symbols", "notes", "strokes", "values"]
SymbolWords = Literal["characters", "words"]

CARRIED_STEPS = 100
"""Of a long text, where ``truncate`` is not given."""


class StepParameters(Parameters):
    """What the steps of a piece are."""

    _title = "Steps"

    steps: Annotated[StepKind, Parameter("What a step is; auto tells it from the data.", metavar="KIND")] = "auto"
    tokens: Annotated[
        SymbolWords,
        Parameter("What texts are split into; words keep the white space around them.", metavar="KIND"),
    ] = "characters"
    min_count: Annotated[int, Parameter("Minimum frequency of a token that is said; rarer ones are not.", COUNT)] = 1
    embedding_size: Annotated[int, Parameter("Size of the embeddings of symbols.", COUNT, search=(32, 64, 128))] = 64
    tied: Annotated[bool, Parameter("Whether the scores of symbols are products with their embeddings.")] = False
    token_dropout: Annotated[
        float, Parameter("Share of symbols read as unknown in training.", SHARE, metavar="SHARE")
    ] = 0.0
    condition_size: Annotated[
        int, Parameter("Numbers that a class or a vector becomes, which every step reads.", COUNT)
    ] = 16
    carried: Annotated[
        bool | None,
        Parameter(
            "Whether the data is one long text, read in parts with the state carried from each to the next, and has no end.",
            unset="where there is only one",
        ),
    ] = None


class SpeechParameters(Parameters):
    """How recordings that are said are heard."""

    _title = "Recordings"

    audio: Annotated[
        AudioFeatures | None,
        Parameter(
            "Features of recordings that are said.",
            unset="20 mel-frequency cepstral coefficients per frame",
            flag=None,
            read=read_audio,
        ),
    ] = None


class GeneratorParameters(
    SpeechParameters,
    ValueParameters,
    MusicParameters,
    StepParameters,
    ValidationParameters,
    TrainingParameters,
    NetworkParameters,
):
    """What a :class:`unrolled.tasks.generation.generator.SequenceGenerator` is, and how it is trained."""

    _title = "Training"

    truncate: Annotated[
        int | None,
        Parameter(
            "Steps after which gradients stop (truncated backpropagation through time).",
            COUNT,
            unset=f"never, of one long text {CARRIED_STEPS}",
        ),
    ] = None
    cell: CellName = "lstm"
    hidden_size: int = 256
    members: int = 1
    dropout: float = 0.2
    max_epochs: int = 20
    learning_rate: float = 0.004

    def _check_together(self) -> None:
        """Check what belongs together."""
        super()._check_together()
        require("patience", self.patience, self.patience >= 1, "at least 1")
