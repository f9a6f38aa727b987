r"""Language models of n-grams, with interpolated modified Kneser-Ney smoothing.

.. math::
    p_k(w \mid h) = \frac{c(hw) - D_k(c(hw))}{\sum_v c(hv)} + \frac{\sum_v D_k(c(hv))}{\sum_v c(hv)}\, p_{k-1}(w \mid h'), \quad
    p_0(w) = 1 / V

where :math:`h` are the :math:`k - 1` tokens before :math:`w` and :math:`h'` all of them but the first; after an :math:`h` that
was never seen it is :math:`p_{k-1}`. In the highest order :math:`c` counts how often an n-gram was seen, in the lower ones
how many different tokens were seen before it: *Francisco* is frequent, but only after *San*. With :math:`n_i` n-grams of an
order that have a count of i, and :math:`Y = n_1 / (n_1 + 2 n_2)`, its discounts are

.. math::
    D_k(c) = c - (c + 1)\, Y\, \frac{n_{c+1}}{n_c}, \quad c = 1, 2, \quad D_k(c) = 3 - 4\, Y\, \frac{n_4}{n_3}, \quad c \ge 3,

or 1/2, 1 and 3/2 where there are too few n-grams for that.

Sources: Kneser and Ney 1995, *Improved backing-off for m-gram language modeling*; Chen and Goodman 1998, *An empirical study of
smoothing techniques for language modeling*, section 3; the discounts of few n-grams: Heafield et al. 2013, *Scalable modified
Kneser-Ney language model estimation*.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from unrolled.aliases import Integers, Values
from unrolled.errors import InputError

__all__ = ["BEFORE", "NGrams", "runs"]

BEFORE = -1
"""What stands before the first token of a sequence, as often as the order needs it."""

FEW = (0.5, 1.0, 1.5)

Tokens = NDArray[np.int64]


class NGrams:
    """A language model of whole numbers 0 to V-1.

    It is decoded as a network is: its state are the last ``order - 1`` tokens ``[N, order - 1]``, and the token that every
    sequence starts from is ``BEFORE``, -1. A row's numbers have the same bits alone and beside others.

    Args:
        tokens: V.
        counts: of each order from 1 on the n-grams that were seen, ``[M, k]`` in ascending order, and their counts ``[M]``, as
            :meth:`arrays` has them.
        eos: the token that ends a sequence, or None.

    Raises:
        InputError: the arrays are none of such a model.

    >>> model = NGrams.counted([[0, 1, 0, 1], [0, 1], [1]], tokens=3, order=2, eos=2)
    >>> log_p, state = model.advance(model.start(1), np.array([BEFORE]))
    >>> log_p, state = model.advance(state, np.array([0]))
    >>> np.exp(log_p).round(3).tolist()  # what follows 0
    [[0.183, 0.683, 0.133]]
    >>> round(model.perplexity([[0, 1], [1]]), 3)
    1.991
    """

    def __init__(self, tokens: int, counts: Sequence[tuple[Integers, Integers]], eos: int | None = None) -> None:
        _check_options(tokens, len(counts), eos)
        self.tokens, self.order, self.eos = tokens, len(counts), eos
        self._orders = [_Order.of(k, grams, seen, tokens) for k, (grams, seen) in enumerate(counts, 1)]

    @classmethod
    def counted(
        cls, sequences: Sequence[Sequence[int] | Integers], *, tokens: int, order: int, eos: int | None = None
    ) -> NGrams:
        """The model of what follows what in some sequences.

        Args:
            sequences: of tokens 0 to V-1, without ``eos``; an empty one counts as one that ends at once.
            tokens: V.
            order: n, at least 1.
            eos: the token that is put behind each sequence; None if they end anywhere, as parts of one long text do.

        Raises:
            InputError: an option or a token is out of its range, or there is nothing to count.
        """
        _check_options(tokens, order, eos)
        windows = np.concatenate(
            [_windows(y, order) for y in _checked(sequences, tokens, eos)] or [np.empty((0, order), np.int64)]
        )
        if not len(windows):
            raise InputError("there is no token to count: expected at least one sequence with some")
        counts = [_counted(windows, tokens)]
        while counts[0][0].shape[1] > 1:
            counts.insert(0, _counted(counts[0][0][:, 1:], tokens))
        return cls(tokens, counts, eos)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The n-grams and counts of each order by name, for a model file: ``ngrams_1 [M, 1]``, ``counts_1 [M]``, ..."""
        named: dict[str, NDArray[Any]] = {}
        for k, order in enumerate(self._orders, 1):
            named[f"ngrams_{k}"], named[f"counts_{k}"] = order.grams.astype(np.int32), order.counts
        return named

    @staticmethod
    def shapes(ngrams: Sequence[int]) -> dict[str, tuple[tuple[int, ...], Any]]:
        """Shape and dtype of each of :meth:`arrays` of so many n-grams of each order.

        >>> NGrams.shapes([3])
        {'ngrams_1': ((3, 1), <class 'numpy.int32'>), 'counts_1': ((3,), <class 'numpy.int64'>)}
        """
        named: dict[str, tuple[tuple[int, ...], Any]] = {}
        for k, count in enumerate(ngrams, 1):
            named[f"ngrams_{k}"], named[f"counts_{k}"] = ((count, k), np.int32), ((count,), np.int64)
        return named

    @property
    def sizes(self) -> list[int]:
        """How many n-grams of each order it has."""
        return [len(order.counts) for order in self._orders]

    @property
    def frequencies(self) -> Tokens:
        """How often each token is counted in the lowest order, ``[V]``."""
        lowest = self._orders[0]
        counts = np.zeros(self.tokens, np.int64)
        counts[lowest.grams[:, 0]] = lowest.counts
        return counts

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], *, tokens: int, eos: int | None = None) -> NGrams:
        """The model with these :meth:`arrays`; others among them are not looked at.

        Raises:
            InputError: they are none of such a model.
        """
        order = 0
        while f"ngrams_{order + 1}" in arrays and f"counts_{order + 1}" in arrays:
            order += 1
        return cls(tokens, [(arrays[f"ngrams_{k}"], arrays[f"counts_{k}"]) for k in range(1, order + 1)], eos)

    def start(self, rows: int) -> Tokens:
        """The state of rows before their first token."""
        return np.full((rows, self.order - 1), BEFORE)

    def advance(self, state: Tokens, tokens: Tokens) -> tuple[Values, Tokens]:
        """Log-probabilities ``[N, V]`` of the next token after ``tokens [N]``, and the state after these."""
        state = np.concatenate([state, tokens[:, None]], 1)[:, 1:]
        return self.following(state), state

    def select(self, state: Tokens, rows: NDArray[np.intp]) -> Tokens:
        """The state of some rows, in this order."""
        return state[rows]

    def following(self, contexts: Integers) -> Values:
        """Log-probabilities ``[N, V]`` of each token after ``contexts [N, order - 1]``, with ``BEFORE`` before a sequence.

        Raises:
            InputError: the contexts have another shape, or hold what is no token.
        """
        h = self._contexts(contexts)
        p = np.full((len(h), self.tokens), 1 / self.tokens)
        for k, order in enumerate(self._orders, 1):
            seen, context = order.find(h[:, self.order - k :])
            p[seen] *= order.left_over[context, None]
            first, size = order.starts[context], order.starts[context + 1] - order.starts[context]
            at = runs(first, size)
            p[np.repeat(seen, size), order.grams[at, -1]] += order.discounted[at]
        return np.log(p)

    def log_p(self, contexts: Integers, tokens: Integers, rows: Integers | None = None) -> Values:
        """Log-probabilities ``[M]`` of some tokens after some contexts, the same bits as in :meth:`following`.

        Args:
            contexts: ``[N, order - 1]``.
            tokens: ``[M]``.
            rows: after which of the contexts each token comes, ``[M]``; by default one after each.

        Raises:
            InputError: the shapes do not fit, or a token is none of the V.
        """
        h, w = self._contexts(contexts), np.asarray(tokens).astype(np.int64)
        n = np.arange(len(h)) if rows is None else np.asarray(rows)
        if w.shape != n.shape or w.ndim != 1 or ((w < 0) | (w >= self.tokens)).any():
            raise InputError(f"tokens: expected {len(n)} from 0 to {self.tokens - 1}, one a context")
        p = np.full(len(w), 1 / self.tokens)
        for k, order in enumerate(self._orders, 1):
            seen, context = order.find(h[:, self.order - k :])
            place = np.full(len(h), -1)
            place[seen] = context
            of = place[n]
            after = np.flatnonzero(of >= 0)
            p[after] *= order.left_over[of[after]]
            known, at = order.find_token(of[after], w[after])
            p[after[known]] += order.discounted[at]
        return np.log(p)

    def perplexity(self, sequences: Sequence[Sequence[int] | Integers]) -> float:
        r"""How many tokens, all equally probable, would be as hard to guess as those of some sequences and the ends of these.

        .. math:: \exp\Big(-\frac 1 N \sum_{i=1}^{N} \log p(w_i \mid h_i)\Big)

        Raises:
            InputError: a token is out of its range, or there is none.
        """
        windows = [_windows(y, self.order) for y in _checked(sequences, self.tokens, self.eos)]
        total, count = 0.0, sum(map(len, windows))
        if not count:
            raise InputError("there is no token to guess: expected at least one sequence with some")
        for window in windows:
            total += float(self.log_p(window[:, :-1], window[:, -1]).sum())
        return float(np.exp(-total / count))

    def _contexts(self, contexts: Integers) -> Tokens:
        h = np.asarray(contexts)
        if h.ndim != 2 or h.shape[1] != self.order - 1 or (h.size and h.dtype.kind not in "iu"):
            raise InputError(
                f"contexts: expected whole numbers [N, {self.order - 1}], the tokens before, got {h.dtype} {list(h.shape)}"
            )
        if ((h < BEFORE) | (h >= self.tokens)).any():
            raise InputError(
                f"contexts hold what is no token: expected 0 to {self.tokens - 1}, or {BEFORE} before a sequence"
            )
        return h.astype(np.int64)


