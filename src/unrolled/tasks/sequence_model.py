"""A fitted model of sequences: from items in the user's units to scores, without torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from unrolled.codecs.inputs import InputCodec, Item
from unrolled.codecs.labels import Labels
from unrolled.codecs.scaling import Standardization
from unrolled.codecs.tag_scheme import Scheme
from unrolled.data.columns import Columns
from unrolled.runtime.encoder import Encoder, EncoderShape
from unrolled.runtime.model_file import ModelFile, check_tensors
from unrolled.runtime.tagger import Tagger, TaggerShape
from unrolled.tasks.sequence_settings import SequenceSettings

__all__ = ["SequenceConfig", "SequenceModel"]

Values = NDArray[np.float64]


class SequenceConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything of a fitted estimator but its arrays."""

    settings: SequenceSettings
    seed: int
    shape: EncoderShape | TaggerShape
    inputs: InputCodec
    labels: Labels | None
    """The classes or tags, where there are such."""
    targets: list[Standardization]
    """Of each number predicted."""
    flat: bool
    """Whether ``y`` was ``[N]`` and not ``[N, O]``."""
    scheme: Scheme
    """That of the tags."""
    validation: dict[str, float] | None
    losses: list[float]
    validation_losses: list[float]
    epochs: list[int]
    columns: Columns | None = None
    """Of the table that was learned from, what each was for."""
    inferred: list[str] = msgspec.field(default_factory=list[str])
    """One sentence for each thing inferred."""


@dataclass(frozen=True)
class SequenceModel:
    """Networks whose answers are averaged, and what turns items into what they read.

    Weights are packed and vocabularies indexed at the first use, and kept as long as the model; a copy begins without.
    """

    shape: EncoderShape | TaggerShape
    inputs: InputCodec
    members: Sequence[Mapping[str, NDArray[Any]]]

    def __reduce__(self) -> tuple[type[SequenceModel], tuple[Any, ...]]:
        return type(self), (self.shape, self.inputs, self.members)

    @cached_property
    def _encoders(self) -> list[Encoder]:
        assert isinstance(self.shape, EncoderShape)
        return [Encoder(self.shape, tensors) for tensors in self.members]

    @cached_property
    def _taggers(self) -> list[Tagger]:
        assert isinstance(self.shape, TaggerShape)
        return [Tagger(self.shape, tensors) for tensors in self.members]

    @cached_property
    def _encode(self) -> Callable[[Any], Item]:
        return self.inputs.encoder()

    def answers(self, items: Sequence[Any], answer: Callable[[NDArray[np.float32]], Values]) -> Values:
        """The mean of the members' answers ``[N, O]``; ``answer`` makes one of scores."""
        read = self.encoded(items)
        each = [answer(encoder(read)) for encoder in self._encoders]
        return sum(each[1:], each[0]) / len(each)

    def tag_scores(self, items: Sequence[Any]) -> list[Values]:
        """The mean of the members' scores of tags, ``[T_i, K]`` for each item."""
        read = self.encoded(items)
        each = [tagger(read) for tagger in self._taggers]
        return [np.mean([scores[n].astype(np.float64) for scores in each], axis=0) for n in range(len(items))]

    def transition_scores(self) -> tuple[Values, Values, Values]:
        """The mean of the members' scores between tags ``[K, K]``, before the first ``[K]`` and after the last ``[K]``."""
        assert isinstance(self.shape, TaggerShape)
        K = self.shape.outputs
        if not self.shape.crf:
            return np.zeros((K, K)), np.zeros(K), np.zeros(K)
        a, b, c = (
            np.mean([tensors[name].astype(np.float64) for tensors in self.members], axis=0)
            for name in ("crf.transitions", "crf.start", "crf.end")
        )
        return a, b, c

    def encoded(self, items: Sequence[Any]) -> list[Item]:
        """Items as the networks read them."""
        return [self._encode(item) for item in items]

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
        return cls(config.shape, config.inputs, tensors)
