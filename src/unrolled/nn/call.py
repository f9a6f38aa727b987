"""The checked sizes of one call of a layer: only what passed here may hand addresses to a kernel."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from unrolled.kernels.kernel import Kernel, get_kernel
from unrolled.kernels.layer_passes import LayerPasses
from unrolled.kernels.layout import Layout
from unrolled.nn.errors import TensorError
from unrolled.nn.inputs import NO_MASKS, Inputs, Masks, Plan

__all__ = [
    "KEPT", "Call", "check_shape", "check_strided", "check_tensors", "holds_numbers", "is_plain", "is_tracing", "is_transformed",
]  # fmt: skip

KEPT = ("gates", "new_h", "new_c", "unprojected", "masked", "masked0")
"""What a direction keeps of a forward pass, in the order of the extension."""
_DTYPES = {torch.float32: "float32", torch.float64: "float64"}


@dataclass(frozen=True, eq=False)
class Sizes:
    """Kernel and sizes of calls that differ in their steps only: ``B`` sequences, ``D`` directions of hidden size ``H``.

    ``M`` values of memory a unit, and ``P`` the size of ``h``, which is ``H`` unless it is projected. What calls of these sizes
    have in common is found once.
    """

    kernel: Kernel
    directions: int
    batch: int
    inputs: int
    hidden: int
    size: int
    """``P``"""
    names: tuple[str, ...]
    """The parameters of a direction, in order."""
    shapes: tuple[tuple[int, ...], ...]
    """Those of all parameters."""

    @staticmethod
    def of(cell: str, dtype: torch.dtype, directions: int, x: torch.Size, weights: tuple[torch.Size, ...]) -> Sizes:
        """Of an input ``x [T, *x]`` and parameters of these shapes.

        Raises:
            TensorError: there is no such kernel, or it takes other parameters.
        """
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
        B, I = x
        square = kernel.meets_state and not kernel.compiled.projected
        H = weights[names.index("weight_hh")][-1] if square else weights[0][0] // kernel.compiled.input_gates
        P = weights[names.index("weight_hr")][0] if kernel.compiled.projected else H
        shapes = kernel.parameter_shapes(I, H, P)
        for i, shape in enumerate(weights):
            name = names[i % each]
            if shape != shapes[name]:
                raise TensorError(f"{name}: expected {dtype} {list(shapes[name])}, got {dtype} {list(shape)}")
        return Sizes(kernel, directions, B, I, H, P, names, tuple(shapes[name] for name in names) * directions)

    @cached_property
    def memory(self) -> int:
        """Numbers of a sequence's memory in one direction, ``M*H``."""
        return self.kernel.compiled.memory * self.hidden

    @cached_property
    def states(self) -> list[tuple[int, int, int]]:
        """Shapes of the states: ``h`` of a cell that has it as one, and all values of the memory."""
        h = [(self.directions, self.batch, self.size)] if self.kernel.compiled.has_h else []
        return h + ([(self.directions, self.batch, self.memory)] if self.memory else [])

    @cached_property
    def of_states(self) -> dict[str, tuple[int, int, int]]:
        """Shapes of the states by the kernel's names."""
        return dict(zip(self.kernel.state_names, self.states, strict=True))

    @cached_property
    def gates_rows(self) -> tuple[int, int]:
        """Numbers of a row of gates without and with a tape."""
        rows = self.kernel.gates_row
        return rows(self.hidden, tape=False), rows(self.hidden, tape=True)

    @cached_property
    def gradient_row(self) -> int:
        """Numbers of a row of gate gradients."""
        return len(self.kernel.compiled.gradient_columns) * self.hidden

    @cached_property
    def work(self) -> int:
        """Numbers of work space of both passes."""
        return self.batch * self.kernel.compiled.work * self.hidden

    @cached_property
    def passes(self) -> LayerPasses:
        """Both passes, bound once."""
        return LayerPasses(self.kernel, self.directions, self.inputs, self.hidden, self.size, self.names)


_known_sizes = lru_cache(maxsize=256)(Sizes.of)


