"""One layer for autograd: the operators of the forward and the backward pass joined.

Shapes: ``T`` steps, ``B`` sequences, ``D`` directions, ``I`` inputs, ``H`` hidden size. Input ``x [T, B, I]`` and
output ``y [T, B, D*H]`` are rows of ``I`` or ``D*H`` numbers, one step after the other. With ``batch_sizes [T]``, the
number of sequences alive at each step (longest first), the living rows of all steps come first without gaps, then rows
without meaning, whose outputs and gradients are zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from unrolled.cells import get_cell
from unrolled.nn.backward import backward_pass, run_backward
from unrolled.nn.call import Call, check_tensors, holds_numbers, is_tracing, is_transformed
from unrolled.nn.composite import composite
from unrolled.nn.errors import TensorError
from unrolled.nn.forward import forward_pass, run_forward
from unrolled.nn.library import LIBRARY

__all__ = ["layer"]


def _forward(
    cell: str, directions: int, batch_sizes: Tensor | None, x: Tensor, h0: Tensor | None, c0: Tensor | None,
    weights: Sequence[Tensor], *, tape: bool,
) -> tuple[Call | None, Sequence[Tensor]]:  # fmt: skip
    """At once where that is possible, with the checked call; otherwise the operator."""
    if not holds_numbers(x, h0, c0, *weights):
        return None, run_forward(cell, directions, batch_sizes, x, h0, c0, weights, tape)
    call = check_tensors(cell, directions, batch_sizes, x, h0, c0, weights)
    return call, forward_pass(call, batch_sizes, x, h0, c0, weights, tape)


# cell, directions, batch sizes, and the call where it was checked
_Described = tuple[str, int, "Tensor | None", "Call | None"]


def _backward(
    described: _Described, inputs: Sequence[Tensor | None], outputs: Sequence[Tensor],
    grads: Sequence[Tensor | None], wanted: Sequence[bool],
) -> list[Tensor | None]:  # fmt: skip
    """A gradient for each wanted one of x, h0, c0 and the weights; outputs are ``y`` and the tape."""
    cell, directions, batch_sizes, call = described
    x, h0, c0, *weights = inputs
    y, *tape = outputs
    assert x is not None
    grad_y, grad_h, grad_c, grad_cells = (*grads, None, None)[:4]
    parameters = [weight for weight in weights if weight is not None]
    arguments = batch_sizes, x, h0, c0, parameters, y, tape, grad_y, grad_h, grad_c, grad_cells, wanted
    if torch.is_grad_enabled():  # create_graph: these gradients may be differentiated again
        results = composite(cell, directions, batch_sizes, x, h0, c0, parameters)
        arrived = [(result, grad) for result, grad in zip(results, grads, strict=False) if grad is not None]
        gradients = torch.autograd.grad(
            [result for result, _ in arrived],
            [t for t, want in zip(inputs, wanted, strict=True) if want and t is not None],
            [grad for _, grad in arrived],
            create_graph=True,
            materialize_grads=True,
        )
    elif call and holds_numbers(*grads):
        gradients = backward_pass(call, *arguments)
    else:
        gradients = run_backward(cell, directions, *arguments)
    following = iter(gradients)
    return [next(following) if want else None for want in wanted]


class _Layer(torch.autograd.Function):
    # around the operators: the formula registered on them costs about 90 µs more a step

    @staticmethod
    def forward(
        ctx: Any, cell: str, directions: int, cells: bool, batch_sizes: Tensor | None, x: Tensor, h0: Tensor | None,
        c0: Tensor | None, *weights: Tensor,
    ) -> tuple[Tensor, ...]:  # fmt: skip
        call, outputs = _forward(cell, directions, batch_sizes, x, h0, c0, weights, tape=True)
        before_tape = 1 + len(get_cell(cell).states)
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(x, h0, c0, *weights, outputs[0], *outputs[before_tape:])
        ctx.described = cell, directions, batch_sizes, call
        return tuple(outputs[: before_tape + cells])

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor | None) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        saved, wanted = ctx.saved_tensors, ctx.needs_input_grad[4:]
        n = len(wanted)
        return None, None, None, None, *_backward(ctx.described, saved[:n], saved[n:], grad_outputs, wanted)


def _set_up(ctx: Any, inputs: tuple[Any, ...], output: Sequence[Tensor]) -> None:
    cell, directions, batch_sizes, x, h0, c0, weights, tape = inputs
    if not tape:
        raise TensorError("unrolled::layer without a tape has no gradients: call it under no_grad(), or with a tape")
    states = get_cell(cell).states
    before_tape = 1 + len(states)
    ctx.differentiable = before_tape + ("c" in states)
    ctx.set_materialize_grads(False)
    ctx.save_for_backward(x, h0, c0, *weights, output[0], *output[before_tape:])
    ctx.described, ctx.inputs = (cell, directions, batch_sizes, None), 3 + len(weights)


def _formula(ctx: Any, grads: Sequence[Tensor | None]) -> Any:
    saved, n = ctx.saved_tensors, ctx.inputs
    wanted = [*ctx.needs_input_grad[3:6], *ctx.needs_input_grad[6]]
    x, h0, c0, *weights = _backward(ctx.described, saved[:n], saved[n:], grads[: ctx.differentiable], wanted)
    return None, None, None, x, h0, c0, weights, None


# for graphs that hold the operator itself, such as exported ones
torch.library.register_autograd("unrolled::layer", _formula, setup_context=_set_up, lib=LIBRARY)


def layer(
    cell: str, directions: int, batch_sizes: Tensor | None, x: Tensor, h0: Tensor | None, c0: Tensor | None,
    weights: Sequence[Tensor], *, cells: bool = False,
) -> Sequence[Tensor]:  # fmt: skip
    """Run one layer; differentiable with respect to ``x``, ``h0``, ``c0`` and ``weights``.

    ``weights`` holds weight_ih, weight_hh and, if there are biases, bias_ih, bias_hh of each direction; states not
    given are zero. Returns ``y``, the last states, each ``[D, B, H]``, and with ``cells`` the cell states of every
    step, shaped like ``y``, of a cell that has them.
    """
    states = get_cell(cell).states
    cells = cells and "c" in states
    returned = 1 + len(states) + cells
    if is_transformed(x, h0, c0, *weights):
        return composite(cell, directions, batch_sizes, x, h0, c0, weights)[:returned]
    if is_tracing():  # a trace holds operators, no functions of Python; with a tape they have gradients
        return run_forward(cell, directions, batch_sizes, x, h0, c0, weights, True)[:returned]
    if torch.is_grad_enabled():
        for tensor in (x, h0, c0, *weights):
            if tensor is not None and tensor.requires_grad:
                return _Layer.apply(cell, directions, cells, batch_sizes, x, h0, c0, *weights)  # type: ignore[no-any-return]
    return _forward(cell, directions, batch_sizes, x, h0, c0, weights, tape=cells)[1][:returned]
