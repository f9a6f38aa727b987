"""The operator ``unrolled::layer``: one layer forward, in one or both directions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from unrolled.nn.buffers import address, addresses, first_states, kept_addresses, numbers, plain, recycled, scratch
from unrolled.nn.call import Call, check_tensors
from unrolled.nn.inputs import Inputs, Products, from_operator
from unrolled.nn.library import LIBRARY
from unrolled.nn.memory import check_allocation
from unrolled.nn.onnx import refuse_onnx
from unrolled.nn.threads import kernel_threads

__all__ = ["forward_pass", "run_forward"]

# the masks and the shares of zoneout as Masks has them
# -> y [T, B, D*P], the last states as Call.states says; with a tape then what Call.tape says
LIBRARY.define(
    "layer(str cell, int directions, Tensor? batch_sizes, Tensor x, Tensor? h0, Tensor? c0, Tensor[] weights,"
    " Tensor? state_mask, Tensor? candidate_mask, Tensor? keep_h, Tensor? keep_c, float zoneout_h, float zoneout_c,"
    " bool tape) -> Tensor[]"
)


def _forward(*arguments: Any) -> list[Tensor]:
    plan, inputs, (tape,) = from_operator(arguments)
    return forward_pass(check_tensors(plan, inputs), inputs, tape=tape)


def forward_pass(call: Call, inputs: Inputs, *, tape: bool, products: Products | None = None) -> list[Tensor]:
    """What the operator does, for a call that has been checked; ``products`` take the place of ``x``."""
    check_allocation(call.forward_bytes[tape], "the states and gates of all steps")
    sizes, layout, threads = call.sizes, call.layout, kernel_threads()
    kernel, D, B, H, M = sizes.kernel, sizes.directions, sizes.batch, sizes.hidden, sizes.memory
    x, row, R = inputs.x, sizes.gates_rows[tape], call.steps * B
    h0, c0 = first_states(call, inputs)
    y = x.new_empty(*call.outputs)
    h_last, c_last = (None if state is None else torch.empty_like(state) for state in (h0, c0))
    cells = x.new_empty(*call.cells) if tape and M else None
    if layout.rows < R:
        for rows in (y,) if cells is None else (y, cells):
            rows.view(R, rows.shape[2])[layout.rows :] = 0
    own = [(_taped if tape else _untaped)(call, x) for _ in range(D)]
    weights = [plain(weight) for weight in inputs.weights]
    fused = products is None and kernel.fuses(sizes.inputs, H, sizes.size, call.steps, B, threads)
    bound = sizes.passes.forward(tape=tape, fused=fused)
    # work spaces for what is no part of the tape, used by both directions
    packed = scratch("weights", bound.packed, x)
    running = scratch("cells", B * M, x).address if M and not tape else 0
    work = scratch("states", sizes.work, x).address if sizes.work else 0
    gates = [address(kept.get("gates")) for kept in own]
    if products is not None:
        rows = _rows_of_gates(own, (D, R, row), x)
        gates = [each.data_ptr() for each in rows]
        _place_products(call, products, weights, rows)
    elif not fused and not gates[0]:
        gates = [scratch("gates", R * row, x).address] * D
    x = plain(x)
    bound.own.run(
        steps=layout.steps, offsets=layout.address, batch=B, parameters=[weight.data_ptr() for weight in weights],
        x=x.data_ptr() if products is None else 0, h0=address(h0), c0=address(c0), masks=addresses(call.masks),
        kept=[kept_addresses(each, at) for each, at in zip(own, gates, strict=True)], work=work, packed=packed.address,
        y=y.data_ptr(), cells=running or address(cells), h_last=address(h_last), c_last=address(c_last), threads=threads,
    )  # fmt: skip
    results = [each for each in (y, h_last, c_last, cells) if each is not None]
    if tape:
        for each in own:
            results += each.values()
    return results


def _rows_of_gates(own: Sequence[dict[str, Tensor]], shape: tuple[int, int, int], x: Tensor) -> list[Tensor]:
    """The gates of each direction ``[R, row]``: those that are kept, or room for all of them."""
    if "gates" in own[0]:
        return [kept["gates"] for kept in own]
    D, R, row = shape
    memory = scratch("gates", D * R * row, x)
    return list(numbers(memory.owner, memory.address, x.dtype)[: D * R * row].view(shape))


def _place_products(call: Call, products: Products, weights: Sequence[Tensor], gates: Sequence[Tensor]) -> None:
    """``W x + b`` of each direction, where a pass finds it among the gates."""
    kernel, H, names = call.sizes.kernel, call.sizes.hidden, call.sizes.names
    count, first = kernel.compiled.input_gates * H, kernel.compiled.input_column * H
    bias = weights[0].new_empty(kernel.separate_bias_size(H))
    for d, rows in enumerate(gates):
        named = dict(zip(names, weights[d * len(names) :], strict=False))
        of_input, of_state = (address(named.get(name)) for name in ("bias_ih", "bias_hh"))
        kernel.pack_separate_bias(H, of_input, of_state, bias.data_ptr())
        own = products.table.narrow(1, d * count, count) + bias[:count]
        if rows.shape[1] == count:
            torch.index_select(own, 0, products.places, out=rows)
        else:
            rows.narrow(1, first, count).copy_(own.index_select(0, products.places))


def _taped(call: Call, x: Tensor) -> dict[str, Tensor]:
    """What a direction keeps for the backward pass."""
    return {name: recycled(x, shape) for name, shape in call.own_tape.items()}


def _untaped(call: Call, x: Tensor) -> dict[str, Tensor]:
    """What a direction needs of its tape where nothing is kept: a row a sequence, but for the products' operands."""
    return {
        name: x.new_empty(shape if name.startswith("masked") else (call.sizes.batch, shape[1]))
        for name, shape in call.own_tape.items()
        if name != "gates"
    }


def _forward_shapes(*arguments: Any) -> list[Tensor]:
    refuse_onnx()
    plan, inputs, (tape,) = from_operator(arguments)
    call = check_tensors(plan, inputs, symbolic=True)
    shapes = [call.outputs, *call.sizes.states, *(call.tape if tape else ())]
    return [inputs.x.new_empty(shape) for shape in shapes]


LIBRARY.impl("layer", _forward, "CPU")
torch.library.register_fake("unrolled::layer", _forward_shapes, lib=LIBRARY)

run_forward = torch.ops.unrolled.layer.default
