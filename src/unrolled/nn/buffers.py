"""Memory that the kernels read and write beside inputs and outputs."""

from __future__ import annotations

import threading
from functools import lru_cache
from math import prod

import torch
from torch import Tensor

from unrolled.kernels.kernel import Kernel
from unrolled.nn.call import Call

__all__ = ["address", "first_states", "packed", "scratch"]

_KEPT_BYTES = 64 * 2**20

_kept = threading.local()


def scratch(x: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Uninitialised memory that nothing refers to after the operator has returned.

    Large pieces are the same memory in every call of a thread: fresh pages cost as much as the products they hold.
    """
    numbers = prod(shape)
    size = numbers * x.element_size()
    if not 2**20 <= size <= _KEPT_BYTES:
        return x.new_empty(shape)
    buffer: Tensor | None = getattr(_kept, "buffer", None)
    if buffer is None or buffer.numel() < size:
        buffer = _kept.buffer = x.new_empty(size, dtype=torch.uint8)
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


def packed(kernel: Kernel, weight_hh: Tensor, *, backward: bool) -> Tensor:
    """U arranged for a pass, anew in each call: a write to ``weight.data`` leaves no trace that would tell."""
    weight_hh, H = weight_hh.contiguous(), weight_hh.shape[1]
    arranged = weight_hh.new_empty(kernel.packed_size(H, backward=backward))
    kernel.pack(weight_hh.data_ptr(), H, arranged.data_ptr(), backward=backward)
    return arranged


def address(tensor: Tensor | None, element: int = 0) -> int:
    """Address of an element of a contiguous tensor; 0 where there is no tensor."""
    return 0 if tensor is None else tensor.data_ptr() + element * tensor.element_size()
