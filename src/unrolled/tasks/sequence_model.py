"""A fitted many-to-one model's insides: from sequences in the user's units to scores, without torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from unrolled.codecs.labels import Labels
from unrolled.codecs.scaling import Standardization
from unrolled.errors import MissingExtraError
from unrolled.runtime.encoder import Encoder, EncoderShape
from unrolled.runtime.model_file import ModelFile, check_tensors
from unrolled.tasks.sequence_settings import SequenceSettings

if TYPE_CHECKING:
    from unrolled.training.encode import Loss
    from unrolled.training.loop import Progress

__all__ = ["Fitting", "SequenceConfig", "SequenceModel", "fit_model"]

Values = NDArray[np.float64]


class SequenceConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything of a fitted estimator but its arrays."""

    settings: SequenceSettings
    seed: int
    shape: EncoderShape
    channels: list[Standardization]
    """Of each number of a step."""
    labels: Labels | None
    """The classes, where they are such."""
    targets: list[Standardization]
    """Of each number predicted."""
    flat: bool
    """Whether ``y`` was ``[N]`` and not ``[N, O]``."""
    validation: dict[str, float] | None
    losses: list[float]
    validation_losses: list[float]
    epochs: list[int]


@dataclass(frozen=True)
class SequenceModel:
    """Networks whose answers are averaged, and the scale of what they read."""

    shape: EncoderShape
    channels: list[Standardization]
    members: Sequence[Mapping[str, NDArray[Any]]]

    def answers(self, sequences: Sequence[Values], answer: Callable[[NDArray[np.float32]], Values]) -> Values:
        """The mean of the members' answers ``[N, O]``; ``answer`` makes one of scores."""
        scaled = self.scaled(sequences)
        each = [answer(Encoder(self.shape, tensors)(scaled)) for tensors in self.members]
        return sum(each[1:], each[0]) / len(each)

    def scaled(self, sequences: Sequence[Values]) -> list[NDArray[np.float32]]:
        """Sequences as the networks read them."""
        means = np.array([channel.mean for channel in self.channels])
        deviations = np.array([channel.deviation for channel in self.channels])
        return [((sequence - means) / deviations).astype(np.float32) for sequence in sequences]

    def tensors(self) -> dict[str, NDArray[Any]]:
        """The arrays as a model file names them."""
        return {f"members.{k}.{name}": t for k, member in enumerate(self.members) for name, t in member.items()}

    @classmethod
    def restore(cls, model_file: ModelFile, config: SequenceConfig) -> SequenceModel:
        """Put a model together from its file.

        Raises:
            ModelFileError: tensors are missing, surplus, of another shape or dtype, or not finite; all are listed.
        """
        names = config.shape.tensors()
        members = range(config.settings.members)
        check_tensors(model_file, {f"members.{k}.{name}": kind for k in members for name, kind in names.items()})
        tensors = [{name: model_file.tensors[f"members.{k}.{name}"] for name in names} for k in members]
        return cls(config.shape, config.channels, tensors)


@dataclass(frozen=True)
class Fitting:
    """A fitted model and how it came to be."""

    model: SequenceModel
    losses: list[float]
    validation_losses: list[float]
    epochs: list[int]


def fit_model(
    sequences: list[Values],
    wanted: NDArray[Any],
    shape: EncoderShape,
    loss: Loss,
    settings: SequenceSettings,
    seed: int,
    callback: Callable[[Progress], object] | None,
    *,
    kept_back: NDArray[np.int64],
    class_weights: Values | None = None,
) -> Fitting:
    """Train the members one after the other, each from its own start.

    Raises:
        TrainingError: the loss is not finite or exploded.
        MissingExtraError: torch is not installed.
    """
    try:
        from unrolled.training.encode import Answers, learn_encoder
        from unrolled.training.options import TrainingOptions
    except ModuleNotFoundError as error:
        raise MissingExtraError("fitting an estimator", error.name or "torch", "train") from None
    used = np.setdiff1d(np.arange(len(sequences)), kept_back)
    steps = np.concatenate([sequences[n] for n in used])
    model = SequenceModel(shape, [Standardization.fit(column) for column in steps.T], [])
    scaled = model.scaled(sequences)

    def answers(chosen: NDArray[np.int64]) -> Answers:
        return Answers([scaled[n] for n in chosen], wanted[chosen])

    members: list[Mapping[str, NDArray[Any]]] = []
    losses: list[float] = []
    validation_losses: list[float] = []
    epochs: list[int] = []
    for k in range(settings.members):
        options = TrainingOptions(
            dropout=settings.dropout, max_epochs=settings.max_epochs, patience=settings.patience,
            batch_size=settings.batch_size, learning_rate=settings.learning_rate, clip_norm=settings.clip_norm,
            seed=seed + k, callback=callback,
        )  # fmt: skip
        module, run = learn_encoder(
            shape, answers(used), loss, options, class_weights=class_weights,
            kept_back=answers(kept_back) if len(kept_back) else None,
            phase="training" if settings.members == 1 else f"network {k + 1} of {settings.members}",
        )  # fmt: skip
        members.append(module.tensors())
        losses += run.losses
        validation_losses += run.validation_losses
        epochs.append(run.best_epoch or len(run.losses))
    return Fitting(replace(model, members=members), losses, validation_losses, epochs)
