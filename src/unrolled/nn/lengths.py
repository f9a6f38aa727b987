"""Batches of sequences of unequal lengths: from padded rows to living rows first, and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from unrolled.errors import InputError
from unrolled.nn.errors import ArgumentTypeError
from unrolled.nn.library import LIBRARY
from unrolled.nn.memory import check_allocation

__all__ = ["Order", "as_lengths", "order_rows", "rearrange"]


class Order(NamedTuple):
    """How padded rows are arranged for the kernels: the longest sequences first, living rows before padding.

    ``R = T*B`` padded rows; each pair of index tensors is a permutation and its inverse.
    """

    rows: Tensor
    """``[R]`` the padded row of each arranged one."""
    places: Tensor
    """``[R]`` the arranged row of each padded one."""
    batch_sizes: Tensor
    """``[T]`` sequences alive at each step."""
    sequences: Tensor
    """``[B]`` the sequence at each place of the batch."""
    batch_places: Tensor
    """``[B]`` the place of each sequence."""


LIBRARY.define("order_rows(Tensor lengths, SymInt steps, bool batch_first) -> (Tensor, Tensor, Tensor, Tensor, Tensor)")


def _order_rows(lengths: Tensor, steps: int, batch_first: bool) -> tuple[Tensor, ...]:
    given, T, B = lengths.numpy(), steps, len(lengths)
    check_allocation(8 * T * B * 5, "the indices of all steps")
    wrong = np.flatnonzero((given < 0) | (given > T))
    if wrong.size:
        raise InputError(f"lengths[{wrong[0]}] is {given[wrong[0]]}, expected 0 to {T} (the time steps of the input)")
    sequences = np.argsort(-given, kind="stable")
    alive = np.arange(T)[:, None] < given[sequences]
    padded = np.arange(T)[:, None] + sequences * T if batch_first else np.arange(T)[:, None] * B + sequences
    rows = np.concatenate((padded[alive], padded[~alive]))
    return tuple(map(torch.from_numpy, (rows, _inverse(rows), alive.sum(1), sequences, _inverse(sequences))))


def _inverse(permutation: np.ndarray[Any, np.dtype[np.int64]]) -> np.ndarray[Any, np.dtype[np.int64]]:
    inverse = np.empty_like(permutation)
    inverse[permutation] = np.arange(len(permutation))
    return inverse


def _order_shapes(lengths: Tensor, steps: int, batch_first: bool) -> tuple[Tensor, ...]:
    B = lengths.shape[0]
    return tuple(lengths.new_empty(n) for n in (steps * B, steps * B, steps, B, B))


LIBRARY.impl("order_rows", _order_rows, "CPU")
torch.library.register_fake("unrolled::order_rows", _order_shapes, lib=LIBRARY)


def as_lengths(lengths: Sequence[int] | Tensor, batch: int) -> Tensor:
    """The lengths of ``batch`` sequences as int64 on the CPU."""
    given = lengths.cpu() if isinstance(lengths, Tensor) else torch.tensor(lengths, device="cpu")
    if given.numel() and (given.is_floating_point() or given.is_complex() or given.dtype == torch.bool):
        raise ArgumentTypeError(f"lengths must be whole numbers, got {given.dtype}")
    if given.shape != (batch,):
        raise InputError(f"lengths has shape {list(given.shape)}, expected [{batch}]: one length a sequence")
    return given.to(torch.int64)


def order_rows(lengths: Tensor, steps: int, batch_first: bool) -> Order:
    """How rows of ``steps`` steps are arranged; padded row ``t*B + b`` is step ``t`` of sequence ``b``, or ``b*T + t``.

    Raises
    ------
    InputError
        A length is negative or exceeds ``steps``.
    """
    return Order(*torch.ops.unrolled.order_rows.default(lengths, steps, batch_first))


class _Rearrange(torch.autograd.Function):
    # index_select's own backward adds rows into zeros one by one; a permutation's gradient is its inverse

    @staticmethod
    def forward(ctx: Any, x: Tensor, dim: int, index: Tensor, inverse: Tensor) -> Tensor:
        ctx.save_for_backward(index, inverse)
        ctx.dim = dim
        return x.index_select(dim, index)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor, None, None, None]:
        index, inverse = ctx.saved_tensors
        return rearrange(grad_outputs[0], ctx.dim, inverse, index), None, None, None


def rearrange(x: Tensor, dim: int, index: Tensor, inverse: Tensor) -> Tensor:
    """``x`` permuted along ``dim`` by ``index``, differentiable."""
    return _Rearrange.apply(x, dim, index, inverse)  # type: ignore[no-any-return]
