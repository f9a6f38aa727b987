r"""The input of a saved model's layers: numbers as they are, or embeddings of tokens.

.. math::
    x[t] = E_{w_t} \;\Vert\; \overrightarrow{\mathrm{RNN}}(C_{s_1}, \dots, C_{s_n}) \;\Vert\;
    \overleftarrow{\mathrm{RNN}}(C_{s_1}, \dots, C_{s_n})

for a token with the word's place :math:`w_t` and the spelling :math:`s_1 \dots s_n`; the second half, a recurrence over the
characters that ends in its last states, is there where spellings are read. Source: Ling et al. 2015, *Finding function in
form*, arXiv 1508.02096.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from unrolled.codecs.inputs import Item
from unrolled.codecs.ranges import Count, Size
from unrolled.codecs.tokens import TokenIds
from unrolled.runtime.stack import Expected, Stack, StackConfig

__all__ = ["EmbeddingConfig", "Reader", "batches_of_similar_length", "distinct_spellings"]

LARGEST_BATCH = 1 << 18  # padded steps that are run at once


class EmbeddingConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The sizes of the embeddings, without characters if spellings are not read."""

    words: Count
    word_size: Count
    characters: Size = 0
    character_size: Size = 0
    cell: str = "gru"

    @property
    def outputs(self) -> int:
        """Size of a token's embedding."""
        return self.word_size + 2 * self.character_size * (self.characters > 0)

    @property
    def spelling(self) -> StackConfig:
        """The recurrence over characters; an embedding is as wide as its state."""
        return StackConfig(self.cell, self.character_size, self.character_size, 1, bidirectional=True)

    def tensors(self) -> Expected:
        """Name → shape and dtype of every parameter."""
        expected: Expected = {"reader.words": ((self.words, self.word_size), np.float32)}
        if self.characters:
            expected["reader.characters"] = ((self.characters, self.character_size), np.float32)
            expected |= self.spelling.tensors("reader.spelling.")
        return expected


class Reader:
    """Makes a batch of items; the result for an item has the same bits alone and in a batch.

    >>> reader = Reader(EmbeddingConfig(words=3, word_size=2), {"reader.words": np.eye(3, 2, dtype=np.float32)})
    >>> x, lengths = reader([TokenIds(np.array([1, 2, 0])), TokenIds(np.array([0]))])
    >>> x.shape, lengths.tolist(), x[:, 1].tolist()
    ((3, 2, 2), [3, 1], [[1.0, 0.0], [0.0, 0.0], [0.0, 0.0]])
    """

    def __init__(self, shape: EmbeddingConfig | None, tensors: Mapping[str, NDArray[Any]]) -> None:
        self._spelling: Stack | None = None
        if shape is not None:
            self._words: NDArray[np.float32] = tensors["reader.words"]
            if shape.characters:
                self._characters: NDArray[np.float32] = tensors["reader.characters"]
                self._spelling = Stack(shape.spelling, tensors, "reader.spelling.")

    def __call__(self, items: Sequence[Item]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """``x [T, B, I]``, zero past each length, and lengths ``[B]``."""
        if isinstance(items[0], TokenIds):
            items = self._vectors([item for item in items if isinstance(item, TokenIds)])
        arrays = [item for item in items if not isinstance(item, TokenIds)]
        lengths = np.array([len(array) for array in arrays])
        x = np.zeros((lengths.max(), len(arrays), arrays[0].shape[1]), np.float32)
        for n, array in enumerate(arrays):
            x[: len(array), n] = array
        return x, lengths

    def _vectors(self, items: Sequence[TokenIds]) -> list[NDArray[np.float32]]:
        if self._spelling is None:
            return [self._words[item.words] for item in items]
        spellings, places = distinct_spellings(items)
        characters = [self._characters[np.array(spelling)] for spelling in spellings]
        states = np.empty((len(spellings), 2 * self._characters.shape[1]), np.float32)
        for chosen in batches_of_similar_length([len(spelling) for spelling in spellings]):
            x, lengths = Reader(None, {})([characters[n] for n in chosen])
            states[chosen] = self._spelling(x, lengths)[1]
        ends = np.cumsum([len(item) for item in items])[:-1]
        read = zip(items, np.split(states[places], ends), strict=True)
        return [np.concatenate([self._words[item.words], spelled], axis=1) for item, spelled in read]


def distinct_spellings(items: Sequence[TokenIds]) -> tuple[list[tuple[int, ...]], NDArray[np.int64]]:
    """The spellings that occur, and for each token of all items in turn its place among them."""
    places: dict[tuple[int, ...], int] = {}
    found = [places.setdefault(spelling, len(places)) for item in items for spelling in item.spellings]
    return list(places), np.array(found, np.int64)


def batches_of_similar_length(lengths: Sequence[int]) -> list[list[int]]:
    """Places of all sequences, the longest first, in batches that a machine's memory holds.

    >>> batches_of_similar_length([1, 3, 2])
    [[1, 2, 0]]
    """
    order = sorted(range(len(lengths)), key=lambda n: -lengths[n])
    batches: list[list[int]] = []
    start = 0
    while start < len(order):
        count = max(1, LARGEST_BATCH // max(1, lengths[order[start]]))
        batches.append(order[start : start + count])
        start += count
    return batches
