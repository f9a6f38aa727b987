"""A fitted model of sequences: from items in the user's units to scores, without torch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from unrolled.aliases import Values
from unrolled.codecs.inputs import AudioCodec, InputCodec, Item, NumberCodec
from unrolled.codecs.labels import Labels
from unrolled.codecs.scaling import Standardization
from unrolled.codecs.tag_scheme import Scheme
from unrolled.codecs.tokens import TokenCodec
from unrolled.networks.encoder import Encoder, EncoderConfig
from unrolled.networks.tagger import Tagger, TaggerConfig
from unrolled.parameters.declaration import require
from unrolled.runtime.engine import KernelEngine, Storage
from unrolled.runtime.model_file import ModelFile
from unrolled.tasks.ensemble import Members, named_members, restored_members
from unrolled.tasks.item_estimator import ItemConfig
from unrolled.tasks.recording_parameters import check_audio
from unrolled.tasks.sequences.convolutions import ConvolutionConfig
from unrolled.tasks.sequences.linear_part import LinearPart, linear_parameters
from unrolled.tasks.sequences.parameters import PoolingParameters, SequenceParameters, SequenceTraining

__all__ = ["SequenceConfig", "SequenceModel", "check_inputs", "check_linear_part"]


class SequenceConfig(ItemConfig, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Everything of a fitted estimator but its arrays."""

    shape: EncoderConfig | TaggerConfig
    labels: Labels | None
    """The classes or tags, where there are such."""
    targets: list[Standardization]
    """Of each number predicted."""
    flat: bool
    """Whether ``y`` was ``[N]`` and not ``[N, O]``."""
    scheme: Scheme
    """That of the tags."""
    convolutions: ConvolutionConfig | None = None
    """Of the linear part beside the networks, where there is one."""
    networks: Annotated[float, msgspec.Meta(ge=0, le=1)] = 1.0
    """How much the networks count."""


def check_inputs(inputs: InputCodec, settings: SequenceParameters) -> None:
    """Check what is read against the parameters.

    Raises:
        InputError: naming the field.
    """
    if isinstance(inputs, TokenCodec):
        splitting = (settings.tokens, "given") if isinstance(settings, PoolingParameters) else ("given",)
        require("inputs.splitting", inputs.splitting, inputs.splitting in splitting, " or ".join(splitting))
        spelled = settings.character_size > 0
        require("inputs.characters", inputs.characters, (inputs.characters is not None) == spelled, "as in settings")
    if isinstance(inputs, NumberCodec):
        both, given = (
            (settings.differences, settings.segment) if isinstance(settings, PoolingParameters) else (False, 1)
        )
        require("inputs.changes", inputs.changes, bool(inputs.changes) == both, "as in settings")
        require("inputs.segment", inputs.segment, given in (None, inputs.segment), f"{given}, as in settings")
    if isinstance(inputs, AudioCodec):
        given = settings.audio if isinstance(settings, PoolingParameters) else None
        check_audio("inputs.features", inputs.features, given)


def check_linear_part(config: SequenceConfig, settings: SequenceParameters) -> None:
    """Check what stands beside the networks, once the configuration is known to be of one class, or of numbers.

    Raises:
        InputError: naming the field.
    """
    asked = settings.convolutions if isinstance(settings, PoolingParameters) else False
    found, inputs = config.convolutions, config.inputs
    require("convolutions", found, asked is None or asked == (found is not None), "as in settings")
    if found is None:
        require("networks", config.networks, config.networks == 1, "1 without a linear part")
        return
    numbers = isinstance(inputs, NumberCodec) and (config.labels is not None or bool(config.targets))
    require("convolutions", found, numbers, "none: they are for numbers, one class or numbers a sequence")
    channels = len(inputs.channels) if isinstance(inputs, NumberCodec) else 0
    require("convolutions.channels", found.channels, found.channels == channels, str(channels))


