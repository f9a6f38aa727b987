"""The last inputs of every step side by side, as a causal convolution sees them."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from unrolled.kernels.layout import Layout

__all__ = ["windows"]


def windows(x: Tensor, sizes: Tensor | None, first: Tensor, width: int) -> tuple[Tensor, Tensor]:
    """The last ``K = width`` inputs of every step, the oldest first.

    ``x [T, B, I]``; with ``sizes [T]`` its living rows come first. ``first [B, (K-1)*I]`` are the inputs before the first
    step. Returns ``[T, B, K*I]``, and the last ``K - 1`` inputs of each sequence, ``[B, (K-1)*I]``.

    >>> seen, last = windows(torch.tensor([[[1.0]], [[2.0]], [[3.0]]]), None, torch.tensor([[0.0]]), 2)
    >>> seen[:, 0].tolist(), last.tolist()
    ([[0.0, 1.0], [1.0, 2.0], [2.0, 3.0]], [[3.0]])
    """
    T, B, I = x.shape
    if width == 1:
        return x, first
    before = first.view(B, width - 1, I)
    if sizes is None:
        padded = torch.cat((before.transpose(0, 1), x))
        return torch.cat([padded[k : k + T] for k in range(width)], 2), padded[T:].transpose(0, 1).reshape(B, -1)
    layout = Layout(sizes.numpy(), B)
    place = torch.from_numpy(layout.before(reverse=False))
    chain = [x.flatten(0, 1)[: layout.rows]]  # the input of each row, of the step before it, of the one before that
    for back in range(1, width):
        chain.append(torch.cat((chain[-1], before[:, width - 1 - back])).index_select(0, place))
    at_end = torch.from_numpy(layout.ends(reverse=False))
    last = [
        torch.cat((chain[back], before[:, width - 2 - back])).index_select(0, at_end)
        for back in range(width - 2, -1, -1)
    ]
    seen = torch.cat(chain[::-1], 1)
    return F.pad(seen, (0, 0, 0, T * B - len(seen))).view(T, B, -1), torch.cat(last, 1)
