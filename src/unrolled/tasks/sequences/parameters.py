"""The parameters of estimators that read whole sequences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

from unrolled.errors import InputError
from unrolled.parameters.declaration import Parameter, plain, require
from unrolled.parameters.network import CellName, NetworkParameters
from unrolled.parameters.text import SplittingParameters, TokenParameters
from unrolled.parameters.training import TrainingParameters, ValidationParameters

if TYPE_CHECKING:
    from unrolled.codecs.audio import AudioFeatures

    ClassWeight = Literal["balanced"] | Mapping[Any, float]
else:
    AudioFeatures = Any  # made by _read_audio
    ClassWeight = Literal["balanced"] | list[tuple[str | int | float | bool, float]]
    """As a model file has it: JSON has no dictionaries whose keys are numbers."""

__all__ = [
    "ClassifierParameters", "Pooling", "PoolingParameters", "RegressorParameters", "SequenceParameters", "TagScheme",
    "TaggerParameters",
]  # fmt: skip

Pooling = Literal["last", "mean", "max", "attention"]
TagScheme = Literal["infer", "none", "bio", "bioes"]


def _read_audio(name: str, value: Any) -> Any:
    from unrolled.codecs.audio import AudioFeatures

    if isinstance(value, Mapping):
        try:
            return AudioFeatures(**value)
        except TypeError as error:
            raise InputError(f"{name} is {dict(value)}, expected features of recordings: {error}") from None
    require(name, value, isinstance(value, AudioFeatures), "an AudioFeatures, or None")
    return value


def _read_weights(name: str, value: Any) -> Any:
    if isinstance(value, Mapping):
        return [(plain(label), plain(weight)) for label, weight in value.items()]
    fits = isinstance(value, list) or value == "balanced"
    require(name, value, fits, "balanced, or a dictionary of the classes' weights")
    return value


class SequenceParameters(TokenParameters, ValidationParameters, TrainingParameters, NetworkParameters):
    """What all estimators of sequences have."""

    _title = "Network"

    bidirectional: Annotated[bool, Parameter("Whether each sequence is read in both directions.")] = True


class PoolingParameters(SplittingParameters, SequenceParameters):
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
    audio: Annotated[
        AudioFeatures | None,
        Parameter(
            "Features of recordings.",
            unset="13 mel-frequency cepstral coefficients per frame",
            flag=None,
            read=_read_audio,
        ),
    ] = None


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
    members: int = 1
    dropout: float = 0.5
    max_epochs: int = 20
    patience: int = 5
    embedding_size: int = 100
    character_size: int = 32
