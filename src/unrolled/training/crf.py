r"""The loss of a linear-chain CRF: how improbable the true tags are.

.. math::
    L = -\log p(y) = \log Z - s(y)

Its gradients are expectations under the model less what is true: with :math:`p[t]_k` the probability of tag k at step t,
and :math:`\xi[t]_{jk}` that of tag j before tag k,

.. math::
    \frac{\partial L}{\partial e[t]_k} = p[t]_k - [y[t] = k], \qquad
    \frac{\partial L}{\partial A_{jk}} = \sum_{t>1} \xi[t]_{jk} - [y[t-1] = j][y[t] = k]

Recursions and source: :mod:`unrolled.runtime.decoding.crf`, whose forward and backward passes these are.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unrolled.aliases import Values
from unrolled.codecs.tag_scheme import TagOrder
from unrolled.errors import InputError
from unrolled.runtime.decoding.crf import SMALLEST, Crf, checked_batch, finite

__all__ = ["crf_loss"]


def crf_loss(
    emissions: Tensor,
    tags: Tensor,
    lengths: Tensor,
    transitions: Tensor,
    start: Tensor,
    end: Tensor,
    order: TagOrder | None = None,
) -> Tensor:
    """``-log p(y)`` of each sequence, ``[B]``, computed in float64; differentiable once.

    Args:
        emissions: ``[T, B, K]`` of float32 or float64, anything past the lengths.
        tags: true tags ``[T, B]``, anything past the lengths.
        lengths: ``[B]``, from 1 to T.
        transitions, start, end: ``[K, K]`` (from, to), ``[K]``, ``[K]``.
        order: which tags may begin, follow and end; all may by default. What is forbidden gets no gradient.

    Raises:
        InputError: a shape, length or tag does not fit, or true tags are out of order.
        NotImplementedError: in a backward pass with ``create_graph=True``.

    >>> emissions = torch.zeros(2, 1, 3, requires_grad=True)
    >>> loss = crf_loss(emissions, torch.tensor([[0], [2]]), torch.tensor([2]), *map(torch.zeros, [(3, 3), 3, 3]))
    >>> loss.exp().item().__round__(4)  # one of 3 x 3
    9.0
    >>> loss.sum().backward()
    >>> [round(value, 4) for value in emissions.grad[0, 0].tolist()]
    [-0.6667, 0.3333, 0.3333]
    """
    result: Any = _NegativeLogLikelihood.apply(emissions, transitions, start, end, tags.numpy(), lengths.numpy(), order)
    return result


class _NegativeLogLikelihood(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        emissions: Tensor,
        transitions: Tensor,
        start: Tensor,
        end: Tensor,
        tags: NDArray[np.int64],
        lengths: NDArray[np.int64],
        order: TagOrder | None,
    ) -> Tensor:
        A, a, z = (parameter.detach().numpy().astype(np.float64) for parameter in (transitions, start, end))
        crf = Crf(A, a, z) if order is None else Crf.ordered(A, a, z, order)
        e, inside, lengths = checked_batch(crf, emissions.detach().numpy(), lengths)
        y = _checked_tags(crf, tags, inside)
        alpha = crf.forward(e, inside)
        score = _score(crf, e, inside, lengths, y)
        ctx.batch = crf, e, inside, lengths, y, alpha
        ctx.like = emissions, transitions, start, end
        return torch.from_numpy(crf.total(alpha) - score).to(emissions.dtype)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        if torch.is_grad_enabled():  # create_graph=True: these NumPy results would count as constants
            raise NotImplementedError("crf_loss has no second derivatives: leave out create_graph=True")
        crf, e, inside, lengths, y, alpha = ctx.batch
        B = e.shape[1]
        g = grad_outputs[0].numpy().astype(np.float64)
        beta, log_Z = crf.backward(e, inside), crf.total(alpha)
        p = np.where(inside[..., None], np.exp(alpha + beta - log_Z[:, None]), 0.0)
        de = g[:, None] * p
        t, b = np.nonzero(inside)
        de[t, b, y[t, b]] -= g[b]
        dA = _expected_transitions(crf, alpha, e + beta, p, log_Z, inside, g)
        t, b = np.nonzero(inside[1:])
        np.subtract.at(dA, (y[t, b], y[t + 1, b]), g[b])
        grads = de, dA, de[0].sum(0), de[lengths - 1, np.arange(B)].sum(0)
        return *(torch.from_numpy(d).to(like.dtype) for d, like in zip(grads, ctx.like, strict=True)), None, None, None


def _checked_tags(crf: Crf, tags: NDArray[np.int64], inside: NDArray[np.bool_]) -> NDArray[np.int64]:
    if tags.shape != inside.shape or tags.dtype.kind != "i":
        raise InputError(f"tags: expected whole numbers {list(inside.shape)}, got {tags.dtype} {list(tags.shape)}")
    K = len(crf.start)
    bad = np.argwhere(inside & ((tags < 0) | (tags >= K)))
    if len(bad):
        t, n = bad[0]
        raise InputError(f"sequence {n}, step {t}: tag {tags[t, n]}, expected 0 to {K - 1}")
    return np.where(inside, tags, 0)


def _score(crf: Crf, e: Values, inside: NDArray[np.bool_], lengths: NDArray[np.int64], y: NDArray[np.int64]) -> Values:
    """``s(y) [B]``."""
    B = e.shape[1]
    score = crf.start[y[0]] + crf.end[y[lengths - 1, np.arange(B)]]
    score += np.take_along_axis(e, y[..., None], 2)[..., 0].sum(0, where=inside)
    score += crf.transitions[y[:-1], y[1:]].sum(0, where=inside[1:])
    impossible = np.flatnonzero(score == -np.inf)
    if len(impossible):
        raise InputError(
            f"sequence {impossible[0]} of the batch: its tags are out of order, so that their loss is infinite"
        )
    return score


def _expected_transitions(
    crf: Crf, alpha: Values, after: Values, p: Values, log_Z: Values, inside: NDArray[np.bool_], g: Values
) -> Values:
    r""":math:`\sum_{t, b} g_b\, \xi[t, b]`, ``[K, K]``; ``after`` is ``e + β``.

    .. math::
        \xi[t]_{jk} = e^{\alpha[t-1]_j + A_{jk} + e[t]_k + \beta[t]_k} / Z
            = p[t]_k\, \frac{e^{\alpha[t-1]_j + A_{jk}}}{\sum_i e^{\alpha[t-1]_i + A_{ik}}}

    The second form is one product over all steps; the first serves where the sum in it underflows.
    """
    t, b = np.nonzero(inside[1:])
    before, p, g = alpha[t, b], p[t + 1, b], g[b]
    u = np.exp(before - finite(before.max(1, initial=-np.inf))[:, None])
    total: Values = u @ crf.onward.factors
    small = np.flatnonzero((total < SMALLEST).any(1))
    total[small] = 1.0
    share = g[:, None] * p / total
    share[small] = 0.0
    expected = crf.onward.factors * (u.T @ share)
    for n in small:
        log_xi = before[n][:, None] + crf.transitions + after[t[n] + 1, b[n]] - log_Z[b[n]]
        expected += g[n] * np.exp(log_xi)
    return expected
