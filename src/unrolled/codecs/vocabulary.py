"""A vocabulary: the known entries and their indices in an embedding table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import msgspec
import numpy as np
from numpy.typing import NDArray

from unrolled.errors import InputError

__all__ = ["Vocabulary"]


class Vocabulary(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Entries in order; the first has index 1, and index 0 stands for everything unknown.

    >>> vocabulary = Vocabulary.fit(["b", "a", "b", "c"], min_count=1)
    >>> vocabulary.entries, vocabulary.encode(["c", "z", "b"]).tolist(), len(vocabulary)
    (['b', 'a', 'c'], [3, 0, 1], 4)
    """

    entries: list[str]

    def __post_init__(self) -> None:
        """Check that each entry stands once."""
        if len(set(self.entries)) < len(self.entries):
            raise InputError("an entry of the vocabulary has two places: expected each once")

    @classmethod
    def fit(
        cls, found: Iterable[str], *, min_count: int = 1, largest: int | None = None, option: str = "min_count"
    ) -> Vocabulary:
        """Entries that occur at least ``min_count`` times, the most frequent first, at most ``largest``.

        ``option`` is what the user calls ``min_count``.

        Raises:
            InputError: nothing occurs so often.
        """
        counts = sorted(Counter(found).items(), key=lambda item: (-item[1], item[0]))
        entries = [entry for entry, count in counts if count >= min_count][:largest]
        if not entries:
            raise InputError(
                f"of {len(counts)} different tokens none occurs {min_count} times, so none is left;"
                f" lower {option} or give more text"
            )
        return cls(entries)

    def __len__(self) -> int:
        """Rows of the embedding table, that of the unknown included."""
        return len(self.entries) + 1

    def encode(self, tokens: Iterable[str]) -> NDArray[np.int64]:
        """Tokens → indices ``[T]``."""
        indices = self.indices()
        return np.array([indices.get(token, 0) for token in tokens], np.int64)

    def decode(self, indices: Iterable[int], unknown: str = "<unk>") -> list[str]:
        """Indices → tokens; 0 is ``unknown``.

        >>> Vocabulary(["a", "b"]).decode([2, 0, 1])
        ['b', '<unk>', 'a']
        """
        tokens = [unknown, *self.entries]
        return [tokens[index] for index in indices]

    def indices(self) -> dict[str, int]:
        """Entry → index."""
        return {entry: index for index, entry in enumerate(self.entries, 1)}
