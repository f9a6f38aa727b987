"""The kernels on NumPy arrays: forward and backward over one layer in one direction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unrolled.cells import Masks
from unrolled.errors import InputError
from unrolled.kernels import _native
from unrolled.kernels.gradients import GateGradients, Rows
from unrolled.kernels.kernel import BackwardCall, ForwardCall, Kernel, Packed, get_kernel
from unrolled.kernels.layout import Layout
from unrolled.kernels.threads import default_threads

__all__ = ["Floats", "Forward", "PackedDense", "PackedWeights", "backward", "elementary", "forward"]

Floats = NDArray[np.floating]

_DTYPES = ("float32", "float64")
_FUNCTIONS = ("exp", "sigmoid", "tanh")


def _contiguous(name: str, array: Floats, dtype: np.dtype[np.floating], shape: tuple[int, ...]) -> Floats:
    """The array itself or a contiguous copy, after its dtype and shape are checked."""
    if array.dtype != dtype:
        raise InputError(f"{name} has dtype {array.dtype}, but the weights have {dtype}: convert one of them")
    if array.shape != shape:
        raise InputError(f"{name} has shape {array.shape}, expected {shape}")
    return np.ascontiguousarray(array)


def _address(array: Floats | None) -> int:
    return 0 if array is None else array.ctypes.data


class PackedDense:
    """``W x + b`` for rows of ``x``; a row's result never depends on its neighbours, nor on the number of threads."""

    def __init__(self, weight: Floats, bias: Floats | None) -> None:
        if weight.ndim != 2 or weight.dtype.name not in _DTYPES:
            raise InputError(
                f"weight: expected [outputs, inputs] of float32 or float64, got {weight.dtype} {weight.shape}"
            )
        self.dtype = weight.dtype
        self.outputs, self.inputs = weight.shape
        self._wide = weight.dtype == np.float64
        weight = np.ascontiguousarray(weight)
        self._bias = None if bias is None else _contiguous("bias", bias, self.dtype, (self.outputs,))
        self._packed = np.empty(_native.packed_size(self._wide, 1, self.outputs, self.inputs), self.dtype)
        _native.pack(
            self._wide, _address(weight), 1, self.outputs, self.inputs, 0, self.inputs, 1, self.inputs, 0,
            _address(self._packed), default_threads(),
        )  # fmt: skip

    def __call__(self, x: Floats, *, threads: int | None = None) -> Floats:
        """Apply to rows ``[N, inputs]``; returns ``[N, outputs]``."""
        x = _contiguous("x", x, self.dtype, (len(x), self.inputs))
        out = np.empty((len(x), self.outputs), self.dtype)
        if out.size:
            _native.dense(
                self._wide, len(x), self.inputs, self.outputs, False, _address(self._packed), _address(self._bias),
                _address(x), self.inputs, _address(out), self.outputs, threads or default_threads(),
            )  # fmt: skip
        return out


