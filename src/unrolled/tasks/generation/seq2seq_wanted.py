"""What the answers to sources must begin with and contain, in the tokens that a model says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from unrolled.codecs.target_tokens import TargetCodec
from unrolled.errors import InputError

__all__ = ["NOTHING_WANTED", "Wanted"]

Tokens = NDArray[np.int64]


class Wanted(NamedTuple):
    """For each source the tokens its answer begins with, and those of the phrases it contains; None where nothing is wanted."""

    prefixes: list[Tokens] | None = None
    phrases: list[list[Tokens]] | None = None

    @classmethod
    def read(cls, codec: TargetCodec, sources: int, prefixes: Any, phrases: Any) -> Wanted:
        """Texts, or lists of tokens, as a codec has them.

        Raises:
            InputError: one is of another kind, empty where it must not be, or has a token that the codec does not know.

        >>> codec = TargetCodec.fit(["It is late, (too) late."], "words")
        >>> wanted = Wanted.read(codec, 1, ["It is"], [["late", "too)"]])
        >>> [codec.vocabulary.decode(each) for each in (*wanted.prefixes, *wanted.phrases[0])]
        [[' It', ' is'], [' late'], ['too', ')']]
        """
        begun = wanted = None
        if prefixes is not None:
            given = _listed(prefixes, "prefixes", sources)
            begun = [_encoded(codec, each, f"prefix {n}") for n, each in enumerate(given)]
        if phrases is not None:
            of = [_listed(own, f"phrases of source {n}") for n, own in enumerate(_listed(phrases, "phrases", sources))]
            wanted = [
                [_encoded(codec, each, f"phrase {k} of source {n}", within=True) for k, each in enumerate(own)]
                for n, own in enumerate(of)
            ]
        return cls(begun, wanted)

    @staticmethod
    def check(codec: TargetCodec, given: Any, called: str) -> None:
        """Raise an InputError that calls a phrase so, unless the codec knows it and it is not empty."""
        _encoded(codec, given, called, within=True)

    def check_lengths(self, most: int) -> None:
        """Raise an InputError that names the source if a prefix, or a phrase, does not fit into an answer with its end.

        >>> Wanted([np.array([1]), np.array([1, 2, 1])]).check_lengths(3)
        Traceback (most recent call last):
            ...
        unrolled.errors.InputError: prefix 1 has 3 tokens, but answers at most 3 with their end: allow longer answers
        """
        named = [(f"prefix {n}", each) for n, each in enumerate(self.prefixes or ())]
        named += [
            (f"phrase {k} of source {n}", each)
            for n, own in enumerate(self.phrases or ())
            for k, each in enumerate(own)
        ]
        for name, tokens in named:
            if len(tokens) >= most:
                raise InputError(
                    f"{name} has {len(tokens)} tokens, but answers at most {most} with their end: allow longer answers"
                )

    def nothing(self, n: int) -> bool:
        """Whether nothing is wanted of the answers to a source."""
        prefix = self.prefixes is not None and len(self.prefixes[n]) > 0
        return not prefix and not (self.phrases is not None and self.phrases[n])

    def of(self, chosen: Sequence[int]) -> dict[str, Any]:
        """Those of some sources, as a beam search takes them."""
        return {name: None if given is None else [given[n] for n in chosen] for name, given in self._asdict().items()}


NOTHING_WANTED = Wanted()


def _listed(given: Any, called: str, count: int | None = None) -> list[Any]:
    if isinstance(given, str) or not isinstance(given, Sequence):
        raise InputError(
            f"{called} are {given!r:.60}, expected a list" + ("" if count is None else ", an entry a source")
        )
    if count is not None and len(given) != count:
        raise InputError(f"{len(given)} {called} for {count} sources: expected one entry a source, which may be empty")
    return list(given)


def _encoded(codec: TargetCodec, given: Any, called: str, *, within: bool = False) -> Tokens:
    if codec.splitting == "given":
        fits, expected = (
            isinstance(given, list | tuple) and all(isinstance(each, str) for each in given),
            "a list of tokens",
        )
    else:
        fits, expected = isinstance(given, str), "a text"
    if not fits:
        raise InputError(f"{called} is {given!r:.60}, expected {expected}")
    tokens = codec.tokens(given)
    if within and not tokens:
        raise InputError(f"{called} is empty: expected at least one token")
    found = codec.vocabulary.encode(tokens)
    if within and codec.splitting == "words" and not found[0]:  # what follows a word without a blank
        found[:1] = codec.vocabulary.encode([tokens[0].removeprefix(" ")])
    if not found.all():
        unknown = tokens[int(found.argmin())].strip()
        raise InputError(f"{called}: the model never says {unknown!r}; take one of its tokens (vocabulary_)")
    return found
