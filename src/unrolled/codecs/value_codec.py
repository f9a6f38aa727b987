"""Steps of real numbers as a network says them: standardised, several at once; those of recordings become samples again."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from unrolled.aliases import Values
from unrolled.codecs.audio import AudioFeatures
from unrolled.codecs.griffin_lim import samples_of_features
from unrolled.codecs.inputs import AudioCodec, NumberCodec
from unrolled.codecs.ranges import Count
from unrolled.codecs.scaling import Standardization
from unrolled.errors import InputError

__all__ = ["ValueCodec"]


class ValueCodec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Each column minus its mean over all steps, divided by its standard deviation; some steps side by side are said at once.

    Where the last of these would not be full, the last step stands there again.

    >>> codec = ValueCodec.fit([np.array([[1.0], [3.0], [3.0], [1.0], [2.0]])], together=2)
    >>> steps = codec.encode(np.array([[2.0], [1.0], [4.0]]))
    >>> steps.shape, codec.decode(steps.astype(float)).round(4).tolist()
    ((2, 2), [[2.0], [1.0], [4.0], [4.0]])
    """

    columns: Annotated[list[Standardization], msgspec.Meta(min_length=1)]
    together: Count = 1
    """Steps that are said at once."""
    features: AudioFeatures | None = None
    """Of recordings."""

    def __post_init__(self) -> None:
        """Check that there is a scale for each feature, and that features can be undone."""
        if self.features is None:
            return
        if len(self.columns) != self.features.channels:
            raise InputError(f"{len(self.columns)} channels are scaled, expected {self.features.channels}")
        if self.features.deltas or self.features.normalization != "none":
            raise InputError("audio has slopes or a normalisation, of which no samples can be made; leave them out")

    @classmethod
    def fit(cls, pieces: Sequence[Any], *, together: int = 1, features: AudioFeatures | None = None) -> ValueCodec:
        """Means and deviations over all steps of pieces ``[T_i, C]``, or of the ``features`` of recordings."""
        arrays = pieces if features is None else [AudioCodec.frames(each, features) for each in pieces]
        return cls([Standardization.fit(column) for column in np.concatenate(arrays).T], together, features)

    @property
    def width(self) -> int:
        """Numbers that are said at once."""
        return self.together * len(self.columns)

    @property
    def log_unit(self) -> float:
        """The logarithm of the volume that a density of 1 stands for."""
        return self.together * sum(math.log(each.deviation) for each in self.columns)

    def encode(self, piece: Any) -> NDArray[np.float32]:
        """``[T, C]``, or a recording, → ``[U, width]``."""
        frames: Values = piece if self.features is None else AudioCodec.frames(piece, self.features)
        z = NumberCodec(self.columns).standardized()(frames)
        return np.pad(z, ((0, -len(z) % self.together), (0, 0)), mode="edge").reshape(-1, self.width).astype(np.float32)

    def decode(self, steps: Values) -> Values:
        """``[U, width]`` → ``[T, C]``."""
        z = steps.reshape(-1, len(self.columns))
        return np.stack([each.inverse(column) for each, column in zip(self.columns, z.T, strict=True)], axis=1)

    def decoded(self, steps: Iterable[Values], before: Values) -> Iterator[Values]:
        """As :meth:`decode`, of steps ``[width]`` that come one by one; those ``before`` do not matter."""
        for step in steps:
            yield from self.decode(step[None])

    def samples(self, frames: Values) -> NDArray[np.float32]:
        """The sound of the features ``[T, C]`` of recordings, from -1 to 1."""
        assert self.features is not None
        if not len(frames):
            return np.zeros(self.features.window_length, np.float32)
        return samples_of_features(frames, self.features)
