"""Memory that the kernels read and write beside inputs and outputs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import lru_cache
from math import prod
from typing import Literal

import torch
from torch import Tensor

from unrolled.kernels.kernel import Kernel, Packed
from unrolled.nn.call import Call

__all__ = ["address", "first_states", "pack", "pack_for_backward", "pack_input", "scratch", "work_space"]

# the most that is kept of each; products of large weights take so long that fresh pages do not count
_KEPT_BYTES = {"gates": 64 * 2**20, "weights": 16 * 2**20}

_kept = threading.local()


def scratch(use: Literal["gates", "weights"], x: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Uninitialised memory that nothing refers to after the operator has returned, one piece for each use.

    Large pieces are the same memory in every call of a thread: fresh pages cost as much as the products they hold. So
    a piece is no longer used when the next one is asked for.
    """
    numbers = prod(shape)
    size = numbers * x.element_size()
    if not 2**20 <= size <= _KEPT_BYTES[use]:
        return x.new_empty(shape)
    buffer: Tensor | None = getattr(_kept, use, None)
    if buffer is None or buffer.numel() < size:
        buffer = None
        setattr(_kept, use, None)  # the old one goes before the new one comes
        buffer = x.new_empty(size, dtype=torch.uint8)
        setattr(_kept, use, buffer)
    return buffer[:size].view(x.dtype).view(shape)


@lru_cache(maxsize=8)
def _zeros(shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    return torch.zeros(shape, dtype=dtype, device="cpu")


def first_states(call: Call, x: Tensor, h0: Tensor | None, c0: Tensor | None) -> tuple[Tensor, Tensor | None]:
    """The initial states, to be read only; absent ones are zero, the same memory for both."""
    h0 = _zeros(call.state, x.dtype) if h0 is None else h0.contiguous()
    if not call.kernel.has_cell_state:
        return h0, None
    return h0, h0 if c0 is None else c0.contiguous()


def pack(kernel: Kernel, weights: Sequence[Tensor], *, fused: bool) -> tuple[Tensor, Packed]:
    """Weights arranged for the forward pass, anew in each call: a write to ``.data`` leaves no trace that would tell.

    Returns the memory they are in, to be kept while they are used.
    """
    weights = [weight.contiguous() for weight in weights]
    inputs, H = weights[0].shape[1], weights[1].shape[1]
    memory = scratch("weights", weights[1], (kernel.packed_size(inputs, H),))
    addresses = [weight.data_ptr() for weight in weights]
    return memory, kernel.pack(inputs, H, addresses, memory.data_ptr(), fused=fused, threads=torch.get_num_threads())


def pack_for_backward(kernel: Kernel, weight_hh: Tensor) -> Tensor:
    """U arranged for the backward pass."""
    weight_hh, H = weight_hh.contiguous(), weight_hh.shape[1]
    U = scratch("weights", weight_hh, (kernel.packed_backward_size(H),))
    kernel.pack_backward(H, weight_hh.data_ptr(), U.data_ptr(), torch.get_num_threads())
    return U


def pack_input(kernel: Kernel, weight_ih: Tensor) -> Tensor:
    """W arranged for the gradient of the input."""
    weight_ih, (GH, I) = weight_ih.contiguous(), weight_ih.shape
    W = scratch("weights", weight_ih, (kernel.packed_input_size(I, GH // kernel.gates),))
    kernel.pack_input(I, GH // kernel.gates, weight_ih.data_ptr(), W.data_ptr(), torch.get_num_threads())
    return W


def work_space(x: Tensor) -> Callable[[int], tuple[Tensor, int]]:
    """What hands out memory for numbers of ``x``'s dtype, with its address, when no packed weights are in use."""

    def of(numbers: int) -> tuple[Tensor, int]:
        memory = scratch("weights", x, (numbers,))
        return memory, memory.data_ptr()

    return of


def address(tensor: Tensor | None, element: int = 0) -> int:
    """Address of an element of a contiguous tensor; 0 where there is no tensor."""
    return 0 if tensor is None else tensor.data_ptr() + element * tensor.element_size()
