"""The operator ``unrolled::layer_backward``: the gradients of one layer, from the tape its forward pass left."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from unrolled.nn.buffers import (
    Memory,
    address,
    addresses,
    first_states,
    numbers,
    plain,
    recycled,
    scratch,
)
from unrolled.nn.call import Call, check_shape, check_tensors
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
    return [gradient for gradient in backward_pass(call, inputs, y, tape, arrived, wanted) if gradient is not None]


def backward_pass(
    call: Call, inputs: Inputs, y: Tensor, tape: Sequence[Tensor], grads: Arrived, wanted: Sequence[bool], *,
    products: Products | None = None,
) -> list[Tensor | None]:  # fmt: skip
    """A gradient for each wanted one of the inputs of a call that has been checked; with ``products`` in the place of ``x``, the
    first is that of their table."""
    sizes, masks = call.sizes, call.masks
    kernel, D, B, H = sizes.kernel, sizes.directions, sizes.batch, sizes.hidden
    compiled = kernel.compiled
    x, weights = plain(inputs.x) if products is None else y, [plain(weight) for weight in inputs.weights]
    layout, threads = call.layout, kernel_threads()
    N, bound = layout.rows, sizes.passes.backward
    h0, c0 = first_states(call, inputs)
    # the kernels turn the gradients of the last states into those of the first
    grad_h0 = _to_change(grads.h, sizes.of_states["h0"], x) if grads.h is not None or wanted[1] else None
    grad_c0 = _to_change(grads.c, sizes.of_states["c0"], x) if grads.c is not None or wanted[2] else None
    cells, kept = (tape[0], tape[1:]) if sizes.memory else (None, tape)
    kept_at = [*[each.data_ptr() for each in kept], 0]
    grad_y, grad_cells, grad_row = grads.y, grads.cells, D * sizes.size
    if grad_cells is not None:
        grad_y, grad_cells = x.new_zeros(call.outputs) if grad_y is None else grad_y, plain(grad_cells)
    elif grad_y is None:  # one row of zeros stands for all
        grad_y, grad_row = x.new_zeros(grad_row), 0
    grad_y = plain(grad_y)
    apart = products is not None and wanted[0]  # the gate gradients of each direction are read once more
    grad_gates = scratch("gates", N * sizes.gradient_row * (D if apart else 1), x)
    step = N * sizes.gradient_row * x.itemsize if apart else 0
    gates = [grad_gates.address + d * step for d in range(D)]
    reset_state = recycled(x, (N, H)) if kernel.resets else None
    grad_state = recycled(x, (N, sizes.size)) if compiled.projected else None
    work = scratch("states", sizes.work, x).address if sizes.work else 0
    grad_x = _input_gradient(x, N) if wanted[0] and products is None else None
    gradients = [torch.empty_like(w) if want else None for w, want in zip(weights, wanted[3:], strict=True)]
    grad_vectors = [x.new_zeros((B, compiled.vector_columns * H)) for _ in range(D)] if compiled.vectors else []

    def hand_out(numbers: int) -> tuple[int, Tensor]:
        memory = scratch("weights", numbers, x)
        return memory.address, memory.owner

    packed = scratch("weights", bound.packed, x)
    bound.own.run(
        steps=layout.steps, offsets=layout.address, batch=B, parameters=[weight.data_ptr() for weight in weights],
        x=x.data_ptr(), h0=address(h0), c0=address(c0), masks=addresses(masks),
        kept=[[kept_at[place] for place in own] for own in call.kept], work=work, packed=packed.address,
        room=packed.size // x.itemsize, y=y.data_ptr(), cells=address(cells), grad_y=grad_y.data_ptr(), grad_row=grad_row,
        grad_cells=address(grad_cells), grad_gates=gates, grad_state=address(grad_state),
        reset_state=address(reset_state), grad_x=address(grad_x),
        grad_parameters=[address(gradient) for gradient in gradients],
        grad_vectors=[each.data_ptr() for each in grad_vectors] or [0] * D, grad_h0=address(grad_h0), grad_c0=address(grad_c0),
        hand_out=hand_out, threads=threads,
    )  # fmt: skip
    for d, rows in enumerate(grad_vectors):
        _sum_vectors(call, rows, gradients[d * len(sizes.names) : (d + 1) * len(sizes.names)])
    if products is not None and wanted[0]:
        grad_x = _sums_by_place(call, products, N, grad_gates)
    return [grad_x, grad_h0 if wanted[1] else None, grad_c0 if wanted[2] else None, *gradients]


def _sums_by_place(call: Call, products: Products, rows: int, grad_gates: Memory) -> Tensor:
    """The gradient of the products: of each direction sums of those of the gates that meet W, the last ones of each row."""
    D, row, count = (
        call.sizes.directions,
        call.sizes.gradient_row,
        call.sizes.kernel.compiled.input_gates * call.sizes.hidden,
    )
    all_rows = numbers(grad_gates.owner, grad_gates.address, products.table.dtype)[: D * rows * row].view(D, rows, row)
    places, V = products.places[:rows], len(products.table)
    sums: Any = torch.ops.aten.embedding_dense_backward
    return torch.cat([sums(own.narrow(1, row - count, count), places, V, -1, False) for own in all_rows], 1)


def _to_change(grad: Tensor | None, shape: tuple[int, ...], x: Tensor) -> Tensor:
    return x.new_zeros(shape) if grad is None else grad.clone(memory_format=torch.contiguous_format)


def _input_gradient(x: Tensor, rows: int) -> Tensor:
    """Memory for the gradient of ``x``; that of rows without meaning is zero."""
    grad_x = torch.empty_like(x)
    if rows < x.shape[0] * x.shape[1]:
        grad_x.view(-1, x.shape[2])[rows:] = 0
    return grad_x


def _sum_vectors(call: Call, rows: Tensor, gradients: Sequence[Tensor | None]) -> None:
    """The gradients of one direction's parameters of single units, from one row a sequence."""
    sums, column, H = rows.sum(0), 0, call.sizes.hidden
    for name, columns in call.sizes.kernel.compiled.vectors:
        own = sums[column * H : (column + (columns or 1)) * H]
        gradient = gradients[call.sizes.names.index(name)] if name in call.sizes.names else None
        if gradient is not None:
            gradient.view(-1)[: columns * H or 1] = own if columns else own.sum()
        column += columns or 1


def _check_pass(
    call: Call, inputs: Inputs, y: Tensor, tape: Sequence[Tensor], grads: Arrived, wanted: Sequence[bool]
) -> None:
    """Refuse what the forward pass of these inputs did not return, or no gradient of it."""
    states, dtype = call.sizes.of_states, inputs.x.dtype
    named = [("y", y, call.outputs), ("grad_y", grads.y, call.outputs)]
    named += [("grad_h", grads.h, states.get("h0")), ("grad_c", grads.c, states.get("c0"))]
    named += [("grad_cells", grads.cells, call.cells if call.sizes.memory else None)]
    for name, tensor, shape in named:
        if tensor is None:
            continue
        if shape is None:
            raise TensorError(f"cell {call.sizes.kernel.cell.name} has no such state: {name} must be None")
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
