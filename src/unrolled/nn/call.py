"""The checked sizes of one call of a layer: only what passed here may hand addresses to a kernel."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from unrolled.kernels.kernel import Kernel, get_kernel
from unrolled.kernels.layout import Layout
from unrolled.nn.errors import TensorError
from unrolled.nn.inputs import Inputs, Masks, Plan

__all__ = [
    "Call", "check_shape", "check_strided", "check_tensors", "get_layout", "holds_numbers", "is_tracing",
    "is_transformed",
]  # fmt: skip

_DTYPES = {torch.float32: "float32", torch.float64: "float64"}


class Call(NamedTuple):
    """Kernel and sizes of one call: ``T`` steps of ``B`` sequences, ``D`` directions of hidden size ``H``.

    ``M`` values of memory a unit, and ``P`` the size of ``h``, which is ``H`` unless it is projected.
    """

    kernel: Kernel
    directions: int
    steps: int
    batch: int
    inputs: int
    hidden: int
    size: int
    """``P``"""
    names: tuple[str, ...]
    """The parameters of a direction, in order."""
    batch_sizes: Tensor | None
    masks: Masks

    @property
    def outputs(self) -> tuple[int, int, int]:
        """Shape of ``y``."""
        return self.steps, self.batch, self.directions * self.size

    @property
    def states(self) -> list[tuple[int, int, int]]:
        """Shapes of the states: ``h`` of a cell that has it as one, and all values of the memory."""
        h = [(self.directions, self.batch, self.size)] if self.kernel.compiled.has_h else []
        return h + ([(self.directions, self.batch, self.memory)] if self.memory else [])

    @property
    def memory(self) -> int:
        """Numbers of a sequence's memory in one direction, ``M*H``."""
        return self.kernel.compiled.memory * self.hidden

    @property
    def cells(self) -> tuple[int, int, int]:
        """Shape of the memory of all steps."""
        return self.steps, self.batch, self.directions * self.memory

    @property
    def zones(self) -> tuple[bool, bool]:
        """Whether zoneout keeps a part of ``h`` and of the memory."""
        m = self.masks
        return m.keep_h is not None or m.zoneout_h > 0, m.keep_c is not None or m.zoneout_c > 0

    @property
    def own_tape(self) -> dict[str, tuple[int, int]]:
        """What one direction keeps for its backward pass, for ``R = T*B`` rows: name → shape."""
        kernel, R, H, P = self.kernel, self.steps * self.batch, self.hidden, self.size
        shapes: dict[str, tuple[int, int]] = {}
        if kernel.compiled.tape:
            shapes["gates"] = R, kernel.gates_row(H, tape=True)
        if kernel.compiled.projected:
            shapes["unprojected"] = R, H
        if self.masks.state is not None:
            shapes["masked"], shapes["masked0"] = (R, P), (self.batch, P)
        if self.zones[0]:
            shapes["new_h"] = R, P
        if self.zones[1]:
            shapes["new_c"] = R, H
        return shapes

    @property
    def tape(self) -> list[tuple[int, ...]]:
        """Shapes of what the backward pass needs beside ``y``: the memory of a cell that has one, of all steps, then
        each direction's own.
        """
        cells = [self.cells] if self.memory else []
        return [*cells, *list(self.own_tape.values()) * self.directions]


