"""What a model carries to turn the user's items into what its network reads: numbers, or tokens of text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from unrolled.codecs.scaling import Standardization
from unrolled.codecs.tokens import TokenCodec, TokenIds

__all__ = ["InputCodec", "Item", "NumberCodec", "encode_items"]

Item: TypeAlias = NDArray[np.float32] | TokenIds
"""A sequence as the network reads it: numbers ``[T, C]``, or tokens."""


class NumberCodec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="numbers"):
    """Each channel minus its mean, over its deviation.

    >>> codec = NumberCodec.fit([np.array([[1.0], [3.0]])])
    >>> codec.encode(np.array([[2.0]])).tolist()
    [[0.0]]
    """

    channels: list[Standardization]

    @classmethod
    def fit(cls, sequences: Sequence[NDArray[np.float64]]) -> NumberCodec:
        """Means and deviations over all steps of sequences ``[T_i, C]``."""
        steps = np.concatenate(sequences)
        return cls([Standardization.fit(column) for column in steps.T])

    def encode(self, sequence: NDArray[np.float64]) -> NDArray[np.float32]:
        """One sequence ``[T, C]``."""
        means = np.array([channel.mean for channel in self.channels])
        deviations = np.array([channel.deviation for channel in self.channels])
        return ((sequence - means) / deviations).astype(np.float32)


InputCodec: TypeAlias = NumberCodec | TokenCodec


def encode_items(codec: NumberCodec | TokenCodec, items: Iterable[Any]) -> list[Item]:
    """Many items, with one set of tables."""
    encode = codec.encoder() if isinstance(codec, TokenCodec) else codec.encode
    return [encode(item) for item in items]
