"""How a model turns the user's items into the input of its network: numbers, tokens of text, or recordings."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Annotated, Protocol, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from unrolled.codecs.audio import AudioFeatures
from unrolled.codecs.ranges import Count
from unrolled.codecs.scaling import Standardization, standardized
from unrolled.codecs.tokens import TokenCodec, TokenIds
from unrolled.errors import InputError

__all__ = ["AudioCodec", "InputCodec", "Item", "NumberCodec", "Recording"]

SEGMENTS = 64  # that half of the sequences have at most

Item: TypeAlias = NDArray[np.float32] | TokenIds
"""A sequence as the network reads it: numbers ``[T, C]``, or tokens."""


class NumberCodec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="numbers"):
    r"""Each channel standardised, beside its differences, several steps at once.

    .. math::
        z[t] &= (x[t] - \text{mean}) / \text{deviation}, \qquad d[t] = (z[t] - z[t-1]) / \text{change}, \quad d[1] = 0 \\
        s[k] &= z[t] \;\Vert\; d[t] \;\Vert\; z[t+1] \;\Vert\; d[t+1] \dots \qquad \text{of the steps of segment } k

    A channel that never changed is 0. Zeros come before the first step where the last segment would not be full.

    >>> codec = NumberCodec.fit([np.array([[1.0], [3.0]])])
    >>> codec.encoder()(np.array([[2.0], [3.0]])).tolist()
    [[0.0], [1.0]]
    >>> NumberCodec.fit([np.array([[1.0], [3.0]])], differences=True, segment=2).encoder()(np.array([[2.0], [3.0]])).tolist()
    [[0.0, 0.0, 1.0, 0.5]]
    """

    channels: Annotated[list[Standardization], msgspec.Meta(min_length=1)]
    changes: list[Standardization] = []
    """Of each channel's differences; empty where these are not read."""
    segment: Count = 1
    """Steps that are read at once."""

    def __post_init__(self) -> None:
        """Check that there is a scale for the differences of each channel, or of none."""
        if self.changes and len(self.changes) != len(self.channels):
            raise InputError(f"differences of {len(self.changes)} channels are scaled, expected {len(self.channels)}")

    @property
    def width(self) -> int:
        """Numbers that a network reads at once."""
        return self.segment * (len(self.channels) + len(self.changes))

    @classmethod
    def fit(
        cls, sequences: Sequence[NDArray[np.float64]], *, differences: bool = False, segment: int | None = 1
    ) -> NumberCodec:
        """Means and deviations over all steps of sequences ``[T_i, C]``.

        ``segment`` None stands for so many steps that half of the sequences have at most 64 segments.
        """
        channels = [Standardization.fit(column) for column in np.concatenate(sequences).T]
        if segment is None:
            segment = math.ceil(float(np.median([len(each) for each in sequences])) / SEGMENTS)
        if not differences:
            return cls(channels, segment=segment)
        scaled = cls(channels).standardized()
        changes = np.concatenate([np.diff(scaled(each), axis=0) for each in sequences])
        deviations = np.sqrt((changes**2).mean(0)) if len(changes) else np.zeros(len(channels))
        return cls(channels, [_change(float(deviation)) for deviation in deviations], segment)

    def encoder(self) -> Callable[[NDArray[np.float64]], NDArray[np.float32]]:
        """The function that encodes sequences ``[T, C]``."""
        scaled, scaled_changes = self.standardized(), _standardized(self.changes)

        def encode(sequence: NDArray[np.float64]) -> NDArray[np.float32]:
            z = scaled(sequence)
            if self.changes:
                z = np.concatenate([z, scaled_changes(np.diff(z, axis=0, prepend=z[:1]))], axis=1)
            missing = -len(z) % self.segment
            return np.pad(z, ((missing, 0), (0, 0))).reshape(-1, self.width).astype(np.float32)

        return encode

    def standardized(self) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
        """The function that standardises the channels of sequences ``[T, C]``, and nothing else."""
        return _standardized(self.channels)


def _standardized(columns: Sequence[Standardization]) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    means, deviations = np.array([each.mean for each in columns]), np.array([each.deviation for each in columns])
    constant = np.array([each.constant for each in columns])
    return lambda x: standardized(x, means, deviations, constant)


def _change(deviation: float) -> Standardization:
    """The scale of differences, around zero."""
    return Standardization(0.0, deviation or 1.0, constant=not deviation)


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

    def warn_of_short(self, recordings: Sequence[Recording]) -> None:
        """Warn of recordings in which nothing can be said, for they do not fill one frame."""
        named = [
            (f"recording {n}" if each.name == "the recording" else each.name, len(each.samples))
            for n, each in enumerate(recordings)
        ]
        self.features.warn_of_short(named)

    @staticmethod
    def frames(recording: Recording, features: AudioFeatures) -> NDArray[np.float64]:
        """Features ``[T, C]`` before they are scaled."""
        features.check_rate(recording.rate, recording.name)
        return features(recording.samples, name=recording.name).astype(np.float64)


InputCodec: TypeAlias = NumberCodec | TokenCodec | AudioCodec
"""Each has an ``encoder()``, which turns many items into what the network reads with one set of tables."""
