"""Batches of sequences of unequal lengths: from padded rows to living rows first, and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from unrolled.errors import InputError
from unrolled.nn.arrangement import Arrangement, Origin
from unrolled.nn.call import is_tracing, is_transformed
from unrolled.nn.errors import ArgumentTypeError
from unrolled.nn.library import index_operator, sized
from unrolled.nn.memory import check_allocation

__all__ = ["Ordered", "as_lengths", "inverse", "rearrange", "refuse_lengths"]


def refuse_lengths(lengths: np.ndarray[Any, np.dtype[np.int64]], steps: int) -> None:
    """Refuse lengths that are negative or exceed the steps of the input."""
    wrong = np.flatnonzero((lengths < 0) | (lengths > steps))
    if wrong.size:
        first = wrong[0]
        raise InputError(f"lengths[{first}] is {lengths[first]}, expected 0 to {steps} (the time steps of the input)")


def _order_rows(lengths: Tensor, steps: Tensor, batch_first: bool) -> tuple[Tensor, ...]:
    given, T, B = lengths.numpy(), len(steps), len(lengths)
    check_allocation(8 * T * B * 5, "the indices of all steps")
    refuse_lengths(given, T)
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


# of R = T*B padded rows: the padded row of each arranged one and the inverse, the sequences alive at each step, the
# sequence at each place of the batch and the inverse
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


class Ordered(Arrangement):
    """Padded sequences of unequal lengths: living rows before padding; ``draws`` says whether masks are drawn for them."""

    def __init__(self, input: Tensor, batch_first: bool, lengths: Tensor, *, draws: bool) -> None:
        B, T = input.shape[:2] if batch_first else (input.shape[1], input.shape[0])
        self._shape = input.shape[:2]
        self._rows, self._places, batch_sizes, self._sequences, self._batch_places = _ORDER_ROWS(
            lengths, sized(T), batch_first
        )
        origin = Origin(batch_sizes, order=self._sequences)
        if draws:
            rows = self._rows % T * B + self._rows // T if batch_first else self._rows
            origin = Origin(batch_sizes, rows, self._sequences, order=self._sequences)
        rows = rearrange(input.reshape(T * B, input.shape[2]), 0, self._rows, self._places)
        super().__init__(rows.view(T, B, input.shape[2]), B, origin)

    def start(self, states: tuple[Tensor, ...], default: Any) -> tuple[Tensor, ...]:
        """The longest sequences first."""
        return tuple(rearrange(state, 1, self._sequences, self._batch_places) for state in states)

    def output(self, steps: Tensor) -> Tensor:
        """Each row where it was padded; past a sequence's length they are zero."""
        rows = steps.view(-1, steps.shape[2])
        return rearrange(rows, 0, self._places, self._rows).view(*self._shape, steps.shape[2])

    def last(self, state: Tensor) -> Tensor:
        """In the order of the sequences."""
        return rearrange(state, 1, self._batch_places, self._sequences)


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
