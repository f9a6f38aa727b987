r"""Which part of a sequence belongs to which part of another: alignment from left to right, learned from pairs.

A pair of sequences :math:`(x, y)` is cut into *pieces*, each one or two tokens of x beside none, one or two of y, but two of
one at most with one of the other. With a probability a piece, that of a pair is the sum over all ways to cut it,

.. math::
    \alpha_{ij} = \sum_{(a, b)} p(x_{i-a+1} \dots x_i,\; y_{j-b+1} \dots y_j)\; \alpha_{i-a,\, j-b}, \quad
    (a, b) \in \{(1, 0), (1, 1), (1, 2), (2, 1)\}, \quad p(x, y) = \alpha_{TU},

and expectation-maximisation raises that of all pairs: with :math:`\beta` the same sum from the other end, a piece is counted as
often as it is expected in them,

.. math::
    c(q) = \sum_{(x, y)} \sum_{i, j} \frac{\alpha_{i-a,\, j-b}\; p(q)\; \beta_{ij}}{p(x, y)}, \quad p(q) = c(q) / \sum_{q'} c(q').

At the end each pair is cut in its most probable way.

Source: Jiampojamarn, Kondrak and Sherif 2007, *Applying many-to-many alignments and hidden Markov models to letter-to-phoneme
conversion*.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from unrolled.aliases import Values

__all__ = ["NONE", "ROUNDS", "SIZES", "Pair", "Pieces", "align", "cells"]

Tokens = NDArray[np.int64]
Pair = tuple[Tokens, Tokens]
Some = Tokens | int

SIZES = ((1, 0), (1, 1), (1, 2), (2, 1))
"""Tokens of both sequences in a piece."""
ROUNDS = 8
"""Of expectation-maximisation."""
NONE = -1
"""Where a piece has no second token, or no token, of a sequence."""
AT_ONCE = 1 << 20  # cells of the lattices that are summed over side by side


class Pieces(NamedTuple):
    """Pieces in ascending order, and numbers by which they are found."""

    tokens: NDArray[np.int64]
    """``[K, 4]``: two of the first sequence and two of the other, -1 for those a piece does not have."""
    keys: Tokens
    """``[K]``, ascending."""
    bases: tuple[int, int]

    @classmethod
    def of(cls, tokens: NDArray[np.int64], bases: tuple[int, int]) -> Pieces:
        """Pieces whose tokens are below ``bases`` in either sequence, in ascending order, each once."""
        first, second = (_half(tokens[:, k], tokens[:, k + 1], base) for k, base in zip((0, 2), bases, strict=True))
        return cls(tokens, _key(first, second, bases), bases)

    def find(self, keys: Tokens) -> Tokens:
        """The places of pieces that are given by keys, -1 for those that are none of these."""
        if not len(self.keys):
            return np.full(np.shape(keys), -1)
        at = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        return np.where(self.keys[at] == keys, at, -1)

    def beside(self, first: Tokens, second: Some = NONE) -> tuple[Tokens, Tokens]:
        """Where the pieces begin and end that have these tokens of the first sequence."""
        half = _half(first, second, self.bases[0])
        other = (self.bases[1] + 1) ** 2
        return np.searchsorted(self.keys, half * other), np.searchsorted(self.keys, (half + 1) * other)

    def key(self, x: tuple[Some, Some], y: tuple[Some, Some]) -> Tokens:
        """The key of each piece with these tokens, -1 for none."""
        first, second = (_half(*half, base) for half, base in zip((x, y), self.bases, strict=True))
        return _key(first, second, self.bases)


def cells(pairs: Sequence[Pair]) -> int:
    """Cells of the lattices of all pairs, to which time and memory are proportional."""
    return sum((len(x) + 1) * (len(y) + 1) for x, y in pairs)


def align(
    pairs: Sequence[Pair],
    bases: tuple[int, int],
    *,
    rounds: int = ROUNDS,
    report: Callable[[int, float], object] | None = None,
) -> tuple[Pieces, list[Tokens | None]]:
    """Learn how pairs are cut.

    Args:
        pairs: of whole numbers.
        bases: above all tokens of either sequence; :math:`(b_1 + 1)^2 (b_2 + 1)^2 < 2^{63}`.
        rounds: of expectation-maximisation.
        report: is called after each round with how many were made, and the mean of :math:`-\\log p(x, y)` before it.

    Returns:
        the pieces that the pairs are cut into, and of each pair the places of its pieces among them, in order; None of a pair
        that cannot be cut, as its second sequence is empty where the first is not, or too long, or the first is empty.

    >>> pairs = [([0, 1], [0]), ([1, 0], [0]), ([2, 1], [1, 2]), ([1], []), ([0], [0])]
    >>> pieces, cut = align([(np.array(x), np.array(y, int)) for x, y in pairs], (3, 3))
    >>> pieces.tokens[cut[2]].tolist()  # 1 is silent, 2 makes two sounds
    [[2, -1, 1, 2], [1, -1, -1, -1]]
    """
    alike = _Alike.gather(pairs)
    pieces = _every_piece(alike, pairs, bases)
    groups = [_Group.numbered(some, pieces.keys, pairs, bases) for some in alike]
    p = np.full(len(pieces.keys), 1 / max(len(pieces.keys), 1))
    several = sum(len(group.places) for group in groups)
    for k in range(rounds):
        counts = np.zeros(len(p))
        log_p = sum(group.expect(p, counts) for group in groups)
        p = counts / max(counts.sum(), 1.0)
        if report is not None and several:
            report(k + 1, -log_p / several)
    cut: list[Tokens | None] = [None] * len(pairs)
    for group in groups:
        for n, found in zip(group.places, group.best(p), strict=True):
            cut[n] = found
    used = np.unique(np.concatenate([np.empty(0, np.int64), *(each for each in cut if each is not None)]))
    place = np.full(len(p), -1)
    place[used] = np.arange(len(used))
    return Pieces.of(pieces.tokens[used], bases), [None if each is None else place[each] for each in cut]


class _Alike(NamedTuple):
    """Places of pairs of the same two lengths."""

    places: list[int]
    T: int
    U: int

    @classmethod
    def gather(cls, pairs: Sequence[Pair]) -> list[_Alike]:
        """All pairs that can be cut."""
        of: dict[tuple[int, int], list[int]] = {}
        for n, (x, y) in enumerate(pairs):
            if len(x) and len(y) <= 2 * len(x):
                of.setdefault((len(x), len(y)), []).append(n)
        groups: list[_Alike] = []
        for (T, U), places in sorted(of.items()):
            size = max(1, AT_ONCE // ((T + 1) * (U + 1)))
            groups += [cls(places[at : at + size], T, U) for at in range(0, len(places), size)]
        return groups

    def keys(self, pairs: Sequence[Pair], bases: tuple[int, int]) -> dict[tuple[int, int], Tokens]:
        """Of each size the keys of what pieces from each cell on would be, ``[T - a + 1, N, U - b + 1]``."""
        N = len(self.places)
        x = np.stack([pairs[n][0] for n in self.places], 1).astype(np.int64)  # [T, N]
        y = np.array([pairs[n][1] for n in self.places], np.int64).reshape(N, self.U)
        firsts = {1: _half(x, NONE, bases[0]), 2: _half(x[:-1], x[1:], bases[0])}
        seconds = {
            0: np.full((N, self.U + 1), _half(NONE, NONE, bases[1])),
            1: _half(y, NONE, bases[1]),
            2: _half(y[:, :-1], y[:, 1:], bases[1]),
        }
        return {
            (a, b): _key(firsts[a][:, :, None], seconds[b][None], bases)
            for a, b in SIZES
            if a <= self.T and b <= self.U
        }


class _Group(NamedTuple):
    """Pairs of the same two lengths, side by side."""

    places: list[int]
    T: int
    U: int
    pieces: Mapping[tuple[int, int], NDArray[np.int32]]
    """Of each size, the place of what a piece from a cell on would be, ``[T - a + 1, N, U - b + 1]``."""

    @classmethod
    def numbered(cls, some: _Alike, keys: Tokens, pairs: Sequence[Pair], bases: tuple[int, int]) -> _Group:
        """Pairs of the same lengths with the places of their pieces among ``keys``."""
        own = some.keys(pairs, bases)
        return cls(*some, {size: np.searchsorted(keys, each).astype(np.int32) for size, each in own.items()})

    def expect(self, p: Values, counts: Values) -> float:
        """Add to ``counts`` how often each piece is expected; the logarithm of the probability of all pairs."""
        likely = {size: p[piece] for size, piece in self.pieces.items()}
        ahead, scale = self._forward(likely)
        whole = ahead[self.T, :, self.U]
        beta = np.zeros_like(ahead)
        with np.errstate(divide="ignore"):
            beta[self.T, :, self.U] = np.where(whole > 0, 1 / whole, 0.0)
        for i in range(self.T - 1, -1, -1):
            for (a, b), own in likely.items():
                if i + a <= self.T:
                    step = own[i] * (beta[i + a, :, b:] / scale[i + 1 : i + a + 1].prod(0)[:, None])
                    width = self.U + 1 - b
                    np.add.at(counts, self.pieces[a, b][i], ahead[i, :, :width] * step)
                    beta[i, :, :width] += step
        possible = whole > 0
        return float(np.log(whole[possible]).sum() + np.log(scale[:, possible]).sum())

    def _forward(self, likely: Mapping[tuple[int, int], Values]) -> tuple[Values, Values]:
        """Sums ``[T + 1, N, U + 1]``, each row divided by what it and those before are scaled by, ``[T + 1, N]``."""
        N = len(self.places)
        ahead, scale = np.zeros((self.T + 1, N, self.U + 1)), np.ones((self.T + 1, N))
        ahead[0, :, 0] = 1
        for i in range(1, self.T + 1):
            for (a, b), own in likely.items():
                if i >= a:
                    before = ahead[i - a, :, : self.U + 1 - b] / scale[i - a + 1 : i].prod(0)[:, None]
                    ahead[i, :, b:] += before * own[i - a]
            top = ahead[i].max(1)
            scale[i] = np.where(top > 0, top, 1.0)
            ahead[i] /= scale[i][:, None]
        return ahead, scale

    def best(self, p: Values) -> list[Tokens | None]:
        """The places of the pieces of each pair's most probable cut."""
        N, sizes = len(self.places), list(self.pieces)
        with np.errstate(divide="ignore"):
            log_p = np.log(p)
        top, by = np.full((self.T + 1, N, self.U + 1), -np.inf), np.full((self.T + 1, N, self.U + 1), -1)
        top[0, :, 0] = 0
        for i in range(1, self.T + 1):
            for k, (a, b) in enumerate(sizes):
                if i >= a:
                    found = top[i - a, :, : self.U + 1 - b] + log_p[self.pieces[a, b][i - a]]
                    better = found > top[i, :, b:]
                    top[i, :, b:][better] = found[better]
                    by[i, :, b:][better] = k
        cuts: list[Tokens | None] = []
        for n in range(N):
            i, j, cut = self.T, self.U, list[int]()
            possible = bool(top[i, n, j] > -np.inf)
            while possible and i:
                a, b = sizes[by[i, n, j]]
                i, j = i - a, j - b
                cut.append(int(self.pieces[a, b][i, n, j]))
            cuts.append(np.array(cut[::-1], np.int64) if possible else None)
        return cuts


def _every_piece(groups: Sequence[_Alike], pairs: Sequence[Pair], bases: tuple[int, int]) -> Pieces:
    """All pieces that the groups could be cut into."""
    keys, pending, waiting = np.empty(0, np.int64), list[Tokens](), 0
    for n, group in enumerate(groups, 1):
        pending += [np.unique(own) for own in group.keys(pairs, bases).values()]
        waiting += sum(map(len, pending[-len(SIZES) :]))
        if waiting > max(4 * AT_ONCE, len(keys)) or n == len(groups):  # so that not all wait at once
            keys, pending, waiting = np.unique(np.concatenate([keys, *pending])), [], 0
    first, second = np.divmod(keys, (bases[1] + 1) ** 2)
    halves = [np.divmod(half, base + 1) for half, base in zip((first, second), bases, strict=True)]
    tokens = np.stack([each for half in halves for each in half], 1) - 1
    return Pieces(tokens, keys, bases)


def _half(first: Some, second: Some, base: int) -> Any:
    """One number for the tokens that a piece has of a sequence."""
    return (first + 1) * (base + 1) + second + 1


def _key(first: Any, second: Any, bases: tuple[int, int]) -> Tokens:
    return first * (bases[1] + 1) ** 2 + second
