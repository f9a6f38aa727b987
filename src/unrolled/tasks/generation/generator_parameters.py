"""The parameters of an estimator that says sequences from nothing, a beginning, a class or a vector."""

from __future__ import annotations

import sys
from functools import partial
from typing import Annotated, Literal

from unrolled.parameters.amount import filled_in, left_open, training_by_amount
from unrolled.parameters.declaration import Parameter, Parameters
from unrolled.parameters.music import MusicParameters
from unrolled.parameters.network import CellName, NetworkParameters
from unrolled.parameters.ranges import COUNT, SHARE
from unrolled.parameters.training import TrainingParameters, ValidationParameters
from unrolled.parameters.values import ValueParameters
from unrolled.tasks.recording_parameters import AudioFeatures, RecordingParameters

__all__ = [
    "CARRIED_STEPS", "GeneratorParameters", "GeneratorTraining", "SpeechParameters", "StepKind", "StepParameters",
    "generator_training",
]  # fmt: skip

StepKind = Literal["auto", "symbols", "notes", "strokes", "values"]
SymbolWords = Literal["characters", "words"]

CARRIED_STEPS = 100
"""Of a long text, where ``truncate`` is not given."""

EPOCHS = 20
"""Where there is much to learn from."""


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


class SpeechParameters(RecordingParameters):
    """How recordings that are said are heard."""

    audio: Annotated[
        AudioFeatures | None,
        left_open(RecordingParameters, "audio", "20 mel-frequency cepstral coefficients per frame"),
    ] = None


class GeneratorTraining(ValidationParameters, TrainingParameters, NetworkParameters):
    """The networks and their training, with nothing left open."""

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
    learning_rate: float = 0.004


_left_open = partial(left_open, GeneratorTraining)


# The amount of data decides what is left open here, as it may not be where a network is trained.
# pyright: reportIncompatibleVariableOverride=false
class GeneratorParameters(SpeechParameters, ValueParameters, MusicParameters, StepParameters, GeneratorTraining):
    """What a :class:`unrolled.tasks.generation.generator.SequenceGenerator` is, and how it is trained.

    Of one long text a stretch of ``truncate`` steps counts as a piece.
    """

    _title = "Training"

    max_epochs: Annotated[
        int | None, _left_open("max_epochs", f"{EPOCHS}, more of few pieces, for 1,500 steps at least")
    ] = None
    batch_size: Annotated[int | None, _left_open("batch_size", "a thirty-second of the pieces, from 4 to 32")] = None
    validation_fraction: Annotated[
        float | None, _left_open("validation_fraction", "0 below 200 pieces, 0.1 from there on")
    ] = None

    def _check_together(self) -> None:
        """Check what belongs together, whatever is filled in."""
        generator_training(self, sys.maxsize)


def generator_training(parameters: GeneratorParameters, pieces: int) -> GeneratorTraining:
    """The networks and their training on a number of pieces, which fills in what was left open.

    Raises:
        InputError: what was given does not go with what is filled in.

    >>> training = generator_training(GeneratorParameters(), 60)
    >>> training.batch_size, training.max_epochs, training.validation_fraction, training.members
    (4, 100, 0.0, 1)
    """
    amount = training_by_amount(max(pieces, 1), epochs=EPOCHS, members=parameters.members)
    return filled_in(parameters, GeneratorTraining, vars(amount))
