"""The kernels as torch operators: one layer, in one or both directions, over rows of all time steps.

``unrolled::layer`` runs forward and ``unrolled::layer_backward`` backward; :func:`layer` joins them for autograd.

Shapes: ``T`` steps, ``B`` sequences, ``D`` directions, ``I`` inputs, ``H`` hidden size, ``G`` gates, and
``R = T*B`` rows. Row ``t*B + b`` of ``x [R, I]`` is step ``t`` of sequence ``b``. With ``batch_sizes [T]``, the number
of sequences alive at each step (longest first), the living rows of all steps come first, ``N`` of them one after the
other, then rows without meaning, whose outputs and gradients are zero.

Operators return lists, whose length depends on the cell: no tensor stands for an absent one.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import chain
from typing import Any

import numpy as np
import torch
from torch import Tensor

from unrolled.kernels.gradients import input_bias, input_gate_gradients, parameter_gradients
from unrolled.kernels.kernel import Kernel, get_kernel
from unrolled.kernels.layout import Layout
from unrolled.nn.errors import TensorError
from unrolled.nn.memory import check_allocation

__all__ = ["layer"]

_DTYPES = {torch.float32: "float32", torch.float64: "float64"}

_LIBRARY = torch.library.Library("unrolled", "DEF")
# -> [y [R, D*H], h_last [D, B, H], (c_last)] and with a tape (gates [D, R, G*H], kept [D, R, H]), see _tape_shapes
_LIBRARY.define(
    "layer(str cell, int steps, Tensor? batch_sizes, Tensor x, Tensor h0, Tensor? c0, Tensor[] weights, bool tape)"
    " -> Tensor[]"
)
# -> the wanted ones of the gradients of (x, h0, c0, *weights), in this order
_LIBRARY.define(
    "layer_backward(str cell, int steps, Tensor? batch_sizes, Tensor? grad_y, Tensor? grad_h, Tensor? grad_c, Tensor x,"
    " Tensor h0, Tensor? c0, Tensor[] weights, Tensor y, Tensor[] tape, bool[] wanted) -> Tensor[]"
)


@lru_cache(maxsize=16)
def _layout(batch_sizes: bytes, batch: int) -> Layout:
    return Layout(np.frombuffer(batch_sizes, np.int64), batch)


def _get_layout(steps: int, batch_sizes: Tensor | None, batch: int) -> Layout:
    if batch_sizes is None:
        return Layout.padded(steps, batch)
    return _layout(batch_sizes.numpy().tobytes(), batch)


def _kernel(cell: str, dtype: torch.dtype) -> Kernel:
    name = _DTYPES.get(dtype)
    if name is None:
        raise TensorError(f"the kernels compute in float32 and float64, got {dtype}: convert model and input")
    return get_kernel(cell, name)


def _tape_shapes(kernel: Kernel, D: int, R: int, H: int) -> list[tuple[int, ...]]:
    """What backward needs beside ``y``: activated gates, and the cell states or what the reset gate acts on.

    The one gate of an RNN is its hidden state.
    """
    shapes: list[tuple[int, ...]] = []
    if kernel.gates > 1:
        shapes.append((D, R, kernel.gates * H))
    if kernel.has_cell_state or kernel.compiled.extra == "tape":
        shapes.append((D, R, H))
    return shapes


def _check(
    kernel: Kernel, steps: int, batch_sizes: Tensor | None, x: Tensor, h0: Tensor, c0: Tensor | None,
    weights: Sequence[Tensor],
) -> None:  # fmt: skip
    """Refuse what would make a kernel read or write beyond a tensor."""
    D, B, H = h0.shape
    R, I = x.shape
    GH = kernel.gates * H
    state = (D, B, H)
    if steps * B != R:
        raise TensorError(f"x has {R} rows, expected {steps} steps of {B} sequences")
    if (c0 is not None) is not kernel.has_cell_state:
        raise TensorError(
            f"cell {kernel.cell.name} has states {kernel.cell.states}, c0 is {'given' if c0 is not None else 'missing'}"
        )
    if c0 is not None and c0.shape != state:
        raise TensorError(f"c0 has shape {list(c0.shape)}, expected {list(state)}")
    each = len(weights) // D
    if len(weights) % D or each not in (2, 4):
        raise TensorError(f"expected 2 or 4 parameters a direction, got {len(weights)} for {D}")
    shapes = ((GH, I), (GH, H), (GH,), (GH,))
    for i, weight in enumerate(weights):
        if weight.shape != shapes[i % each]:
            name = kernel.cell.parameters[i % each].name
            raise TensorError(f"{name} has shape {list(weight.shape)}, expected {list(shapes[i % each])}")
    tensors = (h0, *weights) if c0 is None else (h0, c0, *weights)
    for tensor in tensors:
        if tensor.dtype != x.dtype:
            raise TensorError(f"the input has dtype {x.dtype}, but a state or parameter has {tensor.dtype}")
    if batch_sizes is not None and (batch_sizes.dtype != torch.int64 or batch_sizes.shape != (steps,)):
        raise TensorError(
            f"batch_sizes: expected {steps} of int64, got {list(batch_sizes.shape)} of {batch_sizes.dtype}"
        )


def _biases(kernel: Kernel, hidden: int, weights: Sequence[Tensor]) -> tuple[Tensor | None, Tensor | None]:
    """The bias of W x, and the recurrent bias that stays apart."""
    if len(weights) == 2:
        gate = kernel.bias_gate
        return None, None if gate is None else weights[1].new_zeros(hidden)
    bias_ih, bias_hh = weights[2:]
    apart = None
    if kernel.bias_gate is not None:
        apart = bias_hh[kernel.bias_gate * hidden : (kernel.bias_gate + 1) * hidden].contiguous()
    return input_bias(kernel, hidden, bias_ih, bias_hh), apart


def _packed(kernel: Kernel, weight_hh: Tensor, *, backward: bool) -> Tensor:
    """U arranged for a pass, anew in each call: a write to ``weight.data`` leaves no trace that would tell."""
    H = weight_hh.shape[1]
    packed = weight_hh.new_empty(kernel.packed_size(H, backward=backward))
    kernel.pack(weight_hh.contiguous().data_ptr(), H, packed.data_ptr(), backward=backward)
    return packed


def _address(tensor: Tensor | None, index: int = 0) -> int:
    """Address of ``tensor[index]``, 0 without a tensor."""
    if tensor is None:
        return 0
    return tensor.data_ptr() + index * tensor.stride(0) * tensor.element_size()


def _forward(
    cell: str, steps: int, batch_sizes: Tensor | None, x: Tensor, h0: Tensor, c0: Tensor | None,
    weights: Sequence[Tensor], tape: bool,
) -> list[Tensor]:  # fmt: skip
    kernel = _kernel(cell, x.dtype)
    _check(kernel, steps, batch_sizes, x, h0, c0, weights)
    D, B, H = h0.shape
    R, GH = x.shape[0], kernel.gates * H
    taped = _tape_shapes(kernel, D, R, H) if tape else []
    check_allocation((R * D * H + sum(map(_size, taped)) + R * GH) * x.element_size(), "states and gates of all steps")
    layout = _get_layout(steps, batch_sizes, B)
    N, each = layout.rows, len(weights) // D

    h0 = h0.contiguous()
    y, h_last = x.new_empty((R, D * H)), torch.empty_like(h0)
    results = [y, h_last]
    c_last = None
    if c0 is not None:
        c0 = c0.contiguous()
        c_last = torch.empty_like(c0)
        results.append(c_last)
    if N < R:
        y[N:] = 0
    kept = [x.new_empty(shape) for shape in taped]
    gates = kept[0] if kept else x.new_empty((1, N, GH))
    # without a tape a running cell state or r * h[t-1], one row a sequence
    memory = kept[1] if len(kept) == 2 else x.new_empty((1, B, H))
    rows, threads = x[:N], torch.get_num_threads()
    for d in range(D):
        own = weights[d * each : d * each + each]
        bias, bias_apart = _biases(kernel, H, own)
        i = d if kept else 0
        a = gates[i, :N]
        if bias is None:
            torch.mm(rows, own[0].t(), out=a)
        else:
            torch.addmm(bias, rows, own[0].t(), out=a)
        packed = _packed(kernel, own[1], backward=False)
        work = _address(memory, d if len(kept) == 2 else 0)
        kernel.forward(
            layout, H, reverse=d == 1, tape=tape, threads=threads, weight=packed.data_ptr(), bias=_address(bias_apart),
            gates=a.data_ptr(), h0=_address(h0, d), c0=_address(c0, d), h=y.data_ptr() + d * H * y.element_size(),
            h_row=D * H, c=work, extra=work, h_last=_address(h_last, d), c_last=_address(c_last, d),
        )  # fmt: skip
    return results + kept


def _size(shape: tuple[int, ...]) -> int:
    n = 1
    for length in shape:
        n *= length
    return n


def _forward_shapes(
    cell: str, steps: int, batch_sizes: Tensor | None, x: Tensor, h0: Tensor, c0: Tensor | None,
    weights: Sequence[Tensor], tape: bool,
) -> list[Tensor]:  # fmt: skip
    kernel = _kernel(cell, x.dtype)
    _check(kernel, steps, batch_sizes, x, h0, c0, weights)
    D, _, H = h0.shape
    shapes = [(x.shape[0], D * H), h0.shape]
    if c0 is not None:
        shapes.append(c0.shape)
    if tape:
        shapes += _tape_shapes(kernel, D, x.shape[0], H)
    return [x.new_empty(shape) for shape in shapes]


def _backward(
    cell: str, steps: int, batch_sizes: Tensor | None, grad_y: Tensor | None, grad_h: Tensor | None,
    grad_c: Tensor | None, x: Tensor, h0: Tensor, c0: Tensor | None, weights: Sequence[Tensor], y: Tensor,
    tape: Sequence[Tensor], wanted: Sequence[bool],
) -> list[Tensor]:  # fmt: skip
    kernel = _kernel(cell, x.dtype)
    _check(kernel, steps, batch_sizes, x, h0, c0, weights)
    D, B, H = h0.shape
    R, size = x.shape[0], x.element_size()
    layout = _get_layout(steps, batch_sizes, B)
    N, each = layout.rows, len(weights) // D
    h0 = h0.contiguous()
    c0 = None if c0 is None else c0.contiguous()
    # the kernels turn the gradients of the last states into those of the first
    grad_h0 = torch.zeros_like(h0) if grad_h is None else grad_h.clone(memory_format=torch.contiguous_format)
    grad_c0 = None
    if c0 is not None:
        grad_c0 = torch.zeros_like(c0) if grad_c is None else grad_c.clone(memory_format=torch.contiguous_format)
    # no gradient of y: one row of zeros stands for all
    grad_y, grad_row = (x.new_zeros(D * H), 0) if grad_y is None else (grad_y.contiguous(), D * H)
    gates = tape[0] if kernel.gates > 1 else None
    memory = tape[1] if len(tape) == 2 else None
    grad_gates = x.new_empty((N, kernel.compiled.grad_columns * H))
    reset_state = x.new_empty((N, H)) if len(kernel.compiled.backward) > 1 else None
    rows, threads = x[:N], torch.get_num_threads()
    grad_x = None
    grad_weights: list[Tensor] = []
    for d in range(D):
        weight_ih, weight_hh = weights[d * each : d * each + 2]
        packed = _packed(kernel, weight_hh, backward=True)
        kernel.backward(
            layout, H, reverse=d == 1, threads=threads, weight=packed.data_ptr(), gates=_address(gates, d),
            h0=_address(h0, d), c0=_address(c0, d), h=y.data_ptr() + d * H * size, h_row=D * H,
            c=_address(memory, d), extra=_address(memory, d), grad_h=grad_y.data_ptr() + d * H * size,
            grad_row=grad_row, grad_gates=grad_gates.data_ptr(), reset_state=_address(reset_state),
            grad_h0=_address(grad_h0, d), grad_c0=_address(grad_c0, d),
        )  # fmt: skip
        if wanted[0]:
            to_input = input_gate_gradients(kernel, H, grad_gates)
            if grad_x is None:
                grad_x = torch.empty_like(x) if N == R else x.new_zeros((R, x.shape[1]))
                torch.mm(to_input, weight_ih, out=grad_x[:N])
            else:
                grad_x[:N].addmm_(to_input, weight_ih)
        start = 3 + d * each
        own = [*wanted[start : start + each], False, False][:4]
        if any(own):
            gradients = parameter_gradients(
                kernel, layout, reverse=d == 1, grad_gates=grad_gates, x=rows, h=y[:N, d * H : d * H + H], h0=h0[d],
                reset_state=reset_state, concatenate=torch.cat, wanted=own,
            )  # fmt: skip
            grad_weights += [gradient for gradient, want in zip(gradients, own, strict=True) if want]
    states = [grad for grad, want in ((grad_h0, wanted[1]), (grad_c0, wanted[2])) if want and grad is not None]
    return [*([] if grad_x is None else [grad_x]), *states, *grad_weights]


def _backward_shapes(
    cell: str, steps: int, batch_sizes: Tensor | None, grad_y: Tensor | None, grad_h: Tensor | None,
    grad_c: Tensor | None, x: Tensor, h0: Tensor, c0: Tensor | None, weights: Sequence[Tensor], y: Tensor,
    tape: Sequence[Tensor], wanted: Sequence[bool],
) -> list[Tensor]:  # fmt: skip
    inputs = (x, h0, c0, *weights)
    return [x.new_empty(t.shape) for t, want in zip(inputs, wanted, strict=True) if want and t is not None]


_LIBRARY.impl("layer", _forward, "CPU")
_LIBRARY.impl("layer_backward", _backward, "CPU")
torch.library.register_fake("unrolled::layer", _forward_shapes, lib=_LIBRARY)
torch.library.register_fake("unrolled::layer_backward", _backward_shapes, lib=_LIBRARY)

_run_forward = torch.ops.unrolled.layer.default
_run_backward = torch.ops.unrolled.layer_backward.default


class _Layer(torch.autograd.Function):
    # outside the operator: a formula registered on it costs about 90 µs more a call

    @staticmethod
    def forward(
        ctx: Any, cell: str, steps: int, batch_sizes: Tensor | None, x: Tensor, h0: Tensor, c0: Tensor | None,
        *weights: Tensor,
    ) -> tuple[Tensor, ...]:  # fmt: skip
        outputs = _run_forward(cell, steps, batch_sizes, x, h0, c0, weights, True)
        ctx.set_materialize_grads(False)
        returned = 2 if c0 is None else 3
        ctx.save_for_backward(x, h0, c0, batch_sizes, outputs[0], *weights, *outputs[returned:])
        ctx.call = cell, steps, len(weights)
        return tuple(outputs[:returned])

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *grad_outputs: Tensor | None) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        grad_y, grad_h, grad_c = grad_outputs if len(grad_outputs) == 3 else (*grad_outputs, None)
        cell, steps, n = ctx.call
        x, h0, c0, batch_sizes, y, *rest = ctx.saved_tensors
        wanted = ctx.needs_input_grad[3:]
        gradients = iter(
            _run_backward(
                cell, steps, batch_sizes, grad_y, grad_h, grad_c, x, h0, c0, rest[:n], y, rest[n:], wanted
            )
        )  # fmt: skip
        return tuple(chain((None, None, None), (next(gradients) if want else None for want in wanted)))


def layer(
    cell: str, steps: int, batch_sizes: Tensor | None, x: Tensor, h0: Tensor, c0: Tensor | None,
    weights: Sequence[Tensor],
) -> Sequence[Tensor]:  # fmt: skip
    """Run one layer; differentiable once with respect to ``x``, ``h0``, ``c0`` and ``weights``.

    ``weights`` holds weight_ih, weight_hh and, if there are biases, bias_ih, bias_hh of each direction. Returns
    ``y [R, D*H]`` and the last states, each ``[D, B, H]``.
    """
    if torch.is_grad_enabled():
        for tensor in (x, h0, *weights) if c0 is None else (x, h0, c0, *weights):
            if tensor.requires_grad:
                return _Layer.apply(cell, steps, batch_sizes, x, h0, c0, *weights)  # type: ignore[no-any-return]
    return _run_forward(cell, steps, batch_sizes, x, h0, c0, weights, False)