class PackedWeights:
    """One direction of one layer, arranged for the kernels once.

    ``parameters`` has the cell's names and shapes (:meth:`unrolled.kernels.kernel.Kernel.parameter_shapes`).
    """

    def __init__(self, cell: str, parameters: Mapping[str, Floats]) -> None:
        if "weight_ih" not in parameters or parameters["weight_ih"].ndim != 2:
            raise InputError(f"cell {cell}: expected a matrix weight_ih among {sorted(parameters)}")
        W = parameters["weight_ih"]
        self.kernel: Kernel = get_kernel(cell, W.dtype.name)
        compiled = self.kernel.compiled
        self.dtype, self.inputs, self.hidden = W.dtype, W.shape[1], W.shape[0] // compiled.input_gates
        self.outputs = (
            parameters["weight_hr"].shape[0] if compiled.projected and "weight_hr" in parameters else self.hidden
        )
        shapes = self.kernel.parameter_shapes(self.inputs, self.hidden, self.outputs)
        if set(shapes) != set(parameters):
            raise InputError(f"cell {cell} has parameters {sorted(shapes)}, got {sorted(parameters)}")
        self.parameters = {
            name: _contiguous(name, parameters[name], self.dtype, shape) for name, shape in shapes.items()
        }
        self._buffer = np.empty(self.kernel.packed_size(self.inputs, self.hidden, self.outputs), self.dtype)
        self.fused = self.kernel.fuses(self.inputs, self.hidden)
        addresses = {name: _address(parameter) for name, parameter in self.parameters.items()}
        self.packed: Packed = self.kernel.pack(
            self.inputs, self.hidden, self.outputs, addresses, _address(self._buffer), fused=self.fused,
            threads=default_threads(),
        )  # fmt: skip
        if compiled.vectors:
            first = (self.packed.vectors - _address(self._buffer)) // self._buffer.itemsize
            pieces = [self.parameters[name].ravel()[: columns * self.hidden or 1] for name, columns in compiled.vectors]
            vectors = np.concatenate(pieces)
            self._buffer[first : first + vectors.size] = vectors

    def packed_for_backward(self) -> tuple[Floats, Floats, Floats]:
        """U, W and the projection arranged for the backward pass; empty where there is none."""
        kernel, I, H, P, threads = self.kernel, self.inputs, self.hidden, self.outputs, default_threads()
        U = np.empty(kernel.packed_backward_size(H, P), self.dtype)
        if U.size:
            kernel.pack_backward(H, P, _address(self.parameters["weight_hh"]), _address(U), threads)
        W = np.empty(kernel.packed_input_size(I, H), self.dtype)
        kernel.pack_input(I, H, _address(self.parameters["weight_ih"]), _address(W), threads)
        projection = np.empty(kernel.packed_projection_size(H, P) if kernel.compiled.projected else 0, self.dtype)
        if projection.size:
            kernel.pack_projection(H, P, _address(self.parameters["weight_hr"]), _address(projection), threads)
        return U, W, projection


@dataclass(frozen=True)
class Forward:
    """What a forward pass returns, and with ``tape`` what the backward pass reads; ``N`` packed rows, batch ``B``."""

    h: Floats
    """Hidden state of every step, ``[N, P]``."""
    last: tuple[Floats, ...]
    """Last states: ``h`` of a cell that has it as a state, ``[B, P]``, and the memory, ``[B, M*H]``, of one with a memory."""
    first: tuple[Floats, ...]
    """Initial states."""
    gates: Floats | None
    """With a tape what the cell keeps of each step, unless the only gate is the hidden state."""
    c: Floats | None
    """With a tape the memory of every step ``[N, M*H]``."""
    new: tuple[Floats | None, Floats | None]
    """With zoneout ``h`` and ``c`` before it."""
    unprojected: Floats | None
    """Of a projected cell, what the projection met."""
    masked: tuple[Floats, Floats] | None
    """With a state mask ``h`` and its initial state times it."""
    masks: Masks


