"""The operator ``unrolled::layer``: one layer forward, in one or both directions."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from unrolled.nn.buffers import address, first_states, pack, scratch
from unrolled.nn.call import Call, check_tensors, get_layout
from unrolled.nn.library import LIBRARY
from unrolled.nn.memory import check_allocation
from unrolled.nn.onnx import refuse_onnx

__all__ = ["forward_pass", "run_forward"]

# -> y [T, B, D*H], h_last [D, B, H], c_last of a cell that has one; with a tape then what Call.tape says
LIBRARY.define(
    "layer(str cell, int directions, Tensor? batch_sizes, Tensor x, Tensor? h0, Tensor? c0, Tensor[] weights,"
    " bool tape) -> Tensor[]"
)


def _forward(
    cell: str, directions: int, batch_sizes: Tensor | None, x: Tensor, h0: Tensor | None, c0: Tensor | None,
    weights: Sequence[Tensor], tape: bool,
) -> list[Tensor]:  # fmt: skip
    call = check_tensors(cell, directions, batch_sizes, x, h0, c0, weights)
    return forward_pass(call, batch_sizes, x, h0, c0, weights, tape)


def forward_pass(
    call: Call, batch_sizes: Tensor | None, x: Tensor, h0: Tensor | None, c0: Tensor | None, weights: Sequence[Tensor],
    tape: bool,
) -> list[Tensor]:  # fmt: skip
    """What the operator does, for a call that has been checked."""
    directions = call.directions
    kernel, B, H, R = call.kernel, call.batch, call.hidden, call.steps * call.batch
    kept = directions * (kernel.gates + 1) if tape else kernel.gates
    check_allocation(R * H * (directions + kept) * x.element_size(), "the states and gates of all steps")
    layout, threads = get_layout(call, batch_sizes), torch.get_num_threads()
    N = layout.rows
    h0, c0 = first_states(call, x, h0, c0)
    y, last = x.new_empty(call.outputs), [x.new_empty(call.state) for _ in kernel.cell.states]
    taped = [x.new_empty(call.outputs)] if tape and kernel.has_cell_state else []
    cells = taped[0] if taped else None
    if N < R:
        for rows in (y, *taped):
            rows.view(R, directions * H)[N:] = 0
    x = x.contiguous()
    fused = kernel.fuses(x.shape[2], H)
    # work spaces for what is no part of the tape, of states two rows a sequence
    states = scratch("states", B * 2 * H, x)
    products = None if fused or (tape and kernel.keeps_gates) else scratch("gates", R * kernel.gates * H, x)
    for d in range(directions):
        own_tape = [x.new_empty(shape) for shape in call.own_tape] if tape else []
        taped += own_tape
        gates, extra = (*map(address, own_tape), 0, 0)[:2]
        packed, owner = pack(kernel, weights[d * call.parameters : (d + 1) * call.parameters], fused=fused)
        state = d * B * H
        kernel.forward(
            layout, x.shape[2], H, reverse=d == 1, tape=tape, threads=threads, x=x.data_ptr(), weights=packed,
            gates=gates if products is None else products.address, h0=address(h0, state), c0=address(c0, state),
            h=address(y, d * H), h_row=directions * H, c=states.address if cells is None else address(cells, d * H),
            extra=extra or states.address, h_last=address(last[0], state),
            c_last=0 if c0 is None else address(last[1], state),
        )  # fmt: skip
        del owner  # kept until here
    return [y, *last, *taped]


def _forward_shapes(
    cell: str, directions: int, batch_sizes: Tensor | None, x: Tensor, h0: Tensor | None, c0: Tensor | None,
    weights: Sequence[Tensor], tape: bool,
) -> list[Tensor]:  # fmt: skip
    refuse_onnx()
    call = check_tensors(cell, directions, batch_sizes, x, h0, c0, weights)
    shapes = [call.outputs, *(call.state for _ in call.kernel.cell.states)]
    return [x.new_empty(shape) for shape in (*shapes, *(call.tape if tape else ()))]


LIBRARY.impl("layer", _forward, "CPU")
torch.library.register_fake("unrolled::layer", _forward_shapes, lib=LIBRARY)

run_forward = torch.ops.unrolled.layer.default
