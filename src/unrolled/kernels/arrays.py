"""The kernels on NumPy arrays: forward and backward over one layer in one direction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unrolled.errors import InputError
from unrolled.kernels import _native
from unrolled.kernels.gradients import GateGradients
from unrolled.kernels.kernel import Kernel, get_kernel
from unrolled.kernels.layout import Layout
from unrolled.kernels.threads import default_threads

__all__ = ["Floats", "Forward", "PackedDense", "PackedWeights", "backward", "elementary", "forward"]

Floats = NDArray[np.floating]

_DTYPES = ("float32", "float64")
_PARAMETERS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
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

    ``parameters`` has the cell's names and shapes (:meth:`unrolled.cells.Cell.parameter_shapes`).
    """

    def __init__(self, cell: str, parameters: Mapping[str, Floats]) -> None:
        if "weight_hh" not in parameters or parameters["weight_hh"].ndim != 2:
            raise InputError(f"cell {cell}: expected a matrix weight_hh among {sorted(parameters)}")
        U = parameters["weight_hh"]
        self.kernel: Kernel = get_kernel(cell, U.dtype.name)
        self.dtype, self.hidden = U.dtype, U.shape[1]
        self.inputs = parameters["weight_ih"].shape[-1] if "weight_ih" in parameters else 0
        shapes = self.kernel.cell.parameter_shapes(input_size=self.inputs, hidden_size=self.hidden)
        if set(shapes) != set(parameters):
            raise InputError(f"cell {cell} has parameters {sorted(shapes)}, got {sorted(parameters)}")
        self.parameters = {
            name: _contiguous(name, parameters[name], self.dtype, shape) for name, shape in shapes.items()
        }
        self._buffer = np.empty(self.kernel.packed_size(self.inputs, self.hidden), self.dtype)
        self.fused = self.kernel.fuses(self.inputs, self.hidden)
        addresses = tuple(_address(self.parameters[name]) for name in _PARAMETERS)
        self.packed = self.kernel.pack(
            self.inputs, self.hidden, addresses, _address(self._buffer), fused=self.fused, threads=default_threads()
        )

    def packed_for_backward(self) -> tuple[Floats, Floats]:
        """U and W arranged for the backward pass."""
        kernel, I, H = self.kernel, self.inputs, self.hidden
        U = np.empty(kernel.packed_backward_size(H), self.dtype)
        kernel.pack_backward(H, _address(self.parameters["weight_hh"]), _address(U), default_threads())
        W = np.empty(kernel.packed_input_size(I, H), self.dtype)
        kernel.pack_input(I, H, _address(self.parameters["weight_ih"]), _address(W), default_threads())
        return U, W


@dataclass(frozen=True)
class Forward:
    """What a forward pass returns, and with ``tape`` what the backward pass reads; ``N`` packed rows, batch ``B``."""

    h: Floats
    """Hidden state of every step, ``[N, H]``."""
    last: tuple[Floats, ...]
    """Last states ``(h,)`` or ``(h, c)``, each ``[B, H]``."""
    first: tuple[Floats, ...]
    """Initial states."""
    gates: Floats | None
    """With a tape the activated gates ``[N, GH]``, unless the only one is the hidden state."""
    c: Floats | None
    """With a tape the cell state of every step ``[N, H]``."""
    extra: Floats | None


