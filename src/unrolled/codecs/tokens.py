"""Text as a model reads it: split into tokens, each with an index in a vocabulary and a spelling."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from unrolled.codecs.strict_json import parse_strict_json
from unrolled.codecs.vocabulary import Vocabulary
from unrolled.errors import InputError, MissingExtraError

__all__ = ["Splitting", "TokenCodec", "TokenIds", "split_words"]

Splitting = Literal["words", "characters", "pieces", "given"]
"""What text is split into; ``given`` says that it comes in tokens."""

LONGEST_SPELLING = 32  # characters of a token that are read
CACHED = 1 << 16  # spellings that are kept
PIECES: dict[str, Any] = {
    "truncation": None, "padding": None, "normalizer": None, "pre_tokenizer": {"type": "Whitespace"},
    "post_processor": None, "decoder": None,
}  # fmt: skip
_WORD = re.compile(r"\w+(?:['’]\w+)*|[^\w\s]+")
_DIGIT = re.compile(r"\d")


@dataclass(frozen=True)
class TokenIds:
    """A sequence of tokens: their indices ``[T]``, and the indices of each token's characters if these are read."""

    words: NDArray[np.int64]
    spellings: tuple[tuple[int, ...], ...] = ()

    def __len__(self) -> int:
        return len(self.words)


def split_words(text: str) -> list[str]:
    """Words with their apostrophes, and runs of punctuation; white space only separates.

    >>> split_words("It's late -- isn't it?! :-)")
    ["It's", 'late', '--', "isn't", 'it', '?!', ':-)']
    """
    return _WORD.findall(text)


class TokenCodec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="tokens"):
    """How text becomes numbers; it is part of the model file, including the vocabulary.

    Words are looked up in lower case with every digit as 0; spellings keep both, so nothing is lost where characters
    are read.

    >>> codec = TokenCodec.fit([["The", "cat"], ["the", "dog"]], "given", min_count=1, spelled=True)
    >>> ids = codec.encode(["The", "cow"])
    >>> ids.words.tolist(), [len(spelling) for spelling in ids.spellings]
    ([1, 0], [3, 3])
    """

    splitting: Splitting
    words: Vocabulary
    characters: Vocabulary | None = None
    """None where spellings are not read."""
    pieces: str | None = None
    """The tokenizer of byte pairs, in its own JSON."""

    def __post_init__(self) -> None:
        """Check that byte pairs have their tokenizer, one as this library makes them, and others none."""
        if (self.splitting == "pieces") != (self.pieces is not None):
            raise InputError(f"splitting is {self.splitting!r}, {'with' if self.pieces else 'without'} a tokenizer")
        if self.pieces is not None:
            _check_pieces(self.pieces)

    @classmethod
    def fit(
        cls,
        texts: Sequence[str] | Sequence[Sequence[str]],
        splitting: Splitting,
        *,
        min_count: int,
        spelled: bool,
        largest: int | None = None,
    ) -> TokenCodec:
        """Learn the vocabulary from texts, or from lists of tokens.

        Args:
            min_count: how often a token occurs at least, to have a place of its own.
            spelled: whether the characters of each token are read, too.
            largest: entries of the vocabulary at most; of ``pieces``, 8,000 unless it says otherwise.

        Raises:
            MissingExtraError: ``pieces`` without the package tokenizers.
        """
        pieces = _learn_pieces(texts, largest or 8000) if splitting == "pieces" else None
        split = cls(splitting, Vocabulary([]), None, pieces).encoder().split
        tokens = [split(text) for text in texts]
        words = Vocabulary.fit(
            (_looked_up(token, splitting) for each in tokens for token in each), min_count=min_count, largest=largest
        )
        letters = (letter for each in tokens for token in each for letter in token)
        return cls(splitting, words, Vocabulary.fit(letters) if spelled else None, pieces)

    def encoder(self) -> TokenEncoder:
        """An encoder for many texts, which builds its tables only once."""
        return TokenEncoder(self)

    def encode(self, text: str | Sequence[str]) -> TokenIds:
        """One text, or one list of tokens."""
        return self.encoder()(text)


class TokenEncoder:
    """The tables of a :class:`TokenCodec`, and the spellings it met last."""

    def __init__(self, codec: TokenCodec) -> None:
        self._codec = codec
        self._words = codec.words.indices()
        self._characters = None if codec.characters is None else codec.characters.indices()
        self._spelling = lru_cache(maxsize=CACHED)(self._spelled)
        self._pieces: Any = None

    def __call__(self, text: str | Sequence[str]) -> TokenIds:
        """One text, or one list of tokens."""
        tokens, splitting = self.split(text), self._codec.splitting
        words = np.array([self._words.get(_looked_up(token, splitting), 0) for token in tokens], np.int64)
        if self._characters is None:
            return TokenIds(words)
        return TokenIds(words, tuple(self._spelling(token[:LONGEST_SPELLING]) for token in tokens))

    def split(self, text: str | Sequence[str]) -> list[str]:
        """A text's tokens."""
        splitting = self._codec.splitting
        if splitting == "words":
            return split_words(str(text))
        if splitting != "pieces":
            return list(text)
        if self._pieces is None:
            self._pieces = _read_pieces(self._codec.pieces)
        try:
            return list(self._pieces.encode(text).tokens)
        except Exception as error:  # it raises no other class
            raise InputError(f"the tokenizer in pieces cannot split a text: {error}") from None

    def _spelled(self, token: str) -> tuple[int, ...]:
        assert self._characters is not None
        return tuple(self._characters.get(letter, 0) for letter in token)


def _looked_up(token: str, splitting: Splitting) -> str:
    return _DIGIT.sub("0", token.lower()) if splitting in ("words", "given") else token


def _learn_pieces(texts: Iterable[Any], largest: int) -> str:
    library = _tokenizers()
    tokenizer = library.Tokenizer(library.models.BPE(unk_token="<unk>"))
    tokenizer.pre_tokenizer = library.pre_tokenizers.Whitespace()
    trainer = library.trainers.BpeTrainer(vocab_size=largest, special_tokens=["<unk>"], show_progress=False)
    tokenizer.train_from_iterator(texts, trainer)
    return str(tokenizer.to_str())


def _check_pieces(text: str) -> None:
    """Raise an InputError unless the tokenizer is of the form that :func:`_learn_pieces` gives one.

    Others could run any pattern over a text, or fill it up to any length.
    """
    try:
        found = parse_strict_json(text)
        parts = {name: found[name] for name in PIECES}
        model = found["model"]["type"], found["model"]["dropout"], found["model"]["unk_token"]
        known = "<unk>" in found["model"]["vocab"]
    except (ValueError, KeyError, TypeError):
        parts, model, known = {}, None, False
    if parts != PIECES or model != ("BPE", None, "<unk>") or not known:
        raise InputError("the tokenizer in pieces is not one of byte pairs between blanks, as this library makes them")
    with suppress(MissingExtraError):  # without the package the model is of no use, but can be looked at
        _read_pieces(text)


def _read_pieces(text: str | None) -> Any:
    library = _tokenizers()
    try:
        return library.Tokenizer.from_str(text)
    except Exception as error:  # it raises no other class
        raise InputError(f"the tokenizer in pieces cannot be read: {error}") from None


def _tokenizers() -> Any:
    try:
        import tokenizers
    except ImportError:
        raise MissingExtraError("tokens='pieces'", "tokenizers", "bpe") from None
    return tokenizers
