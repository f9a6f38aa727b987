"""Options of the commands that learn from examples: what the file holds, the network, how it is trained."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import typer

if TYPE_CHECKING:
    from unrolled.codecs.audio import AudioFeatures
    from unrolled.data.example_file import Examples, ReadOptions

__all__ = [
    "AudioOptions",
    "CellOption",
    "CharacterSizeOption",
    "DropoutOption",
    "EmbeddingSizeOption",
    "ExamplesArgument",
    "FileOptions",
    "HiddenSizeOption",
    "LayersOption",
    "LearningRateOption",
    "MaxEpochsOption",
    "MembersOption",
    "NetworkOptions",
    "NormOption",
    "PatienceOption",
    "PoolingOption",
    "RandomStateOption",
    "SplittingOptions",
    "TableOptions",
    "TokenOptions",
    "ValidationOption",
    "heard",
    "names_of",
    "network_option",
    "read_options",
    "training_option",
    "values_of",
]

CELLS = (
    "gru, lstm, rnn, mgu, janet, min_gru, min_lstm, indrnn, gru_reset_before, gru_layer_norm, lstm_layer_norm or"
    " lstm_peephole."
)

ExamplesArgument = Annotated[
    Path, typer.Argument(metavar="FILE", help="Examples: .csv, .tsv, .jsonl, .npz, .ts, or a folder of WAV files.")
]
ValidationOption = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Validation examples, instead of a part of FILE.", rich_help_panel="Training"),
]


def _column(text: str, metavar: str = "COLUMN") -> Any:
    return typer.Option(metavar=metavar, help=text, rich_help_panel="What the file holds")


def network_option(text: str, *names: str, metavar: str | None = "N") -> Any:
    """An option among those of the network."""
    return typer.Option(*names, metavar=metavar, help=text, rich_help_panel="Network")


def training_option(text: str, *names: str, metavar: str = "N") -> Any:
    """An option among those of training."""
    return typer.Option(*names, metavar=metavar, help=text, rich_help_panel="Training")


def _audio(text: str, *names: str, metavar: str = "N") -> Any:
    return typer.Option(*names, metavar=metavar, help=text, rich_help_panel="Recordings")


def _text(text: str, metavar: str = "N") -> Any:
    return typer.Option(metavar=metavar, help=text, rich_help_panel="Texts")


@dataclass(frozen=True)
class TableOptions:
    """What the user says about a file of sequences of numbers or of tokens."""

    label: Annotated[str | None, _column("The column to predict.")] = None
    series: Annotated[str | None, _column("The column that names the sequences, if each row is a step.")] = None
    features: Annotated[
        list[str] | None, _column("The numeric columns, separated by commas; default: all others.", "COLUMNS")
    ] = None


@dataclass(frozen=True)
class FileOptions(TableOptions):
    """What the user says about a file of any examples."""

    text: Annotated[str | None, _column("The text column.")] = None
    labels: Annotated[Path | None, _column("For a folder: a table with the columns file and label.", "TABLE")] = None
    pattern: Annotated[
        str | None, _column("For a folder: a regular expression for file names with a group (?P<label>…).", "REGEX")
    ] = None


def read_options(options: TableOptions) -> ReadOptions:
    """How a command's options say that its file is read."""
    from unrolled.data.example_file import ReadOptions

    features = tuple(options.features or ())
    if not isinstance(options, FileOptions):
        return ReadOptions(options.label, None, options.series, features)
    return ReadOptions(options.label, options.text, options.series, features, options.labels, options.pattern)


CellOption = Annotated[str, network_option(CELLS, metavar="CELL")]
HiddenSizeOption = Annotated[int, network_option("Hidden units per layer.")]
MembersOption = Annotated[int, network_option("Ensemble size; fewer is faster.")]
PoolingOption = Annotated[str, network_option("Pooling over time: last, mean, max or attention.", metavar="HOW")]
DropoutOption = Annotated[float, training_option("Dropout rate in training.", metavar="SHARE")]
MaxEpochsOption = Annotated[int, training_option("Maximum number of epochs.")]
LayersOption = Annotated[int, network_option("Recurrent layers.", "--layers")]
LearningRateOption = Annotated[float, training_option("Peak learning rate (Adam).", metavar="RATE")]
NormOption = Annotated[float, training_option("Gradients are clipped to this norm.", metavar="NORM")]
RandomStateOption = Annotated[int, training_option("Random seed; the same number gives the same model.", "--seed")]
PatienceOption = Annotated[int, training_option("Epochs without improvement before training stops.")]
EmbeddingSizeOption = Annotated[int, _text("Embedding size.")]
CharacterSizeOption = Annotated[int, _text("Hidden units that read a word's characters, per direction; 0: none.")]


