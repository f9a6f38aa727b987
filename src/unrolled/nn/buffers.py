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

from unrolled.nn.call import KEPT, Call
from unrolled.nn.inputs import NO_MASKS, Inputs, Masks

__all__ = [
    "Memory", "address", "addresses", "first_states", "kept_addresses", "numbers", "plain", "recycled", "scratch",
]  # fmt: skip

_Use = Literal["gates", "weights", "states", "cells"]
_KEPT_BYTES: dict[_Use, int] = {
    "gates": 128 * 2**20, "weights": 64 * 2**20, "states": 2**20, "cells": 2**20,
}  # fmt: skip
"""The most that is kept of each."""

_LARGE = 2**24
"""Bytes of a tape from which on its memory is used again."""
_MOST_RECYCLED = 2**28
"""Bytes that stay with a thread for that."""


class _Kept(threading.local):
    """What a thread keeps."""

    gates: Memory | None = None
    weights: Memory | None = None
    states: Memory | None = None
    cells: Memory | None = None

    def __init__(self) -> None:
        self.tapes: list[NDArray[np.uint8]] = []


_kept = _Kept()


def recycled(like: Tensor, shape: Sequence[int]) -> Tensor:
    """An uninitialised tensor that lives until the backward pass, in memory that an earlier one has left if it is large.

    The system takes large pieces back at once and hands out fresh pages the next time, which costs up to a fifth of a step.
    """
    size = math.prod(shape) * like.element_size()
    if size < _LARGE:
        return like.new_empty(*shape)
    pool = _kept.tapes
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
    size: int
    """Bytes."""


def scratch(use: _Use, numbers: int, like: Tensor) -> Memory:
    """Memory for numbers of a tensor's dtype that nothing refers to after the operator has returned.

    It is the same in every call of a thread, one piece for each use, up to some size: fresh pages cost as much as the
    products they hold. So a piece is no longer used when the next one is asked for.
    """
    size = numbers * like.element_size()
    kept: Memory | None = getattr(_kept, use)
    if kept is not None and kept.size >= size:
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
    return Memory(owner.data_ptr(), owner, size)


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
    compiled, shapes = call.sizes.kernel.compiled, call.sizes.states
    if compiled.has_h:
        h0 = _zeros(shapes[0], x.dtype) if h0 is None else plain(h0)
    if call.sizes.memory:
        if c0 is not None:
            c0 = plain(c0)
        elif compiled.initial_memory:
            c0 = _first_memory(shapes[-1], compiled.initial_memory, x.dtype)
        else:
            c0 = _zeros(shapes[-1], x.dtype)
    return h0, c0


def plain(tensor: Tensor) -> Tensor:
    """The numbers of a tensor one after the other in memory, as the kernels read them: no strides, no pending minus sign."""
    tensor = tensor.contiguous()
    return tensor.resolve_neg() if tensor.is_neg() else tensor


def numbers(owner: Tensor, address: int, dtype: torch.dtype) -> Tensor:
    """The numbers in a piece of memory from an address on."""
    first, size = address - owner.data_ptr(), dtype.itemsize
    return owner[first : first + (len(owner) - first) // size * size].view(dtype)


def address(tensor: Tensor | None) -> int:
    """Where a contiguous tensor begins; 0 where there is none."""
    return 0 if tensor is None else tensor.data_ptr()


def addresses(masks: Masks) -> tuple[int, int, int, int, float, float]:
    """Masks as the extension takes them."""
    if masks is NO_MASKS:
        return 0, 0, 0, 0, 0.0, 0.0
    state, candidate, keep_h, keep_c, zoneout_h, zoneout_c = masks
    return address(state), address(candidate), address(keep_h), address(keep_c), zoneout_h, zoneout_c


def kept_addresses(kept: Mapping[str, Tensor], gates: int) -> tuple[int, ...]:
    """What a direction keeps of a forward pass as the extension takes it, with its gates at this address."""
    if len(kept) <= ("gates" in kept):
        return gates, 0, 0, 0, 0, 0
    return gates, *[address(kept.get(name)) for name in KEPT[1:]]