class _Order(NamedTuple):
    """The n-grams of one order, sorted, so that those with the same context stand side by side."""

    grams: Tokens  # [M, k]
    counts: Tokens  # [M]
    discounted: Values  # (c - D(c)) / sum c of the context, [M]
    left_over: Values  # sum D / sum c, of each context [C]
    starts: Tokens  # where the n-grams of each context start, and M, [C + 1]
    levels: tuple[Tokens, ...]  # of each place in an n-gram the pairs (number of what is before, token), as one number
    base: int

    @classmethod
    def of(cls, k: int, grams: Integers, counts: Integers, tokens: int) -> _Order:
        """Check the arrays and prepare their look-up."""
        grams, counts = _checked_counts(k, grams, counts, tokens)
        M, base = len(grams), tokens + 1
        before, levels, starts = np.zeros(M, np.int64), [], np.array([0, M])
        for place in range(k):
            key = before * base + grams[:, place] + 1
            new = np.diff(key, prepend=-1) != 0
            if (np.diff(key, prepend=-1) < 0).any() or (place == k - 1 and not new.all()):
                raise InputError(f"ngrams_{k} are not in ascending order, each once")
            if place == k - 2:
                starts = np.append(np.flatnonzero(new), M)
            levels.append(key[new])
            before = np.cumsum(new) - 1
        D = _discounts(counts)[np.minimum(counts, 3)]
        total = np.add.reduceat(counts, starts[:-1])
        left_over = np.add.reduceat(D, starts[:-1]) / total
        discounted = (counts - D) / np.repeat(total, np.diff(starts))
        return cls(grams, counts, discounted, left_over, starts, tuple(levels), base)

    def find(self, h: Tokens) -> tuple[NDArray[np.intp], Tokens]:
        """Rows of ``h [N, k - 1]`` that were seen as contexts, and their numbers."""
        rows, number = np.arange(len(h)), np.zeros(len(h), np.int64)
        for place, keys in enumerate(self.levels[:-1]):
            known, number = _look_up(keys, number * self.base + h[rows, place] + 1)
            rows, number = rows[known], number
        return rows, number

    def find_token(self, context: Tokens, tokens: Tokens) -> tuple[NDArray[np.intp], Tokens]:
        """Which of these tokens were seen after their contexts, and the numbers of these n-grams."""
        return _look_up(self.levels[-1], context * self.base + tokens + 1)


