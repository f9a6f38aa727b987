r"""What is said of a sequence, by n-grams of pieces of both: a model of pairs that needs no network.

Pairs are cut into pieces (:mod:`unrolled.statistical.pair_alignment`), and n-grams (:mod:`unrolled.statistical.ngrams`) say
which piece follows which. The probability of a pair is the sum over the ways to cut it,

.. math::
    p(x, y) = \sum_{q_1 \dots q_K} p(\text{end} \mid q_{K-n+2} \dots q_K) \prod_{k=1}^{K} p(q_k \mid q_{k-n+1} \dots q_{k-1}),

of which the most probable ones are followed. A token whose piece was never seen is passed over, or said, by a piece that stands
for all such and whose probability is divided by the number of tokens that can be said.

Of pairs with the same order on both sides, as letters and sounds have it, this is as good as a network of which it knows
nothing, makes other errors, and takes seconds. Both together, by

.. math:: \log p_\text{network}(y \mid x) + \lambda \log p(x, y),

are better than either.

Sources: Bisani and Ney 2008, doi 10.1016/j.specom.2008.01.002; Novak, Minematsu and Hirose 2016, doi
10.1017/S1351324915000315; together with a network: Rao, Peng, Sak and Beaufays 2015, doi 10.1109/ICASSP.2015.7178767.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from unrolled.aliases import Values
from unrolled.errors import InputError
from unrolled.statistical.ngrams import BEFORE, NGrams, runs
from unrolled.statistical.pair_alignment import NONE, SIZES, Pair, Pieces, align

__all__ = ["WAYS", "JointNGrams"]

Tokens = NDArray[np.int64]
Rows = NDArray[np.intp]

WAYS = 16
"""To cut a given pair that are followed at once."""
AT_ONCE = 1 << 18  # ways that are gone on from side by side
CHOICES = 32
"""For a token, or two, of a source: the pieces that are tried, those that were seen after most others."""
LEAST = float(np.log(np.finfo(np.float64).tiny))
"""What a pair has that cannot be cut."""
UNSEEN = 0  # the piece that stands for all that were never seen; those that were are 1 to K, the end is K + 1


class JointNGrams:
    """A model of pairs of sequences of whole numbers.

    A pair's numbers have the same bits alone and beside others.

    Args:
        pieces: what pairs are cut into.
        ngrams: what follows what; its tokens are 0 for what was never seen, 1 to K for the pieces, and K + 1, the end.

    >>> pairs = [([0, 1, 1], [0, 1]), ([1, 1, 0], [1, 0]), ([0], [0]), ([1, 1], [1])]
    >>> model = JointNGrams.fit([(np.array(x), np.array(y)) for x, y in pairs * 5], (2, 2), order=3)
    >>> [found.tolist() for found in model.search([np.array([1, 1, 0, 0])], width=8, n_best=2)[0]]
    [[1, 0, 0], [0, 0]]
    """

    def __init__(self, pieces: Pieces, ngrams: NGrams) -> None:
        self.pieces, self.ngrams = pieces, ngrams
        self._said = int(pieces.bases[1])
        source = pieces.keys // (pieces.bases[1] + 1) ** 2
        self._frequent = np.lexsort((-ngrams.frequencies[1:-1], source))

    @classmethod
    def fit(
        cls,
        pairs: Sequence[Pair],
        bases: tuple[int, int],
        *,
        order: int,
        report: Callable[[int, float], object] | None = None,
    ) -> JointNGrams:
        """Learn from pairs.

        Args:
            pairs: of whole numbers.
            bases: above all tokens of either sequence.
            order: n.
            report: as :func:`unrolled.statistical.pair_alignment.align` calls it.

        Raises:
            InputError: no pair can be cut into pieces.
        """
        pieces, cut = align(pairs, bases, report=report)
        learned = [own + 1 for own in cut if own is not None]
        if not learned:
            raise InputError("no target has at most two tokens for each token of its source: expected one at least")
        K = len(pieces.keys)
        return cls(pieces, NGrams.counted(learned, tokens=K + 2, order=order, eos=K + 1))

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Pieces and n-grams by name, for a model file."""
        return {"pieces": self.pieces.tokens.astype(np.int32), **self.ngrams.arrays()}

    @staticmethod
    def shapes(pieces: int, ngrams: Sequence[int]) -> dict[str, tuple[tuple[int, ...], Any]]:
        """Shape and dtype of each of :meth:`arrays` of so many pieces, and so many n-grams of each order."""
        return {"pieces": ((pieces, 4), np.int32), **NGrams.shapes(ngrams)}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], bases: tuple[int, int]) -> JointNGrams:
        """The model with these :meth:`arrays`; others among them are not looked at.

        Raises:
            InputError: they are none of such a model.
        """
        tokens = arrays["pieces"].astype(np.int64)
        above = np.array([bases[0], bases[0], bases[1], bases[1]])
        a, b, c, d = tokens.T
        possible = ((tokens >= NONE) & (tokens < above)).all() and (a >= 0).all() and ((c >= 0) | (d < 0)).all()
        if not possible or ((b >= 0) & ((c < 0) | (d >= 0))).any():
            raise InputError(f"pieces hold what is no piece of tokens below {bases[0]} and {bases[1]}")
        pieces = Pieces.of(tokens, bases)
        if (np.diff(pieces.keys) <= 0).any():
            raise InputError("pieces are not in ascending order, each once")
        K = len(tokens)
        return cls(pieces, NGrams.from_arrays(arrays, tokens=K + 2, eos=K + 1))

    def log_p(self, sources: Sequence[Tokens], targets: Sequence[Tokens]) -> Values:
        """The logarithm of the probability of each pair, ``[N]``; that of the smallest number of one that cannot be cut."""
        T, U = (np.array([len(each) for each in side], np.int64) for side in (sources, targets))
        x, y = _padded(sources, 2), _padded(targets, 2)
        found = np.full(len(T), -np.inf)
        ways = _Ways.begin(len(T), self.ngrams.order)
        later: list[list[_Ways]] = [[ways]] + [[] for _ in range(int(T.max(initial=0)) + 1)]
        for i in range(int(T.max(initial=0)) + 1):
            ways = _Ways.together(later[i]).best(WAYS)
            ends = np.flatnonzero((T[ways.of] == i) & (U[ways.of] == ways.said))
            log_p = self._ends(ways, ends)
            np.logaddexp.at(found, ways.of[ends], log_p)
            for a, b in SIZES:
                rows = np.flatnonzero((T[ways.of] >= i + a) & (U[ways.of] >= ways.said + b))
                if not len(rows):
                    continue
                n, j = ways.of[rows], ways.said[rows]
                second = x[n, i + 1] if a == 2 else NONE
                read = y[n, j] if b else NONE, y[n, j + 1] if b == 2 else NONE
                piece = self.pieces.find(self.pieces.key((x[n, i], second), read)) + 1
                strange = piece == UNSEEN
                if a == 2 or b == 2:
                    rows, piece, strange = rows[~strange], piece[~strange], strange[~strange]
                log_p = self.ngrams.log_p(ways.before[rows], piece)
                log_p[strange] -= b * np.log(self._said)
                later[i + a].append(ways.gone_on(rows, piece, log_p, b))
            later[i] = []
        return np.maximum(found, LEAST)

    def search(self, sources: Sequence[Tokens], *, width: int, n_best: int) -> list[list[Tokens]]:
        """The targets of the most probable ways to go through each source, at most ``n_best`` different ones.

        Args:
            sources: at least one token each.
            width: ways that are followed at once.
        """
        size = max(1, AT_ONCE // (width * CHOICES))
        return [
            targets
            for at in range(0, len(sources), size)
            for targets in self._searched(sources[at : at + size], width, n_best)
        ]

    def _searched(self, sources: Sequence[Tokens], width: int, n_best: int) -> list[list[Tokens]]:
        T, x = np.array([len(each) for each in sources], np.int64), _padded(sources, 2)
        ways = _Ways.begin(len(T), self.ngrams.order)
        later: list[list[_Ways]] = [[ways]] + [[] for _ in range(int(T.max(initial=0)) + 1)]
        trace = _Trace([], [])
        ended: list[list[tuple[float, int]]] = [[] for _ in sources]
        for i in range(int(T.max(initial=0)) + 1):
            ways = trace.kept(_Ways.together(later[i]).best(width))
            later[i] = []
            ends = np.flatnonzero(T[ways.of] == i)
            for n, log_p, at in zip(ways.of[ends], self._ends(ways, ends), ways.at[ends], strict=True):
                ended[n].append((-float(log_p), int(at)))
            going = np.flatnonzero(T[ways.of] > i)
            if not len(going):
                continue
            n = ways.of[going]
            two = going[T[n] > i + 1]
            rows, piece = self._tried(going, *self.pieces.beside(x[n, i]))
            passed = np.setdiff1d(going, rows)
            after, pair = self._tried(two, *self.pieces.beside(x[ways.of[two], i], x[ways.of[two], i + 1]))
            for a, own, said in (
                (1, rows, piece),
                (1, passed, np.full(len(passed), UNSEEN)),
                (2, after, pair),
            ):
                later[i + a].append(ways.gone_on(own, said, self.ngrams.log_p(ways.before, said, own), 0))
        return [self._different(sorted(each), trace, n_best) for each in ended]

    def _tried(self, rows: Rows, first: Tokens, last: Tokens) -> tuple[Rows, Tokens]:
        """Rows, each as often as there are pieces between its places, as far as these are tried; and the pieces."""
        size = np.minimum(last - first, CHOICES)
        return np.repeat(rows, size), self._frequent[runs(first, size)] + 1

    def _different(self, ended: Sequence[tuple[float, int]], trace: _Trace, n_best: int) -> list[Tokens]:
        """The first targets that differ."""
        found: dict[bytes, Tokens] = {}
        for _, at in ended:
            target = self._target(trace.pieces(at))
            found.setdefault(target.tobytes(), target)
            if len(found) == n_best:
                break
        return list(found.values())

    def _target(self, pieces: Sequence[int]) -> Tokens:
        said = self.pieces.tokens[[piece - 1 for piece in pieces if piece != UNSEEN], 2:].ravel()
        return said[said >= 0]

    def _ends(self, ways: _Ways, rows: Rows) -> Values:
        """Log-probabilities of ways that end here."""
        eos = np.full(len(rows), self.ngrams.tokens - 1)
        return ways.log_p[rows] + self.ngrams.log_p(ways.before[rows], eos)


class _Ways(NamedTuple):
    """Ways to cut the beginning of pairs, or of sources; those of one stand in the order in which they were found."""

    of: Rows  # which pair
    said: Tokens  # tokens of its target
    before: Tokens  # the last pieces, [R, n - 1]
    log_p: Values
    at: Tokens  # place in the trace
    piece: Tokens  # the last one

    @classmethod
    def begin(cls, count: int, order: int) -> _Ways:
        """Of so many pairs nothing yet."""
        nothing = np.zeros(count, np.int64)
        return cls(
            np.arange(count), nothing, np.full((count, order - 1), BEFORE), np.zeros(count), nothing - 1, nothing
        )

    @classmethod
    def together(cls, several: Sequence[_Ways]) -> _Ways:
        """All of several."""
        return cls(*map(np.concatenate, zip(*several, strict=True))) if several else cls.begin(0, 1)

    def best(self, width: int) -> _Ways:
        """The most probable ones of each pair."""
        order = np.lexsort((-self.log_p, self.of))
        of = self.of[order]
        new = np.flatnonzero(np.diff(of, prepend=-1))
        rank = np.arange(len(of)) - np.repeat(new, np.diff(new, append=len(of)))
        return self.some(order[rank < width])

    def some(self, rows: Rows) -> _Ways:
        """Those in these rows."""
        return _Ways(
            self.of[rows], self.said[rows], self.before[rows], self.log_p[rows], self.at[rows], self.piece[rows]
        )

    def gone_on(self, rows: Rows, piece: Tokens, log_p: Values, said: int) -> _Ways:
        """Some ways with a piece more."""
        before = np.concatenate([self.before[rows], piece[:, None]], 1)[:, 1:]
        return _Ways(self.of[rows], self.said[rows] + said, before, self.log_p[rows] + log_p, self.at[rows], piece)


class _Trace(NamedTuple):
    """Of all ways that were kept the one before and the last piece."""

    parents: list[int]
    last: list[int]

    def kept(self, ways: _Ways) -> _Ways:
        """Remember ways, and where they are."""
        at = np.arange(len(self.parents), len(self.parents) + len(ways.of))
        self.parents.extend(ways.at.tolist())
        self.last.extend(ways.piece.tolist())
        return ways._replace(at=at)

    def pieces(self, at: int) -> list[int]:
        """Those that lead to a place; the first place of each is its beginning."""
        found: list[int] = []
        while self.parents[at] >= 0:
            found.append(self.last[at])
            at = self.parents[at]
        return found[::-1]


def _padded(sequences: Sequence[Tokens], more: int) -> Tokens:
    """Sequences side by side, and at least so many places after each."""
    padded = np.full((len(sequences), max(map(len, sequences), default=0) + more), NONE)
    for n, each in enumerate(sequences):
        padded[n, : len(each)] = each
    return padded
