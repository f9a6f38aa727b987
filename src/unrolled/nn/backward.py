"""The operator ``unrolled::layer_backward``: the gradients of one layer, from the tape its forward pass left."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from unrolled.kernels import _native
from unrolled.kernels.gradients import GateGradients, Rows
from unrolled.nn.buffers import (
    Memory,
    address,
    first_states,
    numbers,
    pack_for_backward,
    pack_input,
    pack_projection,
    plain,
    recycled,
    scratch,
    vectors,
)
from unrolled.nn.call import Call, check_shape, check_tensors, get_layout
from unrolled.nn.errors import TensorError
from unrolled.nn.inputs import Inputs, Products, from_operator
from unrolled.nn.library import LIBRARY
from unrolled.nn.threads import kernel_threads

__all__ = ["Arrived", "backward_pass", "run_backward"]

# the masks and the shares of zoneout as Masks has them
# -> the wanted ones of the gradients of x, h0, c0 and each of the weights
LIBRARY.define(
    "layer_backward(str cell, int directions, Tensor? batch_sizes, Tensor x, Tensor? h0, Tensor? c0, Tensor[] weights,"
    " Tensor? state_mask, Tensor? candidate_mask, Tensor? keep_h, Tensor? keep_c, float zoneout_h, float zoneout_c,"
    " Tensor y, Tensor[] tape, Tensor? grad_y, Tensor? grad_h, Tensor? grad_c, Tensor? grad_cells, bool[] wanted) -> Tensor[]"
)


class Arrived(NamedTuple):
    """The gradients of what a layer returned; absent ones are zero."""

    y: Tensor | None
    h: Tensor | None
    """Of the last ``h``, ``[D, B, P]``."""
    c: Tensor | None
    """Of the last memory, ``[D, B, M*H]``."""
    cells: Tensor | None
    """Of the memory of every step, ``[T, B, D*M*H]``."""


def _backward(*arguments: Any) -> list[Tensor]:
    plan, inputs, (y, tape, *grads, wanted) = from_operator(arguments)
    call, arrived = check_tensors(plan, inputs), Arrived(*grads)
    _check_pass(call, inputs, y, tape, arrived, wanted)
    return backward_pass(call, inputs, y, tape, arrived, wanted)


def backward_pass(
    call: Call, inputs: Inputs, y: Tensor, tape: Sequence[Tensor], grads: Arrived, wanted: Sequence[bool], *,
    products: Products | None = None,
) -> list[Tensor]:  # fmt: skip
    """What the operator does, for a call that has been checked; with ``products`` in the place of ``x``, the first gradient is
    that of their table."""
    kernel, compiled, masks, D = call.kernel, call.kernel.compiled, call.masks, call.directions
    B, H, P, I, each = call.batch, call.hidden, call.size, call.inputs, len(call.names)
    x, weights = plain(inputs.x) if products is None else y, inputs.weights
    layout, threads = get_layout(call), kernel_threads()
    N = layout.rows
    h0, c0 = first_states(call, inputs)
    # the kernels turn the gradients of the last states into those of the first
    states = dict(zip(kernel.state_names, call.states, strict=True))
    grad_h0 = _to_change(grads.h, states["h0"], x) if compiled.has_h else None
    grad_c0 = _to_change(grads.c, states["c0"], x) if call.memory else None
    cells, kept = (tape[0], tape[1:]) if call.memory else (None, tape)
    grad_y, grad_cells, grad_row = grads.y, grads.cells, D * P
    if grad_cells is not None:
        grad_y, grad_cells = x.new_zeros(call.outputs) if grad_y is None else grad_y, plain(grad_cells)
    elif grad_y is None:  # one row of zeros stands for all
        grad_y, grad_row = x.new_zeros(grad_row), 0
    grad_y = plain(grad_y)
    grad_gates = scratch("gates", N * len(compiled.gradient_columns) * H, x)
    reset_state = recycled(x, (N, H)) if kernel.resets else None
    grad_state = recycled(x, (N, P)) if compiled.projected else None
    work = scratch("states", B * compiled.work * H, x) if compiled.work else None
    gate_gradients = GateGradients(kernel, layout, H, threads, grad_gates.address)
    grad_x = _input_gradient(x, N) if wanted[0] and products is None else None
    grad_products: list[Tensor] = []
    grad_weights: list[Tensor] = []
    for d in range(D):
        own = dict(zip(call.own_tape, kept[d * len(call.own_tape) :], strict=False))
        parameters = dict(zip(call.names, weights[d * each : (d + 1) * each], strict=True))
        grad_vectors = x.new_zeros((B, compiled.vector_columns * H)) if compiled.vectors else None
        U = pack_for_backward(call, parameters["weight_hh"]) if kernel.meets_state else None
        projection = pack_projection(call, parameters["weight_hr"]) if compiled.projected else None
        constants = vectors(call, list(parameters.values())) if compiled.vectors else None
        backward = _native.BackwardCall(
            steps=layout.steps, offsets=layout.address, reverse=d == 1, hidden=H, outputs=P,
            weight=0 if U is None else U.address, projection=0 if projection is None else projection.address,
            vectors=0 if constants is None else constants.address, state_mask=address(masks.state, d * B * P),
            candidate_mask=address(masks.candidate, d * H), keep_h=address(masks.keep_h, d * P),
            keep_c=address(masks.keep_c, d * H), mask_row=D * H, zoneout_h=masks.zoneout_h, zoneout_c=masks.zoneout_c,
            gates=address(own.get("gates")), gates_row=kernel.gates_row(H, tape=True), h0=address(h0, d * B * P),
            c0=address(c0, d * B * call.memory), h=address(y, d * P), h_row=D * P, c=address(cells, d * call.memory),
            c_row=D * call.memory, new_h=address(own.get("new_h")), new_c=address(own.get("new_c")), skip=x.data_ptr(),
            grad_h=address(grad_y, d * P), grad_row=grad_row, grad_c=address(grad_cells, d * call.memory),
            grad_c_row=D * call.memory, grad_gates=grad_gates.address, grad_state=address(grad_state),
            reset_state=address(reset_state), grad_skip=address(grad_x) if compiled.skip else 0, add_skip=d == 1,
            grad_vectors=address(grad_vectors), work=0 if work is None else work.address, work_row=compiled.work * H,
            grad_h0=address(grad_h0, d * B * P), grad_c0=address(grad_c0, d * B * call.memory),
        )  # fmt: skip
        kernel.backward(layout, backward, threads)
        if products is not None and wanted[0]:
            grad_products.append(_sums_by_place(call, products, N, grad_gates))
        if grad_x is not None:
            W = pack_input(call, parameters["weight_ih"])
            gate_gradients.inputs(I, W.address, grad_x.data_ptr(), add=d == 1 or compiled.skip)
        asked = zip(call.names, wanted[3 + d * each : 3 + (d + 1) * each], strict=True)
        gradients = {name: x.new_empty(parameters[name].shape) for name, want in asked if want}
        state = Rows(address(y, d * P), D * P, P, address(h0, d * B * P) if kernel.meets_state else 0)
        if "masked" in own:
            state = Rows(address(own["masked"]), P, P, address(own["masked0"]))
        to = {name: gradient.data_ptr() for name, gradient in gradients.items()}

        def hand_out(numbers: int, x: Tensor = x) -> tuple[int, Tensor]:
            return scratch("weights", numbers, x)

        gate_gradients.parameters(
            Rows(x.data_ptr(), I, I), state, Rows(address(reset_state), H, H), to, reverse=d == 1, work=hand_out
        )
        if "weight_hr" in to:
            met = Rows(address(own["unprojected"]), H, H)
            gate_gradients.projection(address(grad_state), met, P, to["weight_hr"], hand_out)
        if grad_vectors is not None:
            _sum_vectors(call, grad_vectors, gradients)
        grad_weights += gradients.values()
    if grad_products:
        grad_x = torch.cat(grad_products, 1) if D > 1 else grad_products[0]
    results = [(grad_x, wanted[0]), (grad_h0, wanted[1]), (grad_c0, wanted[2])]
    return [grad for grad, want in results if want and grad is not None] + grad_weights


def _sums_by_place(call: Call, products: Products, rows: int, grad_gates: Memory) -> Tensor:
    """The gradient of one direction's products: sums of those of the gates that meet W, the last ones of each row."""
    compiled, H = call.kernel.compiled, call.hidden
    count, row = compiled.input_gates * H, len(compiled.gradient_columns) * H
    own = numbers(grad_gates.owner, grad_gates.address, products.table.dtype)[: rows * row].view(rows, row)
    places, V = products.places[:rows], len(products.table)
    return torch.ops.aten.embedding_dense_backward(own.narrow(1, row - count, count), places, V, -1, False)


