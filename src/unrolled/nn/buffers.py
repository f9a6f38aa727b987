"""Memory that the kernels read and write beside inputs and outputs."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import lru_cache
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from unrolled.kernels.kernel import Kernel, Packed
from unrolled.nn.call import Call

__all__ = ["address", "first_states", "pack", "pack_for_backward", "pack_input", "scratch"]

_Use = Literal["gates", "weights", "states"]
# the most that is kept of each; products of large weights take so long that fresh pages do not count
_KEPT_BYTES: dict[_Use, int] = {"gates": 64 * 2**20, "weights": 16 * 2**20, "states": 2**20}

_kept = threading.local()


class Memory(NamedTuple):
    """Uninitialised memory; it lasts as long as ``owner`` does."""

    address: int
    owner: Tensor


def scratch(use: _Use, numbers: int, like: Tensor) -> Memory:
    """Memory for numbers of a tensor's dtype that nothing refers to after the operator has returned.

    It is the same in every call of a thread, one piece for each use, up to some size: fresh pages cost as much as the
    products they hold. So a piece is no longer used when the next one is asked for.
    """
    size = numbers * like.element_size()
    kept: Memory | None = getattr(_kept, use, None)
    if kept is not None and len(kept.owner) >= size:
        return kept
    if size > _KEPT_BYTES[use]:
        return _allocate(size)
    kept = None
    setattr(_kept, use, None)  # the old one goes before the new one comes
    kept = _allocate(size)
    setattr(_kept, use, kept)
    return kept


def _allocate(size: int) -> Memory:
    owner = torch.empty(size, dtype=torch.uint8, device="cpu")
    return Memory(owner.data_ptr(), owner)


@lru_cache(maxsize=8)
def _zeros(shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    return torch.zeros(shape, dtype=dtype, device="cpu")


def first_states(call: Call, x: Tensor, h0: Tensor | None, c0: Tensor | None) -> tuple[Tensor, Tensor | None]:
    """The initial states, to be read only; absent ones are zero, the same memory for both."""
    h0 = _zeros(call.state, x.dtype) if h0 is None else h0.contiguous()
    if not call.kernel.has_cell_state:
        return h0, None
    return h0, h0 if c0 is None else c0.contiguous()


def pack(kernel: Kernel, weights: Sequence[Tensor], *, fused: bool) -> tuple[Packed, Tensor]:
    """Weights arranged for the forward pass, anew in each call: a write to ``.data`` leaves no trace that would tell.

    Returns where they are, and the memory's owner.
    """
    weights = [weight.contiguous() for weight in weights]
    inputs, H = weights[0].shape[1], weights[1].shape[1]
    memory = scratch("weights", kernel.packed_size(inputs, H), weights[1])
    addresses = [weight.data_ptr() for weight in weights]
    packed = kernel.pack(inputs, H, addresses, memory.address, fused=fused, threads=torch.get_num_threads())
    return packed, memory.owner


def pack_for_backward(kernel: Kernel, weight_hh: Tensor) -> Memory:
    """U arranged for the backward pass."""
    weight_hh, H = weight_hh.contiguous(), weight_hh.shape[1]
    U = scratch("weights", kernel.packed_backward_size(H), weight_hh)
    kernel.pack_backward(H, weight_hh.data_ptr(), U.address, torch.get_num_threads())
    return U


def pack_input(kernel: Kernel, weight_ih: Tensor) -> Memory:
    """W arranged for the gradient of the input."""
    weight_ih, (GH, I) = weight_ih.contiguous(), weight_ih.shape
    W = scratch("weights", kernel.packed_input_size(I, GH // kernel.gates), weight_ih)
    kernel.pack_input(I, GH // kernel.gates, weight_ih.data_ptr(), W.address, torch.get_num_threads())
    return W


def address(tensor: Tensor | None, element: int = 0) -> int:
    """Address of an element of a contiguous tensor; 0 where there is no tensor."""
    return 0 if tensor is None else tensor.data_ptr() + element * tensor.element_size()
