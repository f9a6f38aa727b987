"""Batches of sequences of unequal lengths: from padded rows to living rows first, and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from unrolled.errors import InputError
from unrolled.nn.call import is_tracing, is_transformed
from unrolled.nn.errors import ArgumentTypeError
from unrolled.nn.library import index_operator, sized
from unrolled.nn.memory import check_allocation

__all__ = ["Order", "as_lengths", "inverse", "order_rows", "rearrange"]


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


def _order_rows(lengths: Tensor, steps: Tensor, batch_first: bool) -> tuple[Tensor, ...]:
    given, T, B = lengths.numpy(), len(steps), len(lengths)
    check_allocation(8 * T * B * 5, "the indices of all steps")
    wrong = np.flatnonzero((given < 0) | (given > T))
    if wrong.size:
        raise InputError(f"lengths[{wrong[0]}] is {given[wrong[0]]}, expected 0 to {T} (the time steps of the input)")
    sequences = np.argsort(-given, kind="stable")
    alive = np.arange(T)[:, None] < given[sequences]
    padded = np.arange(T)[:, None] + sequences * T if batch_first else np.arange(T)[:, None] * B + sequences
    rows = np.concatenate((padded[alive], padded[~alive]))
    return tuple(map(torch.from_numpy, (rows, inverse(rows), alive.sum(1), sequences, inverse(sequences))))


def inverse(permutation: np.ndarray[Any, np.dtype[np.int64]]) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Where each number of a permutation stands in it."""
    places = np.empty_like(permutation)
    places[permutation] = np.arange(len(permutation))
    return places


def _order_shapes(lengths: Tensor, steps: Tensor, batch_first: bool) -> tuple[Tensor, ...]:
    T, B = steps.shape[0], lengths.shape[0]
    return tuple(lengths.new_empty(n) for n in (T * B, T * B, T, B, B))


_ORDER_ROWS = index_operator(
    "order_rows(Tensor lengths, Tensor steps, bool batch_first) -> (Tensor, Tensor, Tensor, Tensor, Tensor)",
    _order_rows, _order_shapes,
)  # fmt: skip


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
    return Order(*_ORDER_ROWS(lengths, sized(steps), batch_first))


class _Rearrange(torch.autograd.Function):
    # index_select's own backward adds rows into zeros one by one; a permutation's gradient is its inverse

    @staticmethod
    def forward(ctx: Any, x: Tensor, dim: int, index: Tensor, places: Tensor) -> Tensor:
        ctx.save_for_backward(index, places)
        ctx.dim = dim
        return x.index_select(dim, index)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor, None, None, None]:
        index, places = ctx.saved_tensors
        return rearrange(grad_outputs[0], ctx.dim, places, index), None, None, None


def rearrange(x: Tensor, dim: int, index: Tensor, places: Tensor) -> Tensor:
    """``x`` permuted along ``dim`` by ``index``, whose inverse is ``places``, differentiable."""
    if is_tracing() or is_transformed(x):  # neither follows functions of Python
        return x.index_select(dim, index)
    return _Rearrange.apply(x, dim, index, places)  # type: ignore[no-any-return]
