"""The last inputs of every step side by side, as a causal convolution sees them."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from unrolled.kernels.layout import Layout
from unrolled.nn.library import index_operator, sized

__all__ = ["recent_inputs"]


def _rows_before(sizes: Tensor, batch: Tensor) -> tuple[Tensor, Tensor]:
    layout, R = Layout(sizes.numpy(), len(batch)), len(sizes) * len(batch)
    before, ends = np.arange(R), layout.ends(reverse=False)
    before[: layout.rows] = layout.before(reverse=False)
    for places in (before[: layout.rows], ends):  # the initial ones follow all rows here, not the living ones
        places[places >= layout.rows] += R - layout.rows
    return torch.from_numpy(before), torch.from_numpy(ends)


_ROWS_BEFORE = index_operator(
    "rows_before(Tensor sizes, Tensor batch) -> (Tensor, Tensor)", _rows_before,
    lambda sizes, batch: (sizes.new_empty(sizes.shape[0] * batch.shape[0]), sizes.new_empty(batch.shape[0])),
)  # fmt: skip


def recent_inputs(x: Tensor, sizes: Tensor | None, first: Tensor, width: int) -> tuple[Tensor, Tensor]:
    """The last ``K = width`` inputs of every step, the oldest first.

    ``x [T, B, I]``; with ``sizes [T]`` its living rows come first. ``first [B, (K-1)*I]`` are the inputs before the first
    step. Returns ``[T, B, K*I]``, and the last ``K - 1`` inputs of each sequence, ``[B, (K-1)*I]``.

    >>> seen, last = recent_inputs(torch.tensor([[[1.0]], [[2.0]], [[3.0]]]), None, torch.tensor([[0.0]]), 2)
    >>> seen[:, 0].tolist(), last.tolist()
    ([[0.0, 1.0], [1.0, 2.0], [2.0, 3.0]], [[3.0]])
    """
    T, B, I = x.shape
    if width == 1:
        return x, first
    before, at_last_step = first.view(B, width - 1, I), (T - 1) * B
    order = None if sizes is None else _ROWS_BEFORE(sizes, sized(B))
    # the input of each row, of the step before it, of the one before that; so gradients are added up in the same order,
    # and are the same bits, whether a sequence stands alone or among others
    chain: list[Tensor] = [x.flatten(0, 1)]
    last: list[Tensor] = []
    for back in range(1, width):
        initial, rows = before[:, width - 1 - back], chain[-1]
        if order is None:
            chain.append(torch.cat((initial, rows[:at_last_step])))
            last.insert(0, rows[at_last_step:])
        else:
            both = torch.cat((rows, initial))
            chain.append(both.index_select(0, order[0]))
            last.insert(0, both.index_select(0, order[1]))
    return torch.cat(chain[::-1], 1).view(T, B, width * I), torch.cat(last, 1)