def runs(first: Tokens, size: Tokens) -> Tokens:
    """The places ``first[k], first[k] + 1, ...``, as many as ``size[k]``, one run after the other.

    >>> runs(np.array([5, 0]), np.array([2, 3])).tolist()
    [5, 6, 0, 1, 2]
    """
    return np.arange(size.sum()) + np.repeat(first - np.cumsum(size) + size, size)


def _look_up(keys: Tokens, wanted: Tokens) -> tuple[NDArray[np.intp], Tokens]:
    """Which of some numbers are among sorted keys, and at what places."""
    at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    known = np.flatnonzero(keys[at] == wanted)
    return known, at[known]


def _discounts(counts: Tokens) -> Values:
    """What is taken off a count of 0, 1, 2, and 3 or more."""
    n = np.bincount(np.minimum(counts, 5), minlength=5)[:5].astype(np.float64)
    if n[1:].all():
        c = np.arange(1, 4)
        D = c - (c + 1) * n[1] / (n[1] + 2 * n[2]) * n[2:5] / n[1:4]
        if (D >= 0).all():
            return np.append(0.0, D)
    return np.array([0.0, *FEW])


def _counted(grams: Tokens, tokens: int) -> tuple[Tokens, Tokens]:
    """Different rows, in ascending order, and how often each is there."""
    number, keys = np.zeros(len(grams), np.int64), []
    for column in grams.T:
        key, number = np.unique(number * (tokens + 1) + column + 1, return_inverse=True)
        keys.append(key)
    counts = np.bincount(number)
    distinct, number = np.empty((len(counts), len(keys)), np.int64), np.arange(len(counts))
    for place in range(len(keys) - 1, -1, -1):
        number, following = np.divmod(keys[place][number], tokens + 1)
        distinct[:, place] = following - 1
    return distinct, counts