def forward(
    weights: PackedWeights,
    x: Floats,
    states: tuple[Floats, ...] | None,
    layout: Layout,
    *,
    masks: Masks | None = None,
    reverse: bool = False,
    tape: bool = False,
    threads: int | None = None,
) -> Forward:
    """Run a layer in one direction over packed rows ``x [N, I]``; ``states`` start at zero if none are given.

    Raises
    ------
    InputError
        A shape or dtype does not fit; nothing has run then.
    """
    kernel, H, P, dtype = weights.kernel, weights.hidden, weights.outputs, weights.dtype
    compiled, masks = kernel.compiled, masks or Masks()
    N, B, M = layout.rows, layout.batch, compiled.memory
    x = _contiguous("x", x, dtype, (N, weights.inputs))
    widths = ([P] if compiled.has_h else []) + ([M * H] if M else [])
    if states is None:
        states = tuple(np.zeros((B, width), dtype) for width in widths)
        for value, initial in enumerate(compiled.initial_memory):
            states[-1][:, value * H : (value + 1) * H] = initial
    if len(states) != len(widths):
        raise InputError(f"cell {kernel.cell.name} takes {len(widths)} arrays of states, got {len(states)}")
    names = kernel.state_names
    first = tuple(_contiguous(name, s, dtype, (B, width)) for name, s, width in zip(names, states, widths, strict=True))
    threads = threads or default_threads()
    kept = {
        name: None if mask is None else _contiguous(name, mask, dtype, shape)
        for name, mask, shape in (
            ("state mask", masks.state, (B, P)), ("candidate mask", masks.candidate, (N, H)),
            ("keep_h", masks.keep_h, (N, P)), ("keep_c", masks.keep_c, (N, H)),
        )
    }  # fmt: skip

    row = kernel.gates_row(H, tape=tape)
    gates = np.empty((N, row), dtype) if (tape and compiled.tape) or not weights.fused else None
    h = np.empty((N, P), dtype)
    last = tuple(s.copy() for s in first)
    c = np.empty((N if tape else B, M * H), dtype) if M else None
    kept_rows = N if tape else B
    zoned_h, zoned_c = (
        mask is not None or share > 0 for mask, share in zip((masks.keep_h, masks.keep_c), masks.zoneout, strict=True)
    )
    new_h = np.empty((kept_rows, P), dtype) if zoned_h else None
    new_c = np.empty((kept_rows, H), dtype) if zoned_c else None
    unprojected = np.empty((kept_rows, H), dtype) if compiled.projected else None
    masked = None if masks.state is None else (np.empty((N, P), dtype), np.empty((B, P), dtype))
    work = np.empty((B, compiled.work * H), dtype) if compiled.work else None
    h0, c0 = kernel.split_states([_address(s) for s in first])
    h_last, c_last = kernel.split_states([_address(s) for s in last])
    if not weights.fused:
        kernel.separate_inputs(
            layout, weights.inputs, H, weights.packed, x=_address(x), gates=_address(gates), gates_row=row,
            threads=threads,
        )  # fmt: skip
    packed = weights.packed
    call = ForwardCall(
        layout.steps, layout.address, reverse, weights.inputs, H, P, tape, _address(x) if weights.fused else 0,
        skip=_address(x), input_weight=packed.input, weight=packed.recurrent, projection=packed.projection,
        bias=packed.bias, vectors=packed.vectors, state_mask=_address(kept["state mask"]),
        candidate_mask=_address(kept["candidate mask"]), keep_h=_address(kept["keep_h"]),
        keep_c=_address(kept["keep_c"]), mask_row=H, gates=_address(gates), gates_row=row, h0=h0, c0=c0, h=_address(h),
        h_row=P, c=_address(c), c_row=M * H, c_values=M, new_h=_address(new_h), new_c=_address(new_c),
        unprojected=_address(unprojected), masked=_address(masked and masked[0]), masked0=_address(masked and masked[1]),
        work=_address(work), work_row=compiled.work * H, h_last=h_last, c_last=c_last,
    )  # fmt: skip
    kernel.forward(layout, call, threads=threads, zoneout=masks.zoneout)
    return Forward(h, last, first, gates, c, (new_h, new_c), unprojected, masked, masks)


