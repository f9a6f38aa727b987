"""How a model turns the user's items into the input of its network: numbers, tokens of text, or recordings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Protocol, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from unrolled.codecs.audio import AudioFeatures
from unrolled.codecs.scaling import Standardization, standardized
from unrolled.codecs.tokens import TokenCodec, TokenIds
from unrolled.errors import InputError

__all__ = ["AudioCodec", "InputCodec", "Item", "NumberCodec", "Recording"]

Item: TypeAlias = NDArray[np.float32] | TokenIds
"""A sequence as the network reads it: numbers ``[T, C]``, or tokens."""


class NumberCodec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="numbers"):
    """Each channel minus its mean, divided by its standard deviation; one that never changed is 0.

    >>> codec = NumberCodec.fit([np.array([[1.0], [3.0]])])
    >>> codec.encoder()(np.array([[2.0]])).tolist()
    [[0.0]]
    """

    channels: Annotated[list[Standardization], msgspec.Meta(min_length=1)]

    @classmethod
    def fit(cls, sequences: Sequence[NDArray[np.float64]]) -> NumberCodec:
        """Means and deviations over all steps of sequences ``[T_i, C]``."""
        steps = np.concatenate(sequences)
        return cls([Standardization.fit(column) for column in steps.T])

    def encoder(self) -> Callable[[NDArray[np.float64]], NDArray[np.float32]]:
        """The function that encodes sequences ``[T, C]``."""
        means = np.array([channel.mean for channel in self.channels])
        deviations = np.array([channel.deviation for channel in self.channels])
        constant = np.array([channel.constant for channel in self.channels])
        return lambda sequence: standardized(sequence, means, deviations, constant).astype(np.float32)


class Recording(Protocol):
    """The attributes that are read of a :class:`unrolled.data.wav.Waveform`."""

    @property
    def samples(self) -> NDArray[np.float32]:
        """``[n]``, from -1 to 1."""
        ...

    @property
    def rate(self) -> int:
        """Samples a second."""
        ...

    @property
    def name(self) -> str:
        """What errors call it."""
        ...


class AudioCodec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="audio"):
    """Features of a recording, each minus its mean over all recordings, divided by its standard deviation."""

    features: AudioFeatures
    numbers: NumberCodec

    def __post_init__(self) -> None:
        """Check that there is a scale for each feature."""
        if len(self.numbers.channels) != self.features.channels:
            raise InputError(f"{len(self.numbers.channels)} channels are scaled, expected {self.features.channels}")

    @classmethod
    def fit(cls, recordings: Sequence[Recording], features: AudioFeatures) -> AudioCodec:
        """Means and deviations over all frames."""
        return cls(features, NumberCodec.fit([cls.frames(each, features) for each in recordings]))

    def encoder(self) -> Callable[[Recording], NDArray[np.float32]]:
        """The function that encodes recordings as frames ``[T, C]``.

        It raises an InputError for a recording whose rate differs from that of the training data.
        """
        scaled = self.numbers.encoder()
        return lambda recording: scaled(self.frames(recording, self.features))

    @staticmethod
    def frames(recording: Recording, features: AudioFeatures) -> NDArray[np.float64]:
        """Features ``[T, C]`` before they are scaled."""
        features.check_rate(recording.rate, recording.name)
        return features(recording.samples, name=recording.name).astype(np.float64)


InputCodec: TypeAlias = NumberCodec | TokenCodec | AudioCodec
"""Each has an ``encoder()``, which turns many items into what the network reads with one set of tables."""