def _windows(y: Tokens, order: int) -> Tokens:
    """Each token and the ``order - 1`` before it, ``[T, order]``."""
    padded = np.concatenate([np.full(order - 1, BEFORE), y])
    return np.lib.stride_tricks.sliding_window_view(padded, order) if len(y) else np.empty((0, order), np.int64)


def _checked(sequences: Sequence[Sequence[int] | Integers], tokens: int, eos: int | None) -> list[Tokens]:
    """The sequences with their ends.

    Raises:
        InputError: one holds what is no token.
    """
    found: list[Tokens] = []
    for n, sequence in enumerate(sequences):
        y = np.asarray(sequence)
        if y.ndim != 1 or (y.size and y.dtype.kind not in "iu"):
            raise InputError(f"sequence {n}: expected whole numbers in one dimension, got {y.dtype} {list(y.shape)}")
        wrong = np.flatnonzero((y < 0) | (y >= tokens) | (y == (BEFORE if eos is None else eos)))
        if len(wrong):
            besides = "" if eos is None else f" other than {eos}, which ends a sequence"
            raise InputError(f"sequence {n}, position {wrong[0]}: {y[wrong[0]]}, expected 0 to {tokens - 1}{besides}")
        found.append(np.append(y.astype(np.int64), [] if eos is None else [eos]).astype(np.int64))
    return found


def _check_options(tokens: int, order: int, eos: int | None) -> None:
    """Raise an InputError if one is out of its range."""
    for name, value in {"tokens": tokens, "order": order}.items():
        if value < 1:
            raise InputError(f"{name} is {value!r}, expected a whole number of at least 1")
    if eos is not None and not 0 <= eos < tokens:
        raise InputError(f"eos is {eos}, expected one of the tokens, 0 to {tokens - 1}")


def _checked_counts(k: int, grams: Integers, counts: Integers, tokens: int) -> tuple[Tokens, Tokens]:
    """N-grams and their counts as int64.

    Raises:
        InputError: a shape, a token or a count cannot be one.
    """
    grams, counts = np.asarray(grams), np.asarray(counts)
    shapes = grams.ndim == 2 and grams.shape[1] == k and counts.shape == (len(grams),) and len(grams) > 0
    if not shapes or grams.dtype.kind not in "iu" or counts.dtype.kind not in "iu":
        raise InputError(
            f"ngrams_{k} and counts_{k} are {list(grams.shape)} and {list(counts.shape)}, expected whole numbers [M, {k}] and [M]"
        )
    if (grams < BEFORE).any() or (grams >= tokens).any() or (grams[:, -1] < 0).any():
        raise InputError(f"ngrams_{k} hold what is no token: expected 0 to {tokens - 1}, or {BEFORE} before a sequence")
    if (counts < 1).any() or (counts > 2**40).any():
        raise InputError(f"counts_{k} hold a count below 1 or beyond 2**40")
    return grams.astype(np.int64), counts.astype(np.int64)
