"""The operator ``unrolled::layer``: one layer forward, in one or both directions."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from unrolled.kernels import _native
from unrolled.nn.buffers import address, first_states, numbers, pack, plain, recycled, scratch
from unrolled.nn.call import Call, check_tensors, get_layout
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
    kernel, compiled, masks, D = call.kernel, call.kernel.compiled, call.masks, call.directions
    B, H, P, I, R = call.batch, call.hidden, call.size, call.inputs, call.steps * call.batch
    x, weights, each = inputs.x, inputs.weights, len(call.names)
    row = kernel.gates_row(H, tape=tape)
    kept = D * (row + P + call.memory) if tape else row
    check_allocation(R * (D * P + kept) * x.element_size(), "the states and gates of all steps")
    layout, threads = get_layout(call), kernel_threads()
    h0, c0 = first_states(call, inputs)
    y, last = x.new_empty(call.outputs), [x.new_empty(shape) for shape in call.states]
    taped = [x.new_empty(call.cells)] if tape and call.memory else []
    cells = taped[0] if taped else None
    if layout.rows < R:
        for rows in (y, *taped):
            rows.view(R, rows.shape[2])[layout.rows :] = 0
    x, fused = (
        plain(x) if products is None else products.table,
        products is None and kernel.fuses(I, H, call.steps, B, threads),
    )
    # work spaces for what is no part of the tape, used by both directions
    running = None if tape or not call.memory else scratch("cells", B * call.memory, x)
    work = scratch("states", B * compiled.work * H, x) if compiled.work else None
    before = None if fused or (tape and compiled.tape) else scratch("gates", R * row, x)
    for d in range(D):
        own = {name: recycled(x, shape) for name, shape in call.own_tape.items()} if tape else _untaped(call, x)
        taped += own.values() if tape else ()
        gates = before.address if before is not None else address(own.get("gates"))
        packed, owner = pack(call, weights[d * each : (d + 1) * each], fused=fused)
        if products is not None:
            rows = own["gates"] if before is None else numbers(before.owner, gates, x.dtype)[: R * row].view(R, row)
            _place(call, products, d, numbers(owner, packed.separate_bias, x.dtype), rows)
        elif not fused:
            kernel.separate_inputs(layout, I, H, packed, x=x.data_ptr(), gates=gates, gates_row=row, threads=threads)
        h_last, c_last = kernel.split_states([address(s, d * B * s.shape[2]) for s in last])
        forward = _native.ForwardCall(
            steps=layout.steps, offsets=layout.address, reverse=d == 1, inputs=I, hidden=H, outputs=P, tape=tape,
            x=x.data_ptr() if fused else 0, skip=x.data_ptr(), input_weight=packed.input, weight=packed.recurrent,
            projection=packed.projection, bias=packed.bias, vectors=packed.vectors,
            state_mask=address(masks.state, d * B * P), candidate_mask=address(masks.candidate, d * H),
            keep_h=address(masks.keep_h, d * P), keep_c=address(masks.keep_c, d * H), mask_row=D * H,
            zoneout_h=masks.zoneout_h, zoneout_c=masks.zoneout_c, gates=gates, gates_row=row, h0=address(h0, d * B * P),
            c0=address(c0, d * B * call.memory), h=address(y, d * P), h_row=D * P,
            c=address(cells, d * call.memory) if running is None else running.address, c_row=D * call.memory,
            c_values=compiled.memory, new_h=address(own.get("new_h")), new_c=address(own.get("new_c")),
            unprojected=address(own.get("unprojected")), masked=address(own.get("masked")),
            masked0=address(own.get("masked0")), work=0 if work is None else work.address, work_row=compiled.work * H,
            h_last=h_last, c_last=c_last,
        )  # fmt: skip
        kernel.forward(layout, forward, threads)
        del owner  # kept until here
    return [y, *last, *taped]


def _place(call: Call, products: Products, direction: int, bias: Tensor, gates: Tensor) -> None:
    """``W x + b`` of one direction, where a pass finds it among the gates."""
    compiled, H = call.kernel.compiled, call.hidden
    count = compiled.input_gates * H
    own = products.table.narrow(1, direction * count, count) + bias[:count]
    if gates.shape[1] == count:
        torch.index_select(own, 0, products.places, out=gates)
    else:
        gates.narrow(1, compiled.input_column * H, count).copy_(own.index_select(0, products.places))


def _untaped(call: Call, x: Tensor) -> dict[str, Tensor]:
    """What a direction needs of its tape where nothing is kept: a row a sequence, but for the products' operands."""
    shapes = call.own_tape
    shapes.pop("gates", None)
    return {
        name: x.new_empty(shape if name.startswith("masked") else (call.batch, shape[1]))
        for name, shape in shapes.items()
    }


def _forward_shapes(*arguments: Any) -> list[Tensor]:
    refuse_onnx()
    plan, inputs, (tape,) = from_operator(arguments)
    call = check_tensors(plan, inputs)
    shapes = [call.outputs, *call.states, *(call.tape if tape else ())]
    return [inputs.x.new_empty(shape) for shape in shapes]


LIBRARY.impl("layer", _forward, "CPU")
torch.library.register_fake("unrolled::layer", _forward_shapes, lib=LIBRARY)

run_forward = torch.ops.unrolled.layer.default
