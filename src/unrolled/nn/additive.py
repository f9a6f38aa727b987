r"""What additive attention compares, and its gradients: tanh is not kept for the gradients but computed once more.

With :math:`e_{unt} = v \cdot \tanh(q_{un} + k_{tn})` and the loss' gradient :math:`\delta e`, :math:`y` for the tanh,

.. math::
    \delta q_{un} = \sum_t \delta e_{unt}\, v (1 - y^2), \qquad
    \delta k_{tn} = \sum_u \delta e_{unt}\, v (1 - y^2), \qquad
    \delta v = \sum_{unt} \delta e_{unt}\, y

Memory is that of :math:`q`, :math:`k` and :math:`e`, where torch's own operations hold all :math:`y`, ``A`` times as much as
:math:`e`.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from unrolled.aliases import Integers
from unrolled.kernels import _native
from unrolled.nn.buffers import plain
from unrolled.nn.threads import kernel_threads

__all__ = ["additive"]


def additive(vector: Tensor, query: Tensor, keys: Tensor, lengths: Integers, rows: Integers | None = None) -> Tensor:
    """Scores ``[U, N, T]`` of ``query [U, N, A]`` and ``keys [T, B, A]``, as :func:`unrolled.kernels.additive.additive` has
    them; differentiable once.

    >>> import numpy as np
    >>> query, keys = torch.zeros(1, 1, 2), torch.tensor([[[9.0, 0.0]], [[9.0, -9.0]], [[9.0, 9.0]]])
    >>> additive(torch.tensor([1.0, 2.0]), query, keys, np.array([2])).round().tolist()
    [[[1.0, -1.0, 0.0]]]
    """
    if rows is not None:
        keys, lengths = keys[:, torch.as_tensor(rows)], lengths[rows]
    return _Additive.apply(vector, query, keys, torch.as_tensor(lengths))  # type: ignore[no-any-return]


class _Additive(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, vector: Tensor, query: Tensor, keys: Tensor, lengths: Tensor) -> Tensor:
        given = plain(vector), plain(query), plain(keys), lengths.to(torch.int64).contiguous()
        ctx.save_for_backward(*given)
        (U, N, _), T = query.shape, len(keys)
        scores = query.new_empty(U, N, T)
        _run(*given, scores)
        return scores

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:  # pyright: ignore[reportIncompatibleMethodOverride]
        vector, query, keys, lengths = ctx.saved_tensors
        grad_query, grad_keys = torch.empty_like(query), torch.empty_like(keys)
        each = query.new_empty(query.shape[1:])  # of the vector, a row a source
        _run(vector, query, keys, lengths, plain(grad_outputs[0]), grad_query, grad_keys, each)
        return each.sum(0), grad_query, grad_keys, None


def _run(vector: Tensor, query: Tensor, keys: Tensor, lengths: Tensor, scores: Tensor, *grads: Tensor) -> None:
    """Scores, or from their gradients those of query, keys and vector."""
    (U, N, A), (T, B, _) = query.shape, keys.shape
    to = dict(zip(("grad_query", "grad_keys", "grad_vector"), (grad.data_ptr() for grad in grads), strict=False))
    _native.additive(
        query.dtype == torch.float64, steps=U, count=N, sources=B, asked=T, size=A, lengths=lengths.data_ptr(), rows=0,
        query=query.data_ptr(), keys=keys.data_ptr(), vector=vector.data_ptr(), scores=scores.data_ptr(), **to,
        threads=kernel_threads(),
    )  # fmt: skip
