r"""Phrases that an answer must contain, followed while it grows.

Each phrase :math:`p` is an automaton: its state is how many of its tokens the answer ends with at present,

.. math::
    k[t] = \max \{k : y_{t-k+1} \dots y_t = p_1 \dots p_k\},

and once it is :math:`|p|` the phrase is there and stays so. The sum of the states says how far a hypothesis is; a search that
gives room to each of these *banks* keeps those that pay for a phrase beside those that have not begun one.

Sources: Knuth, Morris, Pratt 1977, *Fast pattern matching in strings*; Hokamp and Liu 2017, arXiv 1704.07138 (banks); Post and
Vilar 2018, arXiv 1804.06609 (one beam shared by all of them).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from unrolled.aliases import Integers
from unrolled.errors import InputError
from unrolled.kernels.admission import whole_numbers

__all__ = ["Phrases", "Progress"]

Progress = NDArray[np.int64]
"""How many tokens of each phrase of its source a hypothesis ends with, ``[R, P]``, all of them once it is there."""


class Phrases:
    """The phrases of several sources, each at most once a source; two may overlap in the answer.

    Args:
        given: for each source its phrases, each a sequence of tokens.
        eos: the token that ends an answer, which no phrase has.

    Raises:
        InputError: a phrase is empty or has ``eos``.

    >>> phrases = Phrases([[[3, 3, 4]]], eos=0)
    >>> progress = phrases.begin(np.array([0]))
    >>> for token in (3, 3, 3, 4, 5):
    ...     progress = phrases.after(progress, np.array([0]), np.array([token]))
    ...     print(progress.tolist(), end=" ")
    [[1]] [[2]] [[2]] [[3]] [[3]]
    """

    def __init__(self, given: Sequence[Sequence[Sequence[int] | Integers]], eos: int) -> None:
        of = [_distinct(source, phrases, eos) for source, phrases in enumerate(given)]
        every = [phrase for phrases in of for phrase in phrases]
        self.largest = max((max(phrase) for phrase in every), default=-1)
        self.longest = max(map(len, every), default=0)
        most = max(map(len, of), default=0)
        self._phrases = np.full((len(of), most), len(every))  # the last is none: it is there from the start
        at = 0
        for source, phrases in enumerate(of):
            self._phrases[source, : len(phrases)] = np.arange(at, at + len(phrases))
            at += len(phrases)
        self._alphabet = np.unique(np.array([token for phrase in every for token in phrase], np.int64))
        self._sizes = np.array([*map(len, every), 0])
        self._next = np.zeros((len(every) + 1, self.longest + 1, len(self._alphabet) + 1), np.int64)
        self._wanted = np.full((len(every) + 1, self.longest + 1), -1)
        for number, phrase in enumerate(every):
            self._wanted[number, : len(phrase)] = phrase
            self._next[number, : len(phrase) + 1] = self._automaton(phrase)

    def _automaton(self, phrase: tuple[int, ...]) -> NDArray[np.int64]:
        """The state after each token, ``[|p| + 1, A + 1]``; the last token stands for all that are in no phrase."""
        codes = np.searchsorted(self._alphabet, phrase)
        table = np.zeros((len(phrase) + 1, len(self._alphabet) + 1), np.int64)
        fallback = 0  # the state after the phrase without its first token
        for k, code in enumerate(codes):
            table[k] = table[fallback] if k else 0
            table[k, code] = k + 1
            fallback = table[fallback, code] if k else 0
        table[-1] = len(phrase)
        return table

    def begin(self, sources: NDArray[np.intp]) -> Progress:
        """The progress of hypotheses without a token, of these sources ``[R]``."""
        return np.zeros((len(sources), self._phrases.shape[1]), np.int64)

    def after(self, progress: Progress, sources: NDArray[np.intp], tokens: NDArray[np.int64]) -> Progress:
        """The progress after one more token ``[R]`` a hypothesis."""
        code = np.minimum(np.searchsorted(self._alphabet, tokens), len(self._alphabet) - 1)
        code = np.where(self._alphabet[code] == tokens, code, len(self._alphabet))
        return self._next[self._phrases[sources], progress, code[:, None]]

    def met(self, progress: Progress, sources: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Whether all phrases are there, ``[R]``."""
        return (progress == self._sizes[self._phrases[sources]]).all(1)

    def wanted(self, progress: Progress, sources: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.int64]]:
        """Each pair of a hypothesis and a token that brings one of its phrases on."""
        tokens = self._wanted[self._phrases[sources], progress]
        rows, column = np.nonzero(tokens >= 0)
        pairs = np.unique(np.stack([rows, tokens[rows, column]], 1), axis=0)
        return pairs[:, 0], pairs[:, 1]


def _distinct(source: int, phrases: Sequence[Sequence[int] | Integers], eos: int) -> list[tuple[int, ...]]:
    """The phrases of a source, each once.

    Raises:
        InputError: one is empty, or has ``eos``, or a negative token.
    """
    found: dict[tuple[int, ...], None] = {}
    for n, phrase in enumerate(phrases):
        where = f"source {source}, phrase {n}"
        if not len(phrase):
            raise InputError(f"{where} is empty: expected at least one token")
        tokens = tuple(map(int, whole_numbers(where, phrase)))
        if eos in tokens or min(tokens) < 0:
            raise InputError(
                f"{where}: {list(tokens)}, expected tokens of at least 0 other than {eos}, which ends an answer"
            )
        found[tokens] = None
    return list(found)