def forward(
    weights: PackedWeights,
    x: Floats,
    states: tuple[Floats, ...] | None,
    layout: Layout,
    *,
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
    kernel, H, dtype = weights.kernel, weights.hidden, weights.dtype
    N, B = layout.rows, layout.batch
    x = _contiguous("x", x, dtype, (N, weights.inputs))
    names = kernel.cell.states
    if states is None:
        states = tuple(np.zeros((B, H), dtype) for _ in names)
    if len(states) != len(names):
        raise InputError(f"cell {kernel.cell.name} has states {names}, got {len(states)} arrays")
    first = tuple(_contiguous(f"{name}0", s, dtype, (B, H)) for name, s in zip(names, states, strict=True))
    threads = threads or default_threads()

    gates = np.empty((N, kernel.gates * H), dtype) if (tape and kernel.keeps_gates) or not weights.fused else None
    h = np.empty((N, H), dtype)
    last = tuple(s.copy() for s in first)
    c = np.empty((N if tape else B, H), dtype) if kernel.has_cell_state else None
    extra = None
    if kernel.compiled.extra == "work":
        extra = np.empty((B, 2 * H), dtype)
    elif kernel.compiled.extra == "tape" and tape:
        extra = np.empty((N, H), dtype)
    kernel.forward(
        layout, weights.inputs, H, reverse=reverse, tape=tape, threads=threads, x=_address(x),
        weights=weights.packed, gates=_address(gates), h0=_address(first[0]),
        c0=_address(first[1]) if kernel.has_cell_state else 0, h=_address(h), h_row=H, c=_address(c),
        extra=_address(extra), h_last=_address(last[0]), c_last=_address(last[1]) if kernel.has_cell_state else 0,
    )  # fmt: skip
    return Forward(h, last, first, gates, c, extra)


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

    ``grad_h [N, H]`` is the loss' gradient at every hidden state, ``grad_last`` at the last states, and ``grad_c
    [N, H]`` at every cell state, of a cell that has them.
    """
    kernel, H, dtype = weights.kernel, weights.hidden, weights.dtype
    N, B = layout.rows, layout.batch
    grad_h = _contiguous("grad_h", grad_h, dtype, (N, H))
    if grad_c is not None:
        if not kernel.has_cell_state:
            raise InputError(f"cell {kernel.cell.name} has no cell state: grad_c must be None")
        grad_c = _contiguous("grad_c", grad_c, dtype, (N, H))
    # the kernels turn these into the gradients of the initial states
    grad_first = tuple(_contiguous("grad_last", g, dtype, (B, H)).copy() for g in grad_last)
    grad_gates = np.empty((N, kernel.compiled.grad_columns * H), dtype)
    reset_state = np.empty((N, H), dtype) if len(kernel.compiled.backward) > 1 else None
    U, W = weights.packed_for_backward()
    threads = threads or default_threads()
    cell_state = kernel.has_cell_state
    kernel.backward(
        layout, H, reverse=reverse, threads=threads, weight=_address(U), gates=_address(result.gates),
        h0=_address(result.first[0]), c0=_address(result.first[1]) if cell_state else 0, h=_address(result.h), h_row=H,
        c=_address(result.c), extra=_address(result.extra), grad_h=_address(grad_h), grad_c=_address(grad_c),
        grad_row=H, grad_gates=_address(grad_gates), reset_state=_address(reset_state), grad_h0=_address(grad_first[0]),
        grad_c0=_address(grad_first[1]) if cell_state else 0,
    )  # fmt: skip
    grads = {name: np.empty_like(parameter) for name, parameter in weights.parameters.items()}
    grads["x"] = np.empty_like(x)
    gate_gradients = GateGradients(kernel, layout, H, threads, _address(grad_gates))
    gate_gradients.inputs(weights.inputs, _address(W), _address(grads["x"]), add=False)
    gate_gradients.parameters(
        weights.inputs, reverse=reverse, x=_address(x), h=_address(result.h), h_row=H, h0=_address(result.first[0]),
        reset_state=_address(reset_state), weight_ih=_address(grads["weight_ih"]),
        weight_hh=_address(grads["weight_hh"]), bias_ih=_address(grads["bias_ih"]), bias_hh=_address(grads["bias_hh"]),
        work=lambda numbers: (_address(memory := np.empty(numbers, dtype)), memory),
    )  # fmt: skip
    grads.update({f"{name}0": g for name, g in zip(kernel.cell.states, grad_first, strict=True)})
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
