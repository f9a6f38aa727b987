"""From items and their targets to a fitted model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from unrolled.codecs.audio import AudioFeatures
from unrolled.codecs.inputs import AudioCodec, InputCodec, Item, NumberCodec
from unrolled.codecs.labels import Labels
from unrolled.codecs.scaling import Standardization
from unrolled.codecs.tag_scheme import Scheme
from unrolled.codecs.tokens import TokenCodec
from unrolled.data.items import ItemKind
from unrolled.networks.embedding import EmbeddingConfig
from unrolled.networks.encoder import Encoder, EncoderConfig
from unrolled.networks.tagger import Tagger, TaggerConfig
from unrolled.parameters.declaration import require
from unrolled.tasks.ensemble import train_members
from unrolled.tasks.estimator import FitContext
from unrolled.tasks.sequences.model import SequenceConfig, SequenceModel
from unrolled.tasks.sequences.parameters import PoolingParameters, SequenceParameters, SequenceTraining

if TYPE_CHECKING:
    from torch import Tensor

    from unrolled.training.engine import NetworkModule
    from unrolled.training.examples import Examples
    from unrolled.training.problem import Problem
    from unrolled.training.taught import Taught

__all__ = ["EncodedTargets", "Fitting", "fit_codec", "fit_model", "known_targets", "taught_by", "widths"]


@dataclass(frozen=True)
class EncodedTargets:
    """``y`` as the networks learn it."""

    given: Sequence[Any] | NDArray[Any]
    """As the user has it."""
    values: Sequence[Any] | NDArray[Any]
    """Of each item: the index of its class, its numbers ``[O]``, or the indices of its tags ``[T]``."""
    outputs: int
    labels: Labels | None = None
    targets: list[Standardization] = field(default_factory=list[Standardization])
    weights: NDArray[np.float64] | None = None
    """Of each class."""
    counts: NDArray[np.float32] | None = None
    """How much each item counts; None if all count alike."""
    flat: bool = True
    """Whether ``y`` is ``[N]``."""
    scheme: Scheme = "none"
    """That of the tags."""
    stratified: bool = False
    """Whether the values are classes of which the same share is kept back."""


@dataclass(frozen=True)
class Fitting:
    """A fitted model and how it came to be."""

    model: SequenceModel
    losses: list[float]
    validation_losses: list[float]
    epochs: list[int]


def fit_codec(items: Sequence[Any], kind: ItemKind, settings: SequenceParameters) -> InputCodec:
    """What turns items into what networks read, from those that are learned from."""
    if kind == "numbers":
        if not isinstance(settings, PoolingParameters):
            return NumberCodec.fit(items)
        return NumberCodec.fit(items, differences=settings.differences, segment=settings.segment)
    if kind == "audio":
        given = settings.audio if isinstance(settings, PoolingParameters) else None
        return AudioCodec.fit(items, given or AudioFeatures(rate=items[0].rate))
    return TokenCodec.fit(
        items,
        settings.tokens if kind == "text" and isinstance(settings, PoolingParameters) else "given",
        min_count=settings.min_count,
        spelled=settings.character_size > 0,
    )


def widths(codec: InputCodec, settings: SequenceParameters) -> tuple[int, EmbeddingConfig | None]:
    """Numbers a step that the layers read, and the sizes of embeddings where there are such."""
    if not isinstance(codec, TokenCodec):
        numbers = codec.numbers if isinstance(codec, AudioCodec) else codec
        return numbers.width, None
    characters = 0 if codec.characters is None else len(codec.characters)
    tokens = EmbeddingConfig(len(codec.words), settings.embedding_size, characters, settings.character_size)
    return tokens.outputs, tokens


def fit_model(
    items: Sequence[Any],
    encoded: EncodedTargets,
    shape: EncoderConfig | TaggerConfig,
    codec: InputCodec,
    training: SequenceTraining,
    context: FitContext,
    loss: Callable[[NetworkModule, Examples], Tensor],
    *,
    kept_back: NDArray[np.int64],
    left_out: Sequence[NDArray[np.int64]] = (),
) -> Fitting:
    """Train the members one after the other, each from its own start, on the mean ``loss`` of batches.

    Args:
        kept_back: places of the items that choose each member's best epoch.
        left_out: for each member those of items that it does not see.

    Raises:
        TrainingError: the loss is not finite or exploded.
    """
    from unrolled.training.engine import NetworkModule, NetworkOptions
    from unrolled.training.examples import Examples, examples_problem

    encode: Callable[[Any], Item] = codec.encoder()
    examples = Examples([encode(item) for item in items], encoded.values, encoded.counts)
    used = np.setdiff1d(np.arange(len(items)), kept_back)
    network: Any = Encoder if isinstance(shape, EncoderConfig) else Tagger
    options = NetworkOptions.of(training)
    judges = examples.select(kept_back) if len(kept_back) else None

    def make() -> NetworkModule:
        return NetworkModule(network, shape, options)

    def problem(member: int, phase: str) -> Problem[NetworkModule, Any]:
        learned = examples.select(np.setdiff1d(used, left_out[member]) if left_out else used)
        return examples_problem(make, loss, learned, training.batch_size, validation=judges, phase=phase)

    members, runs = train_members(problem, training, context)
    return Fitting(
        SequenceModel(shape, codec, members),
        losses=[loss for run in runs for loss in run.losses],
        validation_losses=[loss for run in runs for loss in run.validation_losses],
        epochs=[run.best_epoch or len(run.losses) for run in runs],
    )


def known_targets(y: Any, config: SequenceConfig) -> EncodedTargets:
    """``y``, once it is checked, encoded as a fitted estimator learned it.

    Raises:
        InputError: it holds a label that is none of the model's, or another number of targets.
    """
    outputs, labels = config.shape.outputs, config.labels
    if labels is not None and isinstance(config.shape, TaggerConfig):
        values: Any = [labels.encode(np.array(tags)) for tags in y]
    elif labels is not None:
        values = labels.encode(y)
    else:
        columns = np.asarray(y, np.float64).reshape(len(y), -1).T
        require("targets", len(columns), len(columns) == outputs, f"{outputs} a sequence, as in the fit")
        if config.targets:
            columns = [target.transform(column) for target, column in zip(config.targets, columns, strict=True)]
        values = np.stack(list(columns), axis=1).astype(np.float32)
    return EncodedTargets(
        y, values, outputs, labels, config.targets, scheme=config.scheme, stratified=labels is not None
    )


def taught_by(
    model: SequenceModel,
    member: int,
    items: Sequence[Any],
    encoded: EncodedTargets,
    training: SequenceParameters,
    loss: Callable[[NetworkModule, Examples], Tensor],
) -> Taught:
    """A network of the model as the module that it was when its fit ended, and its loss over the items."""
    from unrolled.training.engine import NetworkModule, NetworkOptions
    from unrolled.training.examples import Examples
    from unrolled.training.taught import taught

    network: Any = Encoder if isinstance(model.shape, EncoderConfig) else Tagger
    options, examples = NetworkOptions.of(training), Examples(model.encoded(items), encoded.values)
    return taught(
        lambda _: NetworkModule(network, model.shape, options),
        model.members[member],
        lambda module: loss(module, examples),
    )
