r"""The best sequences of tags under a :class:`unrolled.runtime.decoding.crf.Crf`.

.. math::
    \delta[t]_k = e[t]_k + \max_j (\delta[t-1]_j + A_{jk}), \quad \delta[1] = a + e[1]

The best score is :math:`\max_k (\delta[T]_k + z_k)`, and its tags are found by going back along the maxima. For the n best
each tag keeps the n best ways to it.

Source: Viterbi 1967, *Error bounds for convolutional codes*; Forney 1973, *The Viterbi algorithm*; n best: Seshadri, Sundberg
1994, *List Viterbi decoding algorithms with applications*.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from unrolled.aliases import Floats, Integers, Values
from unrolled.errors import InputError
from unrolled.kernels.arrays import elementary
from unrolled.runtime.decoding.crf import Crf, check_possible, checked_batch

__all__ = ["Best", "KBest", "k_best", "viterbi"]

Paths = NDArray[np.int64]

LARGEST_BLOCK = 1 << 16  # scores of pairs of tags that are compared at once: they stay in the cache


class Best(NamedTuple):
    """Tags ``[T, B]``, -1 past the lengths, and their score ``[B]``."""

    paths: Paths
    scores: Values


class KBest(NamedTuple):
    """Tags ``[n, T, B]`` from the best to the n-th, their scores and probabilities ``[n, B]``.

    Where there are fewer than n sequences of tags the rest is -1, ``-inf`` and 0.
    """

    paths: Paths
    scores: Values
    probabilities: Values


def viterbi(crf: Crf, emissions: Floats, lengths: Integers) -> Best:
    """The best tags of each sequence; of equally good ones those with the lower last tag, then the lower one before it.

    Args:
        emissions: ``[T, B, K]`` of float32 or float64, anything past the lengths; ``-inf`` forbids a tag at a step.
        lengths: ``[B]``, from 1 to T.

    Raises:
        InputError: a shape or a length does not fit, an emission is NaN or +inf, or every sequence of tags is forbidden.

    >>> crf = Crf(np.array([[0.0, -9.0], [0.0, 0.0]]), np.zeros(2), np.zeros(2))  # tag 1 hardly ever follows tag 0
    >>> viterbi(crf, np.array([[[2.0, 1.0]], [[0.0, 3.0]]]), np.array([2])).paths.T.tolist()
    [[1, 1]]
    """
    e, inside, lengths = checked_batch(crf, emissions, lengths)
    T, B, _ = e.shape
    paths, scores = np.full((T, B), -1), np.empty(B)
    for rows in _blocks(lengths, len(crf.start)):
        steps = lengths[rows[0]]
        paths[:steps, rows], scores[rows] = _viterbi(crf, e[:steps, rows], inside[:steps, rows])
    check_possible(scores, lengths)
    return Best(np.where(inside, paths, -1), scores)


def k_best(crf: Crf, emissions: Floats, lengths: Integers, n: int) -> KBest:
    """The n best tags of each sequence with their probabilities; arguments and errors are those of :func:`viterbi`.

    >>> crf = Crf(np.zeros((2, 2)), np.zeros(2), np.zeros(2))
    >>> best = k_best(crf, np.log([[[3.0, 1.0]], [[1.0, 2.0]]]), np.array([2]), 2)
    >>> best.paths[:, :, 0].tolist(), best.probabilities[:, 0].round(6).tolist()
    ([[0, 1], [0, 0]], [0.5, 0.25])
    """
    if n < 1:
        raise InputError(f"n is {n}, expected at least 1")
    e, inside, lengths = checked_batch(crf, emissions, lengths)
    T, B, _ = e.shape
    paths, scores = np.full((n, T, B), -1), np.empty((n, B))
    for rows in _blocks(lengths, len(crf.start)):
        steps = lengths[rows[0]]
        paths[:, :steps, rows], scores[:, rows] = _k_best(crf, e[:steps, rows], inside[:steps, rows], n)
    check_possible(scores[0], lengths)
    probabilities = elementary("exp", scores - crf.total(crf.forward(e, inside))).astype(np.float64)
    return KBest(np.where(inside & (scores > -np.inf)[:, None], paths, -1), scores, probabilities)


def _blocks(lengths: Integers, K: int) -> Iterator[NDArray[np.intp]]:
    """Sequences of similar lengths, the longest first."""
    order, size = np.argsort(-lengths, kind="stable"), max(1, LARGEST_BLOCK // K**2)
    for at in range(0, len(order), size):
        yield order[at : at + size]


def _viterbi(crf: Crf, e: Values, inside: NDArray[np.bool_]) -> tuple[Paths, Values]:
    """The maxima are kept and the tags that led to them found again on the way back: two of K, not all of K²."""
    T, B, _ = e.shape
    delta = np.empty_like(e)
    delta[0] = crf.start + e[0]
    for t in range(1, T):
        best = (delta[t - 1][:, :, None] + crf.transitions).max(1)
        delta[t] = np.where(inside[t, :, None], best + e[t], delta[t - 1])
    last = delta[-1] + crf.end
    path = np.empty((T, B), np.int64)
    path[-1] = last.argmax(1)
    to = np.ascontiguousarray(crf.transitions.T)
    for t in range(T - 1, 0, -1):
        before = (delta[t - 1] + to[path[t]]).argmax(1)
        path[t - 1] = np.where(inside[t], before, path[t])
    return path, last.max(1)


def _k_best(crf: Crf, e: Values, inside: NDArray[np.bool_], n: int) -> tuple[Paths, Values]:
    """``delta [B, K, n + 1]``: the n best scores of each tag, and ``-inf`` after them."""
    T, B, K = e.shape
    delta = np.full((B, K, n + 1), -np.inf)
    delta[..., 0] = crf.start + e[0]
    came_from = np.empty((T, B, K, n), np.int32)
    for t in range(1, T):
        best, came_from[t] = _merge(delta, crf.transitions, n)
        best += e[t][..., None]
        delta[..., :n] = np.where(inside[t, :, None, None], best, delta[..., :n])
    last = (delta[..., :n] + crf.end[:, None]).reshape(B, K * n)
    place = np.argsort(-last, axis=1, kind="stable")[:, :n]  # j n + rank
    place = np.pad(place, ((0, 0), (0, max(0, n - K * n))))
    row = np.arange(B)[:, None]
    paths = np.empty((T, B, n), np.int64)
    scores = last[row, place]
    for t in range(T - 1, 0, -1):
        paths[t] = place // n
        place = np.where(inside[t][:, None], came_from[t][row, paths[t], place % n], place)
    paths[0] = place // n
    return paths.transpose(2, 0, 1), scores.T


def _merge(delta: Values, transitions: Values, n: int) -> tuple[Values, NDArray[np.int32]]:
    """The n best of all ways to each tag, ``[B, K, n]``, and where they come from, ``j n + rank``.

    The ways through one tag before are in order already, so only the first not yet taken of each are compared.
    """
    B, K, _ = delta.shape
    heads = delta[:, None, :, 0] + transitions.T  # [B, to, from]
    rank = np.zeros(heads.shape, np.int32)
    row, to = np.ogrid[:B, :K]
    best, came_from = np.empty((B, K, n)), np.empty((B, K, n), np.int32)
    for r in range(n):
        j = heads.argmax(2)
        best[..., r] = heads[row, to, j]
        taken = rank[row, to, j]
        came_from[..., r] = j * n + np.minimum(taken, n - 1)
        rank[row, to, j] = np.minimum(taken + 1, n)
        heads[row, to, j] = delta[row, j, rank[row, to, j]] + transitions[j, to]
    return best, came_from
