r"""A linear-chain conditional random field: scores of whole sequences of tags, and the probabilities that follow from
them.

.. math::
    s(y) &= a_{y[1]} + \sum_t e[t]_{y[t]} + \sum_{t>1} A_{y[t-1], y[t]} + z_{y[T]} \\
    p(y) &= e^{s(y)} / Z, \quad Z = \sum_y e^{s(y)}

with emissions :math:`e`, transitions :math:`A`, scores of the first tag :math:`a` and of the last :math:`z`; :math:`-\infty`
forbids. The sums over all :math:`K^T` sequences are computed step by step, in logarithms:

.. math::
    \alpha[t]_k &= e[t]_k + \log \textstyle\sum_j e^{\alpha[t-1]_j + A_{jk}}, \quad \alpha[1] = a + e[1] \\
    \beta[t]_j &= \log \textstyle\sum_k e^{A_{jk} + e[t+1]_k + \beta[t+1]_k}, \quad \beta[T] = z

Source: Lafferty, McCallum, Pereira 2001, *Conditional random fields*; Rabiner 1989, *A tutorial on hidden Markov models*,
for the recursions.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from unrolled.aliases import Floats, Integers, Values
from unrolled.codecs.tag_scheme import TagOrder
from unrolled.errors import InputError
from unrolled.kernels.admission import admitted, whole_numbers
from unrolled.kernels.arrays import PackedDense, elementary

__all__ = ["SMALLEST", "Crf", "check_possible", "checked_batch", "finite"]


SMALLEST = 1e-200  # sums below have lost terms to underflow; above, what is lost is below their last bit


@dataclass(frozen=True)
class Crf:
    """Transitions ``[K, K]`` (from, to), scores of the first tag ``[K]`` and of the last ``[K]``; ``-inf`` forbids.

    All results for a sequence have the same bits alone and in a batch.

    >>> crf = Crf(np.log([[3.0, 1.0], [1.0, 3.0]]), np.zeros(2), np.zeros(2))  # a tag likes to follow itself
    >>> emissions = np.zeros((2, 1, 2))  # [T, B, K]
    >>> np.exp(crf.log_partition(emissions, np.array([2]))).round(6).tolist()  # 3 + 1 + 1 + 3
    [8.0]
    """

    transitions: Values
    start: Values
    end: Values

    @classmethod
    def ordered(cls, transitions: Floats, start: Floats, end: Floats, order: TagOrder) -> Crf:
        """From finite scores, of which those that the order of tags forbids become ``-inf``."""
        return cls(
            np.where(order.follows, transitions, -np.inf).astype(np.float64),
            np.where(order.begins, start, -np.inf).astype(np.float64),
            np.where(order.ends, end, -np.inf).astype(np.float64),
        )

    def __post_init__(self) -> None:
        """Check the shapes.

        Raises:
            InputError: they are no arrays of floats, do not fit together, or a score is NaN or +inf.
        """
        for name in ("start", "end", "transitions"):
            object.__setattr__(self, name, admitted(name, getattr(self, name)).astype(np.float64, copy=False))
        K = self.start.size
        for name, shape in {"transitions": (K, K), "start": (K,), "end": (K,)}.items():
            values = getattr(self, name)
            if values.shape != shape or not K:
                raise InputError(f"{name} has shape {list(values.shape)}, expected {list(shape)} for {K} tags")
            if not (values < np.inf).all():
                raise InputError(f"{name} holds NaN or +inf: expected numbers, or -inf for what is forbidden")

    def log_partition(self, emissions: Floats, lengths: Integers) -> Values:
        """``log Z`` of each sequence ``[B]``; ``-inf`` where every sequence of tags is forbidden.

        Args:
            emissions: ``[T, B, K]`` of float32 or float64, anything past the lengths; ``-inf`` forbids a tag at a step.
            lengths: ``[B]``, from 1 to T.

        Raises:
            InputError: a shape or a length does not fit, or an emission is NaN or +inf.
        """
        e, inside, _ = checked_batch(self, emissions, lengths)
        return self.total(self.forward(e, inside))

    def marginals(self, emissions: Floats, lengths: Integers) -> Values:
        r"""Probability of each tag at each step, ``[T, B, K]``, zero past the lengths.

        .. math::
            p(y[t] = k) = e^{\alpha[t]_k + \beta[t]_k} / Z

        Raises:
            InputError: as :meth:`log_partition`, or every sequence of tags is forbidden.
        """
        e, inside, lengths = checked_batch(self, emissions, lengths)
        alpha = self.forward(e, inside)
        log_Z = self.total(alpha)
        check_possible(log_Z, lengths)
        log_p = alpha + self.backward(e, inside) - log_Z[:, None]
        return np.where(inside[..., None], elementary("exp", log_p), 0.0)

    def forward(self, e: Values, inside: NDArray[np.bool_]) -> Values:
        """``α [T, B, K]``; past its length a sequence keeps its last."""
        alpha = np.empty_like(e)
        for t in range(len(e)):
            now = e[t] + (self.start if t == 0 else self.onward(alpha[t - 1]))
            alpha[t] = now if t == 0 else np.where(inside[t, :, None], now, alpha[t - 1])
        return alpha

    def backward(self, e: Values, inside: NDArray[np.bool_]) -> Values:
        """``β [T, B, K]``; from a sequence's last step on it is ``z``."""
        beta = np.empty_like(e)
        beta[-1:] = self.end
        for t in range(len(e) - 2, -1, -1):
            beta[t] = np.where(inside[t + 1, :, None], self.back(e[t + 1] + beta[t + 1]), self.end)
        return beta

    def total(self, alpha: Values) -> Values:
        """``log Z [B]`` from ``α``."""
        return log_sum_exp(alpha[-1] + self.end)

    @cached_property
    def onward(self) -> LogProduct:
        """From ``α[t-1]`` to the sums over the tags before."""
        return LogProduct(self.transitions)

    @cached_property
    def back(self) -> LogProduct:
        """From ``e[t+1] + β[t+1]`` to the sums over the tags after."""
        return LogProduct(self.transitions.T)


