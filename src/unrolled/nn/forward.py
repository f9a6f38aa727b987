"""The operator ``unrolled::layer``: one layer forward, in one or both directions."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from unrolled.kernels.gradients import input_bias
from unrolled.kernels.kernel import Kernel
from unrolled.nn.buffers import address, first_states, packed, scratch
from unrolled.nn.call import check_tensors, get_layout
from unrolled.nn.library import LIBRARY
from unrolled.nn.memory import check_allocation

__all__ = ["run_forward"]

# -> y [T, B, D*H], h_last [D, B, H], c_last of a cell that has one; with a tape then each direction's, see Call.tape
LIBRARY.define(
    "layer(str cell, int directions, Tensor? batch_sizes, Tensor x, Tensor? h0, Tensor? c0, Tensor[] weights,"
    " bool tape) -> Tensor[]"
)


def _forward(
    cell: str, directions: int, batch_sizes: Tensor | None, x: Tensor, h0: Tensor | None, c0: Tensor | None,
    weights: Sequence[Tensor], tape: bool,
) -> list[Tensor]:  # fmt: skip
    call = check_tensors(cell, directions, batch_sizes, x, h0, c0, weights)
    kernel, B, H, R = call.kernel, call.batch, call.hidden, call.steps * call.batch
    kept = directions * (kernel.gates + 1) if tape else kernel.gates
    check_allocation(R * H * (directions + kept) * x.element_size(), "the states and gates of all steps")
    layout, threads = get_layout(call, batch_sizes), torch.get_num_threads()
    N = layout.rows
    h0, c0 = first_states(call, x, h0, c0)
    y, last = x.new_empty(call.outputs), [x.new_empty(call.state) for _ in kernel.cell.states]
    rows = x.reshape(R, x.shape[2])
    if N < R:
        y.view(R, directions * H)[N:] = 0
        rows = rows[:N]
    taped: list[Tensor] = []
    gates = memory = x
    for d in range(directions):
        own_tape = [x.new_empty(shape) for shape in call.tape] if tape else []
        taped += own_tape
        if tape or d == 0:
            gates = own_tape[0] if own_tape else scratch(x, (R, kernel.gates * H))
            # a cell state or work space of one row a sequence where it is no part of the tape
            memory = own_tape[1] if len(own_tape) == 2 else x.new_empty((B, H))
        parameters = weights[d * call.parameters : (d + 1) * call.parameters]
        bias = _input_product(kernel, rows, parameters, gates[:N] if N < R else gates)
        U, state = packed(kernel, parameters[1], backward=False), d * B * H
        kernel.forward(
            layout, H, reverse=d == 1, tape=tape, threads=threads, weight=U.data_ptr(), bias=address(bias),
            gates=gates.data_ptr(), h0=address(h0, state), c0=address(c0, state), h=address(y, d * H),
            h_row=directions * H, c=memory.data_ptr(), extra=memory.data_ptr(), h_last=address(last[0], state),
            c_last=0 if c0 is None else address(last[1], state),
        )  # fmt: skip
    return [y, *last, *taped]


def _input_product(kernel: Kernel, x: Tensor, parameters: Sequence[Tensor], gates: Tensor) -> Tensor | None:
    """Leave ``W x + b`` in ``gates``; return the recurrent bias that stays apart, for a cell that has one."""
    weight, H, gate = parameters[0], parameters[1].shape[1], kernel.bias_gate
    if len(parameters) == 2:
        torch.mm(x, weight.t(), out=gates)
        return None if gate is None else x.new_zeros(H)
    bias_ih, bias_hh = parameters[2:]
    torch.addmm(input_bias(kernel, H, bias_ih, bias_hh), x, weight.t(), out=gates)
    return None if gate is None else bias_hh[gate * H : gate * H + H].contiguous()


def _forward_shapes(
    cell: str, directions: int, batch_sizes: Tensor | None, x: Tensor, h0: Tensor | None, c0: Tensor | None,
    weights: Sequence[Tensor], tape: bool,
) -> list[Tensor]:  # fmt: skip
    call = check_tensors(cell, directions, batch_sizes, x, h0, c0, weights)
    shapes = [call.outputs, *(call.state for _ in call.kernel.cell.states)]
    return [x.new_empty(shape) for shape in (*shapes, *(call.tape * directions if tape else ()))]


LIBRARY.impl("layer", _forward, "CPU")
torch.library.register_fake("unrolled::layer", _forward_shapes, lib=LIBRARY)

run_forward = torch.ops.unrolled.layer.default