@dataclass(frozen=True)
class NetworkOptions:
    """Parameters of the estimators of sequences, under their own names and with the defaults of most."""

    cell: CellOption = "gru"
    hidden_size: HiddenSizeOption = 64
    num_layers: LayersOption = 1
    bidirectional: Annotated[bool, network_option("Read each sequence in both directions.", metavar=None)] = True
    members: MembersOption = 3
    dropout: DropoutOption = 0.3
    max_epochs: MaxEpochsOption = 60
    patience: PatienceOption = 20
    batch_size: Annotated[int, training_option("Batch size.")] = 32
    learning_rate: LearningRateOption = 0.005
    schedule: Annotated[
        str, training_option("Learning rate schedule: cosine, linear or constant.", metavar="CURVE")
    ] = "cosine"
    warmup: Annotated[int, training_option("Warm-up epochs.")] = 0
    weight_decay: Annotated[float, training_option("Weight decay (AdamW).", metavar="SHARE")] = 0.0
    clip_norm: NormOption = 1.0
    validation_fraction: Annotated[
        float, training_option("Share of the examples used for validation; 0 trains on all.", metavar="SHARE")
    ] = 0.1
    random_state: RandomStateOption = 0


@dataclass(frozen=True)
class SplittingOptions:
    """How a text becomes tokens."""

    kinds: ClassVar[frozenset[str]] = frozenset({"text"})

    tokens: Annotated[str, _text("How texts are split: words, characters or pieces.", "KIND")] = "words"


@dataclass(frozen=True)
class TokenOptions:
    """Parameters that matter to tokens."""

    kinds: ClassVar[frozenset[str]] = frozenset({"text", "tokens"})

    min_count: Annotated[int, _text("Minimum frequency of a token in the vocabulary.")] = 2
    embedding_size: EmbeddingSizeOption = 64
    character_size: CharacterSizeOption = 0
    token_dropout: Annotated[float, _text("Share of tokens read as unknown in training.", "SHARE")] = 0.1


@dataclass(frozen=True)
class AudioOptions:
    """Parameters of :class:`unrolled.codecs.audio.AudioFeatures`, which matter to recordings."""

    kinds: ClassVar[frozenset[str]] = frozenset({"audio"})

    kind: Annotated[str, _audio("Features of a recording: mfcc or log_mel.", "--hear", metavar="KIND")] = "mfcc"
    window: Annotated[float, _audio("Length of a frame in seconds.", metavar="SECONDS")] = 0.025
    hop: Annotated[float, _audio("Distance between frames in seconds.", metavar="SECONDS")] = 0.010
    mel_bands: Annotated[int, _audio("Number of mel bands.")] = 40
    coefficients: Annotated[int | None, _audio("Number of coefficients for mfcc; default: 13.")] = None
    deltas: Annotated[int, _audio("1 adds the slope of each feature, 2 also the slope of the slope.")] = 0
    normalization: Annotated[
        str, _audio("Normalisation per recording: none, mean or mean_variance.", metavar="HOW")
    ] = "none"


def heard(examples: Examples, options: AudioOptions) -> AudioFeatures | None:
    """What a model hears of recordings; nothing of other items."""
    from unrolled.codecs.audio import AudioFeatures

    return AudioFeatures(rate=examples.items[0].rate, **values_of(options)) if examples.kind == "audio" else None


def names_of(group: type[Any]) -> frozenset[str]:
    """The names of a group's options."""
    return frozenset(field.name for field in fields(group))


def values_of(*groups: Any) -> dict[str, Any]:
    """Options as parameters of an estimator."""
    return {field.name: getattr(group, field.name) for group in groups for field in fields(group)}
