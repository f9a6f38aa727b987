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
from unrolled.nn.call import Call, check_tensors, holds_numbers, is_transformed
from unrolled.nn.composite import composite
from unrolled.nn.forward import forward_pass, run_forward

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


class _Layer(torch.autograd.Function):
    # around the operators: a formula registered on them would cost about 90 µs more a step

    @staticmethod
    def forward(
        ctx: Any, cell: str, directions: int, batch_sizes: Tensor | None, x: Tensor, h0: Tensor | None,
        c0: Tensor | None, *weights: Tensor,
    ) -> tuple[Tensor, ...]:  # fmt: skip
        call, outputs = _forward(cell, directions, batch_sizes, x, h0, c0, weights, tape=True)
        returned = 1 + len(get_cell(cell).states)
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(x, h0, c0, outputs[0], *weights, *outputs[returned:])
        ctx.described, ctx.batch_sizes, ctx.checked = (cell, directions), batch_sizes, call
        return tuple(outputs[:returned])

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor | None) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        grad_y, grad_h, grad_c = grad_outputs if len(grad_outputs) == 3 else (*grad_outputs, None)
        cell, directions = ctx.described
        x, h0, c0, y, *rest = ctx.saved_tensors
        wanted = ctx.needs_input_grad[3:]
        n = len(wanted) - 3
        weights = rest[:n]
        arguments = ctx.batch_sizes, x, h0, c0, weights, y, rest[n:], grad_y, grad_h, grad_c, wanted
        if torch.is_grad_enabled():  # create_graph: these gradients may be differentiated again
            inputs = [t for t, want in zip((x, h0, c0, *weights), wanted, strict=True) if want]
            outputs = composite(cell, directions, ctx.batch_sizes, x, h0, c0, weights)
            arrived = [
                (t, grad) for t, grad in zip(outputs, (grad_y, grad_h, grad_c), strict=False) if grad is not None
            ]
            gradients = torch.autograd.grad(
                [t for t, _ in arrived],
                inputs,
                [grad for _, grad in arrived],
                create_graph=True,
                materialize_grads=True,
            )
        elif ctx.checked and holds_numbers(grad_y, grad_h, grad_c):
            gradients = backward_pass(ctx.checked, *arguments)
        else:
            gradients = run_backward(cell, directions, *arguments)
        following = iter(gradients)
        return None, None, None, *(next(following) if want else None for want in wanted)


def layer(
    cell: str, directions: int, batch_sizes: Tensor | None, x: Tensor, h0: Tensor | None, c0: Tensor | None,
    weights: Sequence[Tensor],
) -> Sequence[Tensor]:  # fmt: skip
    """Run one layer; differentiable with respect to ``x``, ``h0``, ``c0`` and ``weights``.

    ``weights`` holds weight_ih, weight_hh and, if there are biases, bias_ih, bias_hh of each direction; states not
    given are zero. Returns ``y`` and the last states, each ``[D, B, H]``.
    """
    if is_transformed(x, h0, c0, *weights):
        return composite(cell, directions, batch_sizes, x, h0, c0, weights)
    if torch.is_grad_enabled():
        for tensor in (x, h0, c0, *weights):
            if tensor is not None and tensor.requires_grad:
                return _Layer.apply(cell, directions, batch_sizes, x, h0, c0, *weights)  # type: ignore[no-any-return]
    return _forward(cell, directions, batch_sizes, x, h0, c0, weights, tape=False)[1]
