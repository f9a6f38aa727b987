"""The checked sizes of one call of a layer: only what passed here may hand addresses to a kernel."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from unrolled.kernels.kernel import Kernel, get_kernel
from unrolled.kernels.layout import Layout
from unrolled.nn.errors import TensorError

__all__ = ["Call", "check_shape", "check_tensors", "get_layout", "holds_numbers", "is_tracing", "is_transformed"]

_DTYPES = {torch.float32: "float32", torch.float64: "float64"}


class Call(NamedTuple):
    """Kernel and sizes of one call: ``T`` steps of ``B`` sequences, ``D`` directions of hidden size ``H``."""

    kernel: Kernel
    directions: int
    steps: int
    batch: int
    hidden: int
    parameters: int
    """Parameters a direction: 4, or 2 without biases."""

    @property
    def outputs(self) -> tuple[int, int, int]:
        """Shape of ``y``."""
        return self.steps, self.batch, self.directions * self.hidden

    @property
    def state(self) -> tuple[int, int, int]:
        """Shape of a state."""
        return self.directions, self.batch, self.hidden

    @property
    def own_tape(self) -> list[tuple[int, int]]:
        """Shapes of what one direction keeps for its backward pass, for ``R = T*B`` rows.

        The activated gates, and what the reset gate acts on. The one gate of an RNN is its hidden state.
        """
        kernel, R, H = self.kernel, self.steps * self.batch, self.hidden
        shapes: list[tuple[int, int]] = []
        if kernel.keeps_gates:
            shapes.append((R, kernel.gates * H))
        if kernel.compiled.extra == "tape":
            shapes.append((R, H))
        return shapes

    @property
    def tape(self) -> list[tuple[int, ...]]:
        """Shapes of what the backward pass needs beside ``y``: the cell states of a cell that has them, like ``y``,
        then each direction's own.
        """
        cells = [self.outputs] if self.kernel.has_cell_state else []
        return [*cells, *self.own_tape * self.directions]


def check_tensors(
    cell: str, directions: int, batch_sizes: Tensor | None, x: Tensor, h0: Tensor | None, c0: Tensor | None,
    weights: Sequence[Tensor],
) -> Call:  # fmt: skip
    """Refuse what would make a kernel read or write beyond a tensor."""
    dtype = x.dtype
    if dtype not in _DTYPES:
        raise TensorError(f"the kernels compute in float32 and float64, got {dtype}: convert parameters and input")
    kernel = get_kernel(cell, _DTYPES[dtype])
    each, surplus = divmod(len(weights), directions) if directions in (1, 2) else (0, 0)
    if each not in (2, 4) or surplus:
        raise TensorError(f"expected 2 or 4 parameters for 1 or 2 directions, got {len(weights)} for {directions}")
    T, B, I = x.shape
    H = weights[1].shape[-1]
    GH = kernel.gates * H
    shapes = ((GH, I), (GH, H), (GH,), (GH,))
    for i, weight in enumerate(weights):
        if weight.shape != shapes[i % each] or weight.dtype != dtype:
            check_shape(kernel.cell.parameters[i % each].name, weight, shapes[i % each], dtype)
    call = Call(kernel, directions, T, B, H, each)
    if h0 is not None:
        check_shape("h0", h0, call.state, dtype)
    if c0 is not None:
        check_shape("c0", c0, call.state, dtype)
    if (c0 is not None) is not (kernel.has_cell_state and h0 is not None):
        raise TensorError(f"cell {cell}: expected the initial states {' and '.join(kernel.cell.states)}, or none")
    if batch_sizes is not None:
        check_shape("batch_sizes", batch_sizes, (T,), torch.int64)
    return call


def check_shape(name: str, tensor: Tensor, shape: tuple[int, ...], dtype: torch.dtype) -> None:
    """Refuse a tensor of another shape or dtype."""
    if tensor.shape != shape or tensor.dtype != dtype:
        raise TensorError(f"{name}: expected {dtype} {list(shape)}, got {tensor.dtype} {list(tensor.shape)}")


@lru_cache(maxsize=16)
def _packed_layout(batch_sizes: bytes, batch: int) -> Layout:
    sizes = np.frombuffer(batch_sizes, np.int64)
    if (np.diff(sizes, prepend=batch) > 0).any() or (sizes < 0).any():
        raise TensorError(f"batch_sizes must fall from at most {batch} to at least 0, got {sizes.tolist()}")
    return Layout(sizes, batch)


def get_layout(call: Call, batch_sizes: Tensor | None) -> Layout:
    """How the rows lie; one object for the layers and passes of a training step."""
    if batch_sizes is None:
        return Layout.padded(call.steps, call.batch)
    return _packed_layout(batch_sizes.numpy().tobytes(), call.batch)


_PLAIN = (Tensor, torch.nn.Parameter)
# torch offers no public way to ask whether a mode is on
_dispatch_modes: Callable[[], int] = torch._C._len_torch_dispatch_stack  # pyright: ignore[reportPrivateUsage]


def holds_numbers(*tensors: Tensor | None) -> bool:
    """Whether the kernels may run at once, without the dispatcher and its 15 to 40 µs a call.

    Not while a program is traced, nor for tensors or modes that only record shapes or give operators other meanings.
    """
    if torch.compiler.is_compiling() or _dispatch_modes():
        return False
    return all(t is None or (type(t) in _PLAIN and t.device.type == "cpu") for t in tensors)


is_tracing: Callable[[], bool] = torch.jit.is_tracing  # pyright: ignore[reportPrivateImportUsage]
"""Whether ``torch.jit.trace`` records the call."""

_forward_ad: Any = torch.autograd.forward_ad
_is_wrapped: Callable[[Tensor], bool] = torch._C._functorch.is_functorch_wrapped_tensor  # pyright: ignore


def is_transformed(*tensors: Tensor | None) -> bool:
    """Whether torch.func or forward-mode differentiation is at work, which follow torch's own operations only."""
    if torch.compiler.is_compiling():
        return False
    if _forward_ad._current_level >= 0:
        return True
    return any(t is not None and _is_wrapped(t) for t in tensors)
