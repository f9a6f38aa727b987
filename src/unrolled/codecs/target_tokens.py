"""Texts that a model is to say: split into tokens of which it can be put together again."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from unrolled.codecs.vocabulary import Vocabulary

__all__ = ["TargetCodec", "TargetSplitting"]

TargetSplitting = Literal["words", "words_as_set", "characters", "given"]
"""What a target is split into; ``words_as_set`` keeps lines and blanks as they are, ``given`` says that it comes in tokens."""

_WORD = re.compile(r" ?\w+(?:['’]\w+)*| ?[^\w\s]+")
_WORD_OR_SPACE = re.compile(_WORD.pattern + r"|\s")


class TargetCodec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How targets become indices, and indices targets; it is part of the model file, including the vocabulary.

    A word or a run of punctuation takes the blank before it along, so a text comes back as it was, except that other white
    space is one blank. Nothing else changes: neither case nor digits.

    >>> codec = TargetCodec.fit(["It's late.", "It is  (too) late!"], "words")
    >>> codec.tokens("It's (too) late.")
    [" It's", ' (', 'too', ')', ' late', '.']
    >>> codec.decode(codec.encode("It is late."))
    'It is late.'

    Where words are ``words_as_set``, white space that stands before no word is a token of its own, and a text comes back
    exactly.

    >>> TargetCodec.fit(["a"], "words_as_set").tokens("one\\n  two")
    ['one', '\\n', ' ', ' two']
    """

    splitting: TargetSplitting
    vocabulary: Vocabulary

    @classmethod
    def fit(
        cls,
        targets: Sequence[str] | Sequence[Sequence[str]],
        splitting: TargetSplitting,
        *,
        min_count: int = 1,
        option: str = "target_min_count",
    ) -> TargetCodec:
        """Learn the vocabulary from texts, or from lists of tokens; it has what occurs at least ``min_count`` times,
        which the user calls ``option``.

        Raises:
            InputError: nothing occurs so often.
        """
        split = cls(splitting, Vocabulary([])).tokens
        found = (token for target in targets for token in split(target))
        return cls(splitting, Vocabulary.fit(found, min_count=min_count, option=option))

    def tokens(self, target: str | Sequence[str]) -> list[str]:
        """A target's tokens."""
        if self.splitting == "words":
            return _WORD.findall(" " + " ".join(str(target).split()))
        if self.splitting == "words_as_set":
            return _WORD_OR_SPACE.findall(str(target))
        return list(target)

    def encode(self, target: str | Sequence[str]) -> NDArray[np.int64]:
        """Indices ``[U]``, 0 for what is unknown."""
        return self.vocabulary.encode(self.tokens(target))

    def decode(self, indices: Sequence[int] | NDArray[np.int64], unknown: Sequence[str] = ()) -> str | list[str]:
        """The text, or the list of tokens where they came as such; ``unknown`` is said for each that is not known.

        >>> codec = TargetCodec.fit(["in it.", "in in."], "words")
        >>> codec.vocabulary.entries, codec.decode([1, 0, 2], ["Rome"])
        ([' in', '.', ' it'], 'in Rome.')
        """
        tokens = self.vocabulary.decode(int(index) for index in indices)
        if len(unknown):
            blank, said = " " * (self.splitting == "words"), iter(unknown)
            tokens = [token if index else blank + next(said) for token, index in zip(tokens, indices, strict=True)]
        if self.splitting == "given":
            return tokens
        return "".join(tokens).removeprefix(" " if self.splitting == "words" else "")