def _to_change(grad: Tensor | None, shape: tuple[int, ...], x: Tensor) -> Tensor:
    return x.new_zeros(shape) if grad is None else grad.clone(memory_format=torch.contiguous_format)


def _input_gradient(x: Tensor, rows: int) -> Tensor:
    """Memory for the gradient of ``x``; that of rows without meaning is zero."""
    grad_x = x.new_empty(x.shape)
    if rows < x.shape[0] * x.shape[1]:
        grad_x.view(-1, x.shape[2])[rows:] = 0
    return grad_x


def _sum_vectors(call: Call, rows: Tensor, gradients: dict[str, Tensor]) -> None:
    """The gradients of the parameters of single units, from one row a sequence."""
    sums, column, H = rows.sum(0), 0, call.hidden
    for name, columns in call.kernel.compiled.vectors:
        own = sums[column * H : (column + (columns or 1)) * H]
        if name in gradients:
            gradients[name].view(-1)[: columns * H or 1] = own if columns else own.sum()
        column += columns or 1


def _check_pass(
    call: Call, inputs: Inputs, y: Tensor, tape: Sequence[Tensor], grads: Arrived, wanted: Sequence[bool]
) -> None:
    """Refuse what the forward pass of these inputs did not return, or no gradient of it."""
    states, dtype = dict(zip(call.kernel.state_names, call.states, strict=True)), inputs.x.dtype
    named = [("y", y, call.outputs), ("grad_y", grads.y, call.outputs)]
    named += [("grad_h", grads.h, states.get("h0")), ("grad_c", grads.c, states.get("c0"))]
    named += [("grad_cells", grads.cells, call.cells if call.memory else None)]
    for name, tensor, shape in named:
        if tensor is None:
            continue
        if shape is None:
            raise TensorError(f"cell {call.kernel.cell.name} has no such state: {name} must be None")
        check_shape(name, tensor, shape, dtype)
    expected = call.tape
    if len(tape) != len(expected) or not all(each.is_contiguous() and not each.is_neg() for each in (y, *tape)):
        raise TensorError(f"expected y and a tape of {len(expected)} tensors as the forward pass returned them")
    for tensor, shape in zip(tape, expected, strict=True):
        check_shape("tape", tensor, shape, dtype)
    given = inputs.tensors
    if len(wanted) != len(given) or any(want and t is None for want, t in zip(wanted, given, strict=True)):
        raise TensorError(f"wanted: expected {len(given)} truth values, none for an absent state")


def _backward_shapes(*arguments: Any) -> list[Tensor]:
    _, inputs, rest = from_operator(arguments)
    wanted = zip(inputs.tensors, rest[-1], strict=True)
    return [inputs.x.new_empty(t.shape) for t, want in wanted if want and t is not None]


LIBRARY.impl("layer_backward", _backward, "CPU")
torch.library.register_fake("unrolled::layer_backward", _backward_shapes, lib=LIBRARY)

run_backward = torch.ops.unrolled.layer_backward.default