class LogProduct:
    r"""``log(exp(v) exp(M))`` for rows ``v [N, J]`` and one matrix ``M [J, K]``, with one sum of exponentials per
    result.

    With :math:`m = \max_j v_j` and :math:`c_k = \max_j M_{jk}` it is

    .. math::
        m + c_k + \log \textstyle\sum_j e^{v_j - m}\, e^{M_{jk} - c_k},

    one matrix product. Where all terms of a sum are so small that it underflows, the row is computed again term by term,
    each less its sum's own maximum.
    """

    def __init__(self, M: Values) -> None:
        self.M = M
        self.shift = finite(M.max(0))
        self.factors = np.exp(M - self.shift)  # [J, K], at most 1
        self._product = PackedDense(np.ascontiguousarray(self.factors.T), None)

    def __call__(self, v: Values) -> Values:
        m = finite(v.max(1, initial=-np.inf))[:, None]
        total = self._product(elementary("exp", v - m))
        with np.errstate(divide="ignore"):
            result = m + self.shift + np.log(total)
        small = np.flatnonzero((total < SMALLEST).any(1))
        if len(small):
            result[small] = log_sum_exp(v[small, :, None] + self.M)
        return result


def log_sum_exp(terms: Values) -> Values:
    """``log Σ exp`` over the axis of ``terms [N, J, ...]`` after the first, in the order of that axis; ``-inf`` of nothing."""
    m = finite(terms.max(1, initial=-np.inf))
    e = elementary("exp", terms - m[:, None])
    total = np.add.accumulate(e, axis=1)[:, -1]
    with np.errstate(divide="ignore"):
        return m + np.log(total)


def finite(shift: Values) -> Values:
    """A maximum to be subtracted, or zero where it is ``-inf``."""
    return np.where(shift == -np.inf, 0.0, shift)


def checked_batch(
    crf: Crf, emissions: Floats, lengths: Integers
) -> tuple[Values, NDArray[np.bool_], NDArray[np.int64]]:
    """Emissions ``[T, B, K]`` of float64, zero past the lengths; which steps are inside, ``[T, B]``; the lengths.

    Raises:
        InputError: a shape or a length does not fit, or an emission is NaN or +inf.
    """
    K, given = len(crf.start), admitted("emissions", emissions)
    if given.ndim != 3 or given.shape[2] != K or not len(given):
        raise InputError(f"emissions have shape {list(given.shape)}, expected [T, B, {K}]: steps, sequences, tags")
    T, B, _ = given.shape
    steps = whole_numbers("lengths", lengths, B)
    wrong = np.flatnonzero((steps < 1) | (steps > T))
    if len(wrong):
        raise InputError(f"sequence {wrong[0]} has length {steps[wrong[0]]}, expected 1 to {T}")
    inside = np.arange(T)[:, None] < steps
    e = np.where(inside[..., None], given, 0.0).astype(np.float64)
    bad = np.argwhere(~(e < np.inf))
    if len(bad):
        t, n, k = bad[0]
        raise InputError(f"sequence {n}, step {t}: the score of tag {k} is {e[t, n, k]}, expected a number")
    return e, inside, steps


def check_possible(scores: Values, lengths: Integers) -> None:
    """Raise an InputError if some sequence has no tags that are allowed: its best score, or its ``log Z``, is ``-inf``."""
    impossible = np.flatnonzero(scores == -np.inf)
    if len(impossible):
        n = impossible[0]
        steps = "1 step" if lengths[n] == 1 else f"{lengths[n]} steps"
        raise InputError(f"sequence {n} of {steps}: the tags' order forbids every sequence of tags of this length")