def check_tensors(plan: Plan, inputs: Inputs) -> Call:
    """Refuse what would make a kernel read or write beyond a tensor."""
    cell, directions, batch_sizes, masks = plan[:4]
    x, h0, c0, weights = inputs
    dtype = x.dtype
    if dtype not in _DTYPES:
        raise TensorError(f"the kernels compute in float32 and float64, got {dtype}: convert parameters and input")
    kernel = get_kernel(cell, _DTYPES[dtype])
    if directions not in (1, 2):
        raise TensorError(f"expected 1 or 2 directions, got {directions}")
    each, surplus = divmod(len(weights), directions)
    names = kernel.parameter_names.get(each)
    if names is None or surplus:
        counts = " or ".join(map(str, sorted(kernel.parameter_names)))
        raise TensorError(
            f"cell {cell} takes {counts} parameters a direction, got {len(weights)} for {directions} direction(s)"
        )
    T, B, I = x.shape
    square = kernel.meets_state and not kernel.compiled.projected
    H = weights[names.index("weight_hh")].shape[-1] if square else weights[0].shape[0] // kernel.compiled.input_gates
    P = weights[names.index("weight_hr")].shape[0] if kernel.compiled.projected else H
    shapes = kernel.parameter_shapes(I, H, P)
    for i, weight in enumerate(weights):
        name = names[i % each]
        if weight.shape != shapes[name] or weight.dtype != dtype:
            check_shape(name, weight, shapes[name], dtype)
    call = Call(kernel, directions, T, B, I, H, P, names, batch_sizes, masks)
    given = [state for state in (h0, c0) if state is not None]
    if given:
        if (h0 is not None, c0 is not None) != (kernel.compiled.has_h, call.memory > 0):
            expected = " and ".join(kernel.state_names)
            raise TensorError(f"cell {cell}: expected the initial states {expected}, or none")
        for name, state, shape in zip(kernel.state_names, given, call.states, strict=True):
            check_shape(name, state, shape, dtype)
    _check_masks(call, dtype)
    if batch_sizes is not None:
        check_shape("batch_sizes", batch_sizes, (T,), torch.int64)
    return call


def _check_masks(call: Call, dtype: torch.dtype) -> None:
    T, B, D, H, P = call.steps, call.batch, call.directions, call.hidden, call.size
    shapes = ((D, B, P), (T, B, D * H), (T, B, D * P), (T, B, D * H))
    for name, mask, shape in zip(Masks._fields, call.masks[:4], shapes, strict=False):
        if mask is None:
            continue
        if name in ("state", "keep_h") and not call.kernel.compiled.has_h:
            raise TensorError(f"cell {call.kernel.cell.name} has no state h: the mask {name} must be None")
        check_shape(f"mask {name}", mask, shape, dtype)
        if not mask.is_contiguous() or mask.is_neg():
            raise TensorError(f"mask {name} must be contiguous, without a pending minus sign")
    if call.zones[1] and call.kernel.compiled.memory != 1:
        raise TensorError(f"cell {call.kernel.cell.name} has no memory c that zoneout could keep")


def check_strided(name: str, tensor: Tensor) -> None:
    """Refuse a tensor that is no plain block of numbers."""
    if tensor.layout is not torch.strided:
        raise TensorError(f"{name} is {tensor.layout}: the kernels read plain tensors, convert it with .to_dense()")


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


def get_layout(call: Call) -> Layout:
    """How the rows lie; one object for the layers and passes of a training step."""
    if call.batch_sizes is None:
        return Layout.padded(call.steps, call.batch)
    return _packed_layout(call.batch_sizes.numpy().tobytes(), call.batch)


_PLAIN = (Tensor, torch.nn.Parameter)
# torch offers no public way to ask whether a mode is on
_dispatch_modes: Callable[[], int] = torch._C._len_torch_dispatch_stack  # pyright: ignore[reportPrivateUsage]


def holds_numbers(*tensors: Tensor | None) -> bool:
    """Whether the kernels may run at once, without the dispatcher and its 15 to 40 µs a call.

    Not while a program is traced, nor for tensors or modes that only record shapes or give operators other meanings.
    """
    if torch.compiler.is_compiling() or _dispatch_modes():
        return False
    for t in tensors:  # noqa: SIM110 - a generator would take longer than what it asks
        if t is not None and not (type(t) in _PLAIN and t.is_cpu):
            return False
    return True


is_tracing: Callable[[], bool] = torch.jit.is_tracing  # pyright: ignore[reportPrivateImportUsage]
"""Whether ``torch.jit.trace`` records the call."""

_forward_ad: Any = torch.autograd.forward_ad
_is_wrapped: Callable[[Tensor], bool] = torch._C._functorch.is_functorch_wrapped_tensor  # pyright: ignore
_is_batched: Callable[[Tensor], bool] = torch._C._functorch.is_legacy_batchedtensor  # pyright: ignore


def is_transformed(*tensors: Tensor | None) -> bool:
    """Whether torch.func, forward-mode differentiation or a batch of gradients (``is_grads_batched=True``) is at work.

    They follow torch's own operations only.
    """
    if torch.compiler.is_compiling():
        return False
    if _forward_ad._current_level >= 0:
        return True
    for t in tensors:  # noqa: SIM110
        if t is not None and (_is_wrapped(t) or _is_batched(t)):
            return True
    return False
