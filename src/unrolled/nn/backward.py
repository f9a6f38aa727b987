"""The operator ``unrolled::layer_backward``: the gradients of one layer, from the tape its forward pass left."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from unrolled.kernels.gradients import GateGradients
from unrolled.nn.buffers import address, first_states, pack_for_backward, pack_input, scratch
from unrolled.nn.call import Call, check_shape, check_tensors, get_layout
from unrolled.nn.errors import TensorError
from unrolled.nn.library import LIBRARY

__all__ = ["backward_pass", "run_backward"]

# -> the wanted ones of the gradients of x, h0, c0 and each of the weights
LIBRARY.define(
    "layer_backward(str cell, int directions, Tensor? batch_sizes, Tensor x, Tensor? h0, Tensor? c0, Tensor[] weights,"
    " Tensor y, Tensor[] tape, Tensor? grad_y, Tensor? grad_h, Tensor? grad_c, Tensor? grad_cells, bool[] wanted)"
    " -> Tensor[]"
)


def _backward(
    cell: str, directions: int, batch_sizes: Tensor | None, x: Tensor, h0: Tensor | None, c0: Tensor | None,
    weights: Sequence[Tensor], y: Tensor, tape: Sequence[Tensor], grad_y: Tensor | None, grad_h: Tensor | None,
    grad_c: Tensor | None, grad_cells: Tensor | None, wanted: Sequence[bool],
) -> list[Tensor]:  # fmt: skip
    call = check_tensors(cell, directions, batch_sizes, x, h0, c0, weights)
    _check_pass(call, x, y, tape, grad_y, grad_h, grad_c, grad_cells, (x, h0, c0, *weights), wanted)
    return backward_pass(call, batch_sizes, x, h0, c0, weights, y, tape, grad_y, grad_h, grad_c, grad_cells, wanted)


def backward_pass(
    call: Call, batch_sizes: Tensor | None, x: Tensor, h0: Tensor | None, c0: Tensor | None, weights: Sequence[Tensor],
    y: Tensor, tape: Sequence[Tensor], grad_y: Tensor | None, grad_h: Tensor | None, grad_c: Tensor | None,
    grad_cells: Tensor | None, wanted: Sequence[bool],
) -> list[Tensor]:  # fmt: skip
    """What the operator does, for a call that has been checked."""
    directions, own = call.directions, len(call.own_tape)
    kernel, B, H = call.kernel, call.batch, call.hidden
    layout, threads = get_layout(call, batch_sizes), torch.get_num_threads()
    N = layout.rows
    h0, c0 = first_states(call, x, h0, c0)
    # the kernels turn the gradients of the last states into those of the first
    grad_h0 = _to_change(grad_h, call, x)
    grad_c0 = _to_change(grad_c, call, x) if kernel.has_cell_state else None
    cells, kept = (tape[0], tape[1:]) if kernel.has_cell_state else (None, tape)
    grad_row = directions * H
    if grad_cells is not None:
        grad_y, grad_cells = x.new_zeros(call.outputs) if grad_y is None else grad_y, grad_cells.contiguous()
    elif grad_y is None:  # one row of zeros stands for all
        grad_y, grad_row = x.new_zeros(grad_row), 0
    grad_y = grad_y.contiguous()
    grad_gates = scratch("gates", N * kernel.compiled.grad_columns * H, x)
    reset_state = x.new_empty((N, H)) if len(kernel.compiled.backward) > 1 else None
    x, gate_gradients = x.contiguous(), GateGradients(kernel, layout, H, threads, grad_gates.address)
    grad_x = _input_gradient(x, N) if wanted[0] else None
    grad_weights: list[Tensor] = []
    for d in range(directions):
        parameters = slice(d * call.parameters, (d + 1) * call.parameters)
        weight_ih, weight_hh = weights[parameters][:2]
        gates, extra = (*map(address, kept[d * own : (d + 1) * own]), 0, 0)[:2]
        U, state = pack_for_backward(kernel, weight_hh), d * B * H
        kernel.backward(
            layout, H, reverse=d == 1, threads=threads, weight=U.address, gates=gates, h0=address(h0, state),
            c0=address(c0, state), h=address(y, d * H), h_row=directions * H,
            c=0 if cells is None else address(cells, d * H), extra=extra, grad_h=address(grad_y, d * H),
            grad_c=0 if grad_cells is None else address(grad_cells, d * H), grad_row=grad_row,
            grad_gates=grad_gates.address, reset_state=address(reset_state), grad_h0=address(grad_h0, state),
            grad_c0=address(grad_c0, state),
        )  # fmt: skip
        if grad_x is not None:
            W = pack_input(kernel, weight_ih)
            gate_gradients.inputs(x.shape[2], W.address, grad_x.data_ptr(), add=d == 1)
        asked = zip(weights[parameters], wanted[3:][parameters], strict=True)
        gradients = [x.new_empty(weight.shape) if want else None for weight, want in asked]
        to = [*map(address, gradients), 0, 0]
        gate_gradients.parameters(
            x.shape[2], reverse=d == 1, x=x.data_ptr(), h=address(y, d * H), h_row=directions * H,
            h0=address(h0, state), reset_state=address(reset_state), weight_ih=to[0], weight_hh=to[1], bias_ih=to[2],
            bias_hh=to[3], work=lambda numbers: scratch("weights", numbers, x),
        )  # fmt: skip
        grad_weights += [gradient for gradient in gradients if gradient is not None]
    results = [(grad_x, wanted[0]), (grad_h0, wanted[1]), (grad_c0, wanted[2])]
    return [grad for grad, want in results if want and grad is not None] + grad_weights


def _to_change(grad: Tensor | None, call: Call, x: Tensor) -> Tensor:
    return x.new_zeros(call.state) if grad is None else grad.clone(memory_format=torch.contiguous_format)


def _input_gradient(x: Tensor, rows: int) -> Tensor:
    """Memory for the gradient of ``x``; that of rows without meaning is zero."""
    grad_x = x.new_empty(x.shape)
    if rows < x.shape[0] * x.shape[1]:
        grad_x.view(-1, x.shape[2])[rows:] = 0
    return grad_x


def _check_pass(
    call: Call, x: Tensor, y: Tensor, tape: Sequence[Tensor], grad_y: Tensor | None, grad_h: Tensor | None,
    grad_c: Tensor | None, grad_cells: Tensor | None, inputs: Sequence[Tensor | None], wanted: Sequence[bool],
) -> None:  # fmt: skip
    """Refuse what the forward pass of these inputs did not return, or no gradient of it."""
    named = [("y", y, call.outputs), ("grad_y", grad_y, call.outputs), ("grad_cells", grad_cells, call.outputs)]
    named += [("grad_h", grad_h, call.state), ("grad_c", grad_c, call.state)]
    for name, tensor, shape in named:
        if tensor is not None:
            check_shape(name, tensor, shape, x.dtype)
    if not call.kernel.has_cell_state and not (grad_c is None and grad_cells is None):
        raise TensorError(f"cell {call.kernel.cell.name} has no cell state: grad_c and grad_cells must be None")
    expected = call.tape
    if len(tape) != len(expected) or not all(each.is_contiguous() for each in (y, *tape)):
        raise TensorError(f"expected y and a tape of {len(expected)} tensors as the forward pass returned them")
    for tensor, shape in zip(tape, expected, strict=True):
        check_shape("tape", tensor, shape, x.dtype)
    if len(wanted) != len(inputs) or any(want and t is None for want, t in zip(wanted, inputs, strict=True)):
        raise TensorError(f"wanted: expected {len(inputs)} truth values, none for an absent state")


def _backward_shapes(
    cell: str, directions: int, batch_sizes: Tensor | None, x: Tensor, h0: Tensor | None, c0: Tensor | None,
    weights: Sequence[Tensor], y: Tensor, tape: Sequence[Tensor], grad_y: Tensor | None, grad_h: Tensor | None,
    grad_c: Tensor | None, grad_cells: Tensor | None, wanted: Sequence[bool],
) -> list[Tensor]:  # fmt: skip
    inputs = (x, h0, c0, *weights)
    return [x.new_empty(t.shape) for t, want in zip(inputs, wanted, strict=True) if want and t is not None]


LIBRARY.impl("layer_backward", _backward, "CPU")
torch.library.register_fake("unrolled::layer_backward", _backward_shapes, lib=LIBRARY)

run_backward = torch.ops.unrolled.layer_backward.default