def backward(
    weights: PackedWeights,
    x: Floats,
    result: Forward,
    grad_h: Floats,
    grad_last: tuple[Floats, ...],
    layout: Layout,
    *,
    grad_c: Floats | None = None,
    reverse: bool = False,
    threads: int | None = None,
) -> dict[str, Floats]:
    """Gradients of ``x``, every parameter and the initial states; ``result`` is a forward pass with a tape.

    ``grad_h [N, P]`` is the loss' gradient at every hidden state, ``grad_last`` at the last states, and ``grad_c
    [N, M*H]`` at the memory of every step, of a cell that has one.
    """
    kernel, H, P, dtype = weights.kernel, weights.hidden, weights.outputs, weights.dtype
    compiled, masks = kernel.compiled, result.masks
    N, B, M = layout.rows, layout.batch, compiled.memory
    grad_h = _contiguous("grad_h", grad_h, dtype, (N, P))
    if grad_c is not None:
        if not M:
            raise InputError(f"cell {kernel.cell.name} has no memory: grad_c must be None")
        grad_c = _contiguous("grad_c", grad_c, dtype, (N, M * H))
    # the kernels turn these into the gradients of the initial states
    grad_first = tuple(
        _contiguous("grad_last", g, dtype, s.shape).copy() for g, s in zip(grad_last, result.first, strict=True)
    )
    grad_gates = np.empty((N, len(compiled.gradient_columns) * H), dtype)
    reset_state = np.empty((N, H), dtype) if kernel.resets else None
    grad_state = np.empty((N, P), dtype) if compiled.projected else None
    grad_vectors = np.zeros((B, compiled.vector_columns * H), dtype)
    work = np.empty((B, compiled.work * H), dtype) if compiled.work else None
    U, W, projection = weights.packed_for_backward()
    threads = threads or default_threads()
    grads = {name: np.zeros_like(parameter) for name, parameter in weights.parameters.items()}
    grads["x"] = np.empty_like(x)
    h0, c0 = kernel.split_states([_address(s) for s in result.first])
    grad_h0, grad_c0 = kernel.split_states([_address(s) for s in grad_first])
    new_h, new_c = result.new
    call = BackwardCall(
        layout.steps, layout.address, reverse, H, P, weight=_address(U) if U.size else 0,
        projection=_address(projection), vectors=weights.packed.vectors, state_mask=_address(masks.state),
        candidate_mask=_address(masks.candidate), keep_h=_address(masks.keep_h), keep_c=_address(masks.keep_c),
        mask_row=H, gates=_address(result.gates), gates_row=kernel.gates_row(H, tape=True), h0=h0, c0=c0,
        h=_address(result.h), h_row=P, c=_address(result.c), c_row=M * H, new_h=_address(new_h), new_c=_address(new_c),
        skip=_address(x), grad_h=_address(grad_h), grad_row=P, grad_c=_address(grad_c), grad_c_row=M * H,
        grad_gates=_address(grad_gates), grad_state=_address(grad_state), reset_state=_address(reset_state),
        grad_skip=_address(grads["x"]) if compiled.skip else 0, grad_vectors=_address(grad_vectors),
        work=_address(work), work_row=compiled.work * H, grad_h0=grad_h0, grad_c0=grad_c0,
    )  # fmt: skip
    kernel.backward(layout, call, threads=threads, zoneout=masks.zoneout)
    gate_gradients = GateGradients(kernel, layout, H, threads, _address(grad_gates))
    gate_gradients.inputs(weights.inputs, _address(W), _address(grads["x"]), add=compiled.skip)

    def hand_out(numbers: int) -> tuple[int, Floats]:
        memory = np.empty(numbers, dtype)
        return _address(memory), memory

    state = Rows(_address(result.h), P, P, h0)
    if result.masked is not None:
        state = Rows(_address(result.masked[0]), P, P, _address(result.masked[1]))
    to = {name: _address(grad) for name, grad in grads.items()}
    gate_gradients.parameters(
        Rows(_address(x), weights.inputs, weights.inputs), state, Rows(_address(reset_state), H, H), to,
        reverse=reverse, work=hand_out,
    )  # fmt: skip
    if grad_state is not None:
        met = Rows(_address(result.unprojected), H, H)
        gate_gradients.projection(_address(grad_state), met, P, to["weight_hr"], hand_out)
    column = 0
    for name, columns in compiled.vectors:
        sums = grad_vectors[:, column * H : (column + (columns or 1)) * H].sum(0)
        grads[name].ravel()[: columns * H or 1] = sums if columns else sums.sum()
        column += columns or 1
    grads.update(dict(zip(kernel.state_names, grad_first, strict=True)))
    return grads


def elementary(function: str, x: Floats) -> Floats:
    """``exp``, ``sigmoid`` or ``tanh`` as the kernels compute them, on float32 or float64.

    At most 1, 2 and 2 units in the last place from the true value.

    >>> elementary("tanh", np.array([0.0, np.inf, np.nan]))
    array([ 0.,  1., nan])
    """
    if function not in _FUNCTIONS:
        raise InputError(f"function {function!r}: expected one of {', '.join(_FUNCTIONS)}")
    if x.dtype.name not in _DTYPES:
        raise InputError(f"x has dtype {x.dtype}: expected float32 or float64")
    x = np.ascontiguousarray(x)
    y = np.empty_like(x)
    _native.elementary(x.dtype == np.float64, _FUNCTIONS.index(function), _address(x), _address(y), x.size)
    return y
