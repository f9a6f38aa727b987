"""The parameters of estimators that read whole sequences."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from unrolled.parameters.amount import FEW, MANY, filled_in, left_open, training_by_amount
from unrolled.parameters.declaration import Parameter, plain, require
from unrolled.parameters.network import CellName, NetworkParameters
from unrolled.parameters.numbers import NumberParameters
from unrolled.parameters.text import SplittingParameters, TokenParameters
from unrolled.parameters.training import TrainingParameters, ValidationParameters
from unrolled.tasks.recording_parameters import RecordingParameters

if TYPE_CHECKING:
    ClassWeight = Literal["balanced"] | Mapping[Any, float]
else:
    ClassWeight = Literal["balanced"] | list[tuple[str | int | float | bool, float]]
    """As a model file has it: JSON has no dictionaries whose keys are numbers."""

__all__ = [
    "ClassifierParameters", "Pooling", "PoolingParameters", "RegressorParameters", "SequenceParameters", "SequenceTraining",
    "TagScheme", "TaggerParameters", "sequence_training",
]  # fmt: skip

Pooling = Literal["last", "mean", "max", "attention"]
TagScheme = Literal["infer", "none", "bio", "bioes"]


def _read_weights(name: str, value: Any) -> Any:
    if isinstance(value, Mapping):
        return [(plain(label), plain(weight)) for label, weight in value.items()]
    fits = isinstance(value, list) or value == "balanced"
    require(name, value, fits, "balanced, or a dictionary of the classes' weights")
    return value


class SequenceTraining(TokenParameters, ValidationParameters, TrainingParameters, NetworkParameters):
    """The networks and their training, with nothing left open."""


_left_open = partial(left_open, SequenceTraining)


# The number of examples decides what is left open here, as it may not be where a network is trained.
# pyright: reportIncompatibleVariableOverride=false
class SequenceParameters(SequenceTraining):
    """What all estimators of sequences have."""

    _title = "Network"
    _epochs: ClassVar[int] = 60
    _members: ClassVar[int] = 3
    """Where there are many examples."""
    _few: ClassVar[int] = FEW
    """Examples below which none is kept back."""

    bidirectional: Annotated[bool, Parameter("Whether each sequence is read in both directions.")] = True
    max_epochs: Annotated[
        int | None, _left_open("max_epochs", "by the number of examples, for 1,500 steps at least")
    ] = None
    batch_size: Annotated[int | None, _left_open("batch_size", "a thirty-second of the examples, from 4 to 32")] = None
    validation_fraction: Annotated[
        float | None, _left_open("validation_fraction", "0 below 200 examples, 0.1 from there on")
    ] = None

    def _check_together(self) -> None:
        """Check the networks and their training."""
        sequence_training(self, sys.maxsize)


def sequence_training(parameters: SequenceParameters, examples: int) -> SequenceTraining:
    """The networks and their training on a number of examples, which fills in what was left open.

    Raises:
        InputError: what was given does not go with what is filled in.
    """
    epochs, members, few = parameters._epochs, parameters._members, parameters._few  # pyright: ignore[reportPrivateUsage]
    amount = training_by_amount(examples, epochs=epochs, members=members, few=few)
    return filled_in(parameters, SequenceTraining, vars(amount))


class PoolingParameters(RecordingParameters, NumberParameters, SplittingParameters, SequenceParameters):
    """What estimators have that see a sequence as a whole."""

    _title = "Network"

    pooling: Annotated[
        Pooling,
        Parameter(
            "How outputs are pooled over time; attention is a mean with learned weights.",
            metavar="HOW",
            search=("last", "mean", "max", "attention"),
        ),
    ] = "max"


class ClassifierParameters(PoolingParameters):
    """What a :class:`unrolled.SequenceClassifier` is, and how it is trained."""

    _title = "Training"

    class_weight: Annotated[
        ClassWeight | None,
        Parameter(
            "Weights of classes: balanced gives rare classes more; a dictionary contains them, 1 for classes it does not"
            " contain.",
            unset="all sequences have the same weight",
            flag=None,
            read=_read_weights,
        ),
    ] = None


class RegressorParameters(PoolingParameters):
    """What a :class:`unrolled.SequenceRegressor` is, and how it is trained."""

    pooling: Pooling = "mean"
    dropout: float = 0.1


class TaggerParameters(SequenceParameters):
    """What a :class:`unrolled.SequenceTagger` is, and how it is trained."""

    _title = "Tags"
    _epochs, _members, _few = 20, 1, MANY

    crf: Annotated[bool, Parameter("Whether sequences of tags are scored (CRF) instead of single tags.")] = True
    scheme: Annotated[
        TagScheme,
        Parameter(
            "Tag scheme: bio and bioes keep the tags of entities in order, none allows any order, infer recognises the"
            " scheme of the training tags.",
            metavar="SCHEME",
        ),
    ] = "infer"
    cell: CellName = "lstm"
    hidden_size: int = 128
    members: Annotated[int | None, _left_open("members", "3 below 2,000 sequences, 1 from there on")] = None
    validation_fraction: Annotated[
        float | None, _left_open("validation_fraction", "0 below 2,000 sequences, 0.1 from there on")
    ] = None
    dropout: float = 0.5
    min_count: int = 1
    token_dropout: float = 0.3
    embedding_size: int = 100
    character_size: int = 32
