r"""The input of a network's layers: numbers as they are, or embeddings of tokens.

.. math::
    x[t] = E_{w_t} \;\Vert\; \overrightarrow{\mathrm{RNN}}(C_{s_1}, \dots, C_{s_n}) \;\Vert\;
    \overleftarrow{\mathrm{RNN}}(C_{s_1}, \dots, C_{s_n})

for a token with the word's place :math:`w_t` and the spelling :math:`s_1 \dots s_n`; the second half, a recurrence over the
characters that ends in its last outputs, is there where spellings are read. Source: Ling et al. 2015, *Finding function in
form*, arXiv 1508.02096.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest

import msgspec
import numpy as np
from numpy.typing import NDArray

from unrolled.codecs.inputs import Item
from unrolled.codecs.ranges import Count, Size
from unrolled.codecs.tokens import TokenIds
from unrolled.networks.engine import Array, Engine, Lengths
from unrolled.networks.last_output import last_output
from unrolled.networks.stack import StackConfig

__all__ = ["Embedding", "EmbeddingConfig", "distinct_spellings"]


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


class Embedding:
    """The items of a batch as one array; without a configuration they are numbers.

    >>> from unrolled.runtime.engine import KernelEngine
    >>> engine = KernelEngine({"words": np.eye(3, 2, dtype=np.float32)})
    >>> embedding = Embedding(engine, EmbeddingConfig(words=3, word_size=2))
    >>> x, lengths = embedding([TokenIds(np.array([1, 2, 0])), TokenIds(np.array([0]))])
    >>> x.shape, lengths.tolist(), x[:, 1].tolist()
    ((3, 2, 2), [3, 1], [[1.0, 0.0], [0.0, 0.0], [0.0, 0.0]])
    """

    def __init__(self, engine: Engine, config: EmbeddingConfig | None) -> None:
        self.engine, self.config = engine, config
        if config is not None:
            self.words = engine.embedding("words", config.words, config.word_size)
            if config.characters:
                self.characters = engine.embedding("characters", config.characters, config.character_size)
                self.spelling = engine.stack("spelling", config.spelling)

    def __call__(self, items: Sequence[Item]) -> tuple[Array, Lengths]:
        """``x [T, B, I]``, zero past each length, and lengths ``[B]``."""
        lengths = np.array([len(item) for item in items])
        tokens = [item for item in items if isinstance(item, TokenIds)]
        numbers = [item for item in items if not isinstance(item, TokenIds)]
        return self.engine.pad(self._vectors(tokens) if tokens else np.concatenate(numbers), lengths), lengths

    def _vectors(self, items: Sequence[TokenIds]) -> Array:
        """Of all tokens in turn, ``[ΣT, I]``."""
        words = self.words(self.engine.drop_tokens(np.concatenate([item.words for item in items])))
        if self.config is None or not self.config.characters:
            return words
        spellings, places = distinct_spellings(items)
        batches = self.engine.batches([len(spelling) for spelling in spellings])
        ends = [self._ends([spellings[n] for n in batch]) for batch in batches]
        order = np.argsort(np.concatenate(batches))
        spelled = (ends[0] if len(ends) == 1 else np.concatenate(ends))[order[places]]
        return self.engine.concatenate([words, spelled])

    def _ends(self, spellings: Sequence[tuple[int, ...]]) -> Array:
        """The last outputs of the recurrence over each spelling, ``[B, 2 H]``."""
        assert self.config is not None
        characters = np.array(list(zip_longest(*spellings, fillvalue=0)))  # [T, B]
        lengths = np.array([len(spelling) for spelling in spellings])
        y, _ = self.spelling(self.characters(characters), lengths)
        return last_output(self.engine, self.config.spelling, y, lengths)


def distinct_spellings(items: Sequence[TokenIds]) -> tuple[list[tuple[int, ...]], NDArray[np.int64]]:
    """The spellings that occur, and for each token of all items in turn its place among them."""
    places: dict[tuple[int, ...], int] = {}
    found = [places.setdefault(spelling, len(places)) for item in items for spelling in item.spellings]
    return list(places), np.array(found, np.int64)