@dataclass(frozen=True, eq=False)
class Call:
    """The checked sizes of one call of ``T`` steps.

    Calls of equal sizes without masks, of sequences of one length, are one object: what they have in common is found once.
    """

    sizes: Sizes
    steps: int
    batch_sizes: Tensor | None = None
    masks: Masks = NO_MASKS

    @cached_property
    def layout(self) -> Layout:
        """How the rows lie; one object for the layers and passes of a training step."""
        if self.batch_sizes is None:
            return Layout.padded(self.steps, self.sizes.batch)
        return _packed_layout(self.batch_sizes.numpy().tobytes(), self.sizes.batch)

    @cached_property
    def forward_bytes(self) -> tuple[int, int]:
        """What the states and gates of all steps take without and with a tape."""
        sizes = self.sizes
        rows, D = self.steps * sizes.batch * sizes.kernel.number_size, sizes.directions
        row, taped_row = sizes.gates_rows
        return rows * (D * sizes.size + row), rows * D * (2 * sizes.size + taped_row + sizes.memory)

    @cached_property
    def outputs(self) -> tuple[int, int, int]:
        """Shape of ``y``."""
        return self.steps, self.sizes.batch, self.sizes.directions * self.sizes.size

    @cached_property
    def cells(self) -> tuple[int, int, int]:
        """Shape of the memory of all steps."""
        return self.steps, self.sizes.batch, self.sizes.directions * self.sizes.memory

    @property
    def zones(self) -> tuple[bool, bool]:
        """Whether zoneout keeps a part of ``h`` and of the memory."""
        m = self.masks
        return m.keep_h is not None or m.zoneout_h > 0, m.keep_c is not None or m.zoneout_c > 0

    @cached_property
    def own_tape(self) -> dict[str, tuple[int, int]]:
        """What one direction keeps for its backward pass, for ``R = T*B`` rows: name → shape."""
        sizes = self.sizes
        compiled, R, H, P = sizes.kernel.compiled, self.steps * sizes.batch, sizes.hidden, sizes.size
        shapes: dict[str, tuple[int, int]] = {}
        if compiled.tape:
            shapes["gates"] = R, sizes.gates_rows[True]
        if compiled.projected:
            shapes["unprojected"] = R, H
        if self.masks is NO_MASKS:
            return shapes
        if self.masks.state is not None:
            shapes["masked"], shapes["masked0"] = (R, P), (sizes.batch, P)
        of_h, of_c = self.zones
        if of_h:
            shapes["new_h"] = R, P
        if of_c:
            shapes["new_c"] = R, H
        return shapes

    @cached_property
    def kept(self) -> list[list[int]]:
        """Of each direction where the tensors of :class:`Kept` of the extension lie among all that are kept; -1: nowhere."""
        names = list(self.own_tape)
        own = [names.index(name) if name in names else -1 for name in KEPT]
        return [[place if place < 0 else d * len(names) + place for place in own] for d in range(self.sizes.directions)]

    @cached_property
    def tape(self) -> list[tuple[int, ...]]:
        """Shapes of what the backward pass needs beside ``y``: the memory of a cell that has one, of all steps, then
        each direction's own.
        """
        cells = [self.cells] if self.sizes.memory else []
        return [*cells, *list(self.own_tape.values()) * self.sizes.directions]


@lru_cache(maxsize=256)
def _known_call(cell: str, dtype: torch.dtype, directions: int, x: torch.Size, weights: tuple[torch.Size, ...]) -> Call:
    return Call(_known_sizes(cell, dtype, directions, x[1:], weights), x[0])


def check_tensors(plan: Plan, inputs: Inputs, *, symbolic: bool = False) -> Call:
    """Refuse what would make a kernel read or write beyond a tensor; sizes that are ``symbolic`` are not remembered."""
    cell, directions, batch_sizes, masks = plan[:4]
    x, h0, c0, weights = inputs
    dtype, shape = x.dtype, x.shape
    shapes = tuple([weight.shape for weight in weights])
    if symbolic:
        call = Call(Sizes.of(cell, dtype, directions, shape[1:], shapes), shape[0])
    else:
        call = _known_call(cell, dtype, directions, shape, shapes)
    for i, weight in enumerate(weights):
        if weight.dtype is not dtype:
            sizes = call.sizes
            check_shape(sizes.names[i % len(sizes.names)], weight, sizes.shapes[i], dtype)
    if h0 is not None or c0 is not None:
        _check_states(call.sizes, h0, c0, dtype)
    if masks is NO_MASKS and batch_sizes is None:
        return call
    call = Call(call.sizes, call.steps, batch_sizes, masks)
    if masks is not NO_MASKS:
        _check_masks(call, dtype)
    if batch_sizes is not None:
        check_shape("batch_sizes", batch_sizes, (call.steps,), torch.int64)
    return call


def _check_states(sizes: Sizes, h0: Tensor | None, c0: Tensor | None, dtype: torch.dtype) -> None:
    kernel, given = sizes.kernel, [state for state in (h0, c0) if state is not None]
    if (h0 is not None, c0 is not None) != (kernel.compiled.has_h, sizes.memory > 0):
        expected = " and ".join(kernel.state_names)
        raise TensorError(f"cell {kernel.cell.name}: expected the initial states {expected}, or none")
    for name, state, expected in zip(kernel.state_names, given, sizes.states, strict=True):
        check_shape(name, state, expected, dtype)


def _check_masks(call: Call, dtype: torch.dtype) -> None:
    sizes, T = call.sizes, call.steps
    B, D, H, P, kernel = sizes.batch, sizes.directions, sizes.hidden, sizes.size, sizes.kernel
    shapes = ((D, B, P), (T, B, D * H), (T, B, D * P), (T, B, D * H))
    for name, mask, shape in zip(Masks._fields, call.masks[:4], shapes, strict=False):
        if mask is None:
            continue
        if name in ("state", "keep_h") and not kernel.compiled.has_h:
            raise TensorError(f"cell {kernel.cell.name} has no state h: the mask {name} must be None")
        check_shape(f"mask {name}", mask, shape, dtype)
        if not mask.is_contiguous() or mask.is_neg():
            raise TensorError(f"mask {name} must be contiguous, without a pending minus sign")
    if call.zones[1] and kernel.compiled.memory != 1:
        raise TensorError(f"cell {kernel.cell.name} has no memory c that zoneout could keep")


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


def is_plain(*tensors: Any) -> bool:
    """Whether these are tensors that :func:`holds_numbers`, and nothing but autograd follows what is done with them."""
    if torch.compiler.is_compiling() or _dispatch_modes() or is_tracing() or _forward_ad._current_level >= 0:
        return False
    for t in tensors:  # noqa: SIM110 - as above
        if type(t) not in _PLAIN or not t.is_cpu or _is_wrapped(t) or _is_batched(t):
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
