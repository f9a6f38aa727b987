"""Memory that the kernels read and write beside inputs and outputs."""

from __future__ import annotations

import math
import sys
import threading
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unrolled.kernels.kernel import Packed
from unrolled.nn.call import Call
from unrolled.nn.inputs import Inputs
from unrolled.nn.threads import kernel_threads

__all__ = [
    "Memory", "address", "first_states", "numbers", "pack", "pack_for_backward", "pack_input", "pack_projection", "plain",
    "recycled", "scratch", "vectors",
]  # fmt: skip

_Use = Literal["gates", "weights", "states", "cells", "vectors", "projection"]
# the most that is kept of each; products of large weights take so long that fresh pages do not count
_KEPT_BYTES: dict[_Use, int] = {
    "gates": 64 * 2**20, "weights": 16 * 2**20, "states": 2**20, "cells": 2**20,
    "vectors": 2**20, "projection": 2**20,
}  # fmt: skip

_LARGE = 2**24
"""Bytes of a tape from which on its memory is used again."""
_MOST_RECYCLED = 2**28
"""Bytes that stay with a thread for that."""

_kept = threading.local()


def recycled(like: Tensor, shape: Sequence[int]) -> Tensor:
    """An uninitialised tensor that lives until the backward pass, in memory that an earlier one has left if it is large.

    The system takes large pieces back at once and hands out fresh pages the next time, which costs up to a fifth of a step.
    """
    size = math.prod(shape) * like.element_size()
    if size < _LARGE:
        return like.new_empty(shape)
    pool: list[NDArray[np.uint8]] | None = getattr(_kept, "tapes", None)
    if pool is None:
        pool = _kept.tapes = []
    idle = [count == _IDLE for count in _references(pool)]
    fitting = [array for array, free in zip(pool, idle, strict=True) if free and size <= array.nbytes <= 2 * size]
    memory = min(fitting, key=lambda array: array.nbytes, default=None)
    if memory is None:
        pool[:] = [array for array, free in zip(pool, idle, strict=True) if not free]  # other sizes are asked for now
        memory = _allocate(size).owner.numpy()
        if size + sum(array.nbytes for array in pool) <= _MOST_RECYCLED:
            pool.append(memory)
    return torch.from_numpy(memory[:size]).view(like.dtype).view(shape)


def _references(pool: list[NDArray[np.uint8]]) -> list[int]:
    return [sys.getrefcount(array) for array in pool]


_IDLE = _references([np.empty(0, np.uint8)])[0]
"""References to memory that no tensor uses."""


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


@lru_cache(maxsize=8)
def _first_memory(shape: tuple[int, ...], values: tuple[float, ...], dtype: torch.dtype) -> Tensor:
    rows, units = shape[:-1], shape[-1] // len(values)
    return torch.tensor(values, dtype=dtype).repeat_interleave(units).expand(*rows, -1).contiguous()


def first_states(call: Call, inputs: Inputs) -> tuple[Tensor | None, Tensor | None]:
    """The initial states of a cell, to be read only; absent ones are what the cell starts from."""
    x, h0, c0, _ = inputs
    compiled, shapes = call.kernel.compiled, call.states
    if compiled.has_h:
        h0 = _zeros(shapes[0], x.dtype) if h0 is None else plain(h0)
    if call.memory:
        if c0 is not None:
            c0 = plain(c0)
        elif compiled.initial_memory:
            c0 = _first_memory(shapes[-1], compiled.initial_memory, x.dtype)
        else:
            c0 = _zeros(shapes[-1], x.dtype)
    return h0, c0


def plain(tensor: Tensor) -> Tensor:
    """The numbers of a tensor one after the other in memory, as the kernels read them: no strides, no pending minus sign."""
    return tensor.contiguous().resolve_neg()


def pack(call: Call, weights: Sequence[Tensor], *, fused: bool) -> tuple[Packed, Tensor]:
    """Weights of one direction arranged for the forward pass, anew in each call: a write to ``.data`` leaves no trace
    that would tell.

    Returns where they are, and the memory's owner.
    """
    kernel, H, P = call.kernel, call.hidden, call.size
    named = {name: plain(weight) for name, weight in zip(call.names, weights, strict=True)}
    memory = scratch("weights", kernel.packed_size(call.inputs, H, P), weights[0])
    addresses = {name: weight.data_ptr() for name, weight in named.items()}
    packed = kernel.pack(call.inputs, H, P, addresses, memory.address, fused=fused, threads=kernel_threads())
    if kernel.compiled.vectors:
        _copy_vectors(call, named, memory, packed.vectors)
    return packed, memory.owner


def vectors(call: Call, weights: Sequence[Tensor]) -> Memory:
    """The parameters of single units, one after the other."""
    memory = scratch("vectors", call.kernel.vector_numbers(call.hidden), weights[0])
    _copy_vectors(call, dict(zip(call.names, weights, strict=True)), memory, memory.address)
    return memory


def numbers(owner: Tensor, address: int, dtype: torch.dtype) -> Tensor:
    """The numbers in a piece of memory from an address on."""
    first, size = address - owner.data_ptr(), dtype.itemsize
    return owner[first : first + (len(owner) - first) // size * size].view(dtype)


def _copy_vectors(call: Call, named: Mapping[str, Tensor], memory: Memory, address: int) -> None:
    H, dtype = call.hidden, next(iter(named.values())).dtype
    at = (address - memory.address) // dtype.itemsize
    to = memory.owner[: len(memory.owner) // dtype.itemsize * dtype.itemsize].view(dtype)
    for name, columns in call.kernel.compiled.vectors:
        count = columns * H or 1
        if name in named:
            to[at : at + count] = named[name].reshape(-1)[:count]
        else:  # a bias that is left out
            to[at : at + count] = 0
        at += count


def pack_for_backward(call: Call, weight_hh: Tensor) -> Memory:
    """U arranged for the backward pass."""
    weight_hh = plain(weight_hh)
    U = scratch("weights", call.kernel.packed_backward_size(call.hidden, call.size), weight_hh)
    call.kernel.pack_backward(call.hidden, call.size, weight_hh.data_ptr(), U.address, kernel_threads())
    return U


def pack_projection(call: Call, weight_hr: Tensor) -> Memory:
    """The projection arranged for the backward pass."""
    weight_hr = plain(weight_hr)
    packed = scratch("projection", call.kernel.packed_projection_size(call.hidden, call.size), weight_hr)
    call.kernel.pack_projection(call.hidden, call.size, weight_hr.data_ptr(), packed.address, kernel_threads())
    return packed


def pack_input(call: Call, weight_ih: Tensor) -> Memory:
    """W arranged for the gradient of the input."""
    weight_ih = plain(weight_ih)
    W = scratch("weights", call.kernel.packed_input_size(call.inputs, call.hidden), weight_ih)
    call.kernel.pack_input(call.inputs, call.hidden, weight_ih.data_ptr(), W.address, kernel_threads())
    return W


def address(tensor: Tensor | None, element: int = 0) -> int:
    """Address of an element of a contiguous tensor; 0 where there is no tensor."""
    return 0 if tensor is None else tensor.data_ptr() + element * tensor.element_size()