@dataclass(frozen=True)
class SequenceModel:
    """Networks whose outputs are averaged, and what turns items into what they read.

    Weights are packed and vocabularies indexed at the first use, and kept as long as the model; a copy begins without.
    """

    shape: EncoderConfig | TaggerConfig
    inputs: InputCodec
    members: Members
    linear: LinearPart | None = None
    """What stands beside the networks."""
    weights: Storage | None = None
    """What the matrices of the networks are stored as, by default as they are."""

    def __reduce__(self) -> tuple[type[SequenceModel], tuple[Any, ...]]:
        return type(self), (self.shape, self.inputs, self.members, self.linear, self.weights)

    @property
    def convolutions(self) -> ConvolutionConfig | None:
        """What fixes the arrays of the linear part."""
        return None if self.linear is None else self.linear.convolutions.config

    @property
    def networks(self) -> float:
        """How much the networks count."""
        return 1.0 if self.linear is None else self.linear.networks

    @cached_property
    def _encoders(self) -> list[Encoder]:
        assert isinstance(self.shape, EncoderConfig)
        return [Encoder(KernelEngine(tensors, weights=self.weights), self.shape) for tensors in self.members]

    @cached_property
    def _taggers(self) -> list[Tagger]:
        assert isinstance(self.shape, TaggerConfig)
        return [Tagger(KernelEngine(tensors, weights=self.weights), self.shape) for tensors in self.members]

    @cached_property
    def _encode(self) -> Callable[[Any], Item]:
        return self.inputs.encoder()

    def mean_output(self, items: Sequence[Any], activation: Callable[[NDArray[np.float32]], Values]) -> Values:
        """The mean of the members' outputs ``[N, O]``, ``activation`` of their scores, with those of the linear part."""
        read = self.encoded(items)
        each = [activation(encoder.scores(read)) for encoder in self._encoders]
        networks = sum(each[1:], each[0]) / len(each)
        if self.linear is None:
            return networks
        return self.linear.mixed(networks, activation(self.linear.scores(self.standardized(items))))

    def member_output(
        self, member: int, items: Sequence[Any], activation: Callable[[NDArray[np.float32]], Values]
    ) -> Values:
        """The outputs ``[N, O]`` of one network."""
        return activation(self._encoders[member].scores(self.encoded(items)))

    def standardized(self, items: Sequence[Any]) -> list[NDArray[np.float32]]:
        """Sequences of numbers as the linear part reads them."""
        assert isinstance(self.inputs, NumberCodec)
        standardize = self.inputs.standardized()
        return [standardize(item).astype(np.float32) for item in items]

    def tag_scores(self, items: Sequence[Any]) -> list[Values]:
        """The mean of the members' scores of tags, ``[T_i, K]`` for each item."""
        read = self.encoded(items)
        each = [tagger.emissions(read) for tagger in self._taggers]
        return [np.mean([scores[n].astype(np.float64) for scores in each], axis=0) for n in range(len(items))]

    def transition_scores(self) -> tuple[Values, Values, Values]:
        """The mean of the members' scores between tags ``[K, K]``, before the first ``[K]`` and after the last ``[K]``."""
        assert isinstance(self.shape, TaggerConfig)
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
        return {**named_members(self.members), **({} if self.linear is None else self.linear.tensors())}

    @classmethod
    def restore(cls, model_file: ModelFile, config: SequenceConfig, training: SequenceTraining) -> SequenceModel:
        """Put a model together from its file.

        Raises:
            ModelFileError: tensors are missing, surplus, of another shape or dtype, or not finite; all are listed.
        """
        convolutions, linear = config.convolutions, None
        others = None if convolutions is None else linear_parameters(convolutions, config.shape.outputs)
        members = restored_members(model_file, config.shape.parameters(), training, others)
        if convolutions is not None:
            linear = LinearPart.restored(model_file.tensors, convolutions, config.networks)
        return cls(config.shape, config.inputs, members, linear)
