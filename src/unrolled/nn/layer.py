"""One layer for autograd: the operators of the forward and the backward pass joined.

Shapes: ``T`` steps, ``B`` sequences, ``D`` directions, ``I`` inputs, ``H`` hidden size, ``P`` size of ``h``, ``M``
values of memory a unit. Input ``x [T, B, I]`` and output ``y [T, B, D*P]`` are rows of ``I`` or ``D*P`` numbers, one
step after the other. With ``batch_sizes [T]``, the number of sequences alive at each step (longest first), the living
rows of all steps come first without gaps, then rows without meaning, whose outputs and gradients are zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from unrolled.cells import get_cell
from unrolled.kernels.compiled import get_compiled
from unrolled.nn.backward import Arrived, backward_pass, run_backward
from unrolled.nn.call import NO_MASKS, Call, Masks, check_tensors, holds_numbers, is_tracing, is_transformed
from unrolled.nn.composite import composite
from unrolled.nn.errors import TensorError
from unrolled.nn.forward import forward_pass, run_forward
from unrolled.nn.kind import kind_of
from unrolled.nn.library import LIBRARY
from unrolled.nn.result import Result

__all__ = ["layer"]


class _Described(NamedTuple):
    """A call apart from its tensors, and what was found when it was checked, where it was."""

    cell: str
    directions: int
    batch_sizes: Tensor | None
    masks: Masks
    call: Call | None


def _states(cell: str) -> int:
    """How many tensors of states a layer returns."""
    kind = kind_of(cell)
    return kind.hands_on_h + bool(kind.memory)


def _has_memory(cell: str) -> bool:
    return bool(kind_of(cell).memory)


def _forward(
    cell: str, directions: int, batch_sizes: Tensor | None, x: Tensor, h0: Tensor | None, c0: Tensor | None,
    weights: Sequence[Tensor], masks: Masks, *, tape: bool,
) -> tuple[Call | None, Sequence[Tensor]]:  # fmt: skip
    """At once where that is possible, with the checked call; otherwise the operator."""
    if not holds_numbers(x, h0, c0, *weights, *masks.tensors):
        arguments = cell, directions, batch_sizes, x, h0, c0, weights, *masks, tape
        return None, run_forward(*arguments)
    call = check_tensors(cell, directions, batch_sizes, x, h0, c0, weights, masks)
    return call, forward_pass(call, batch_sizes, x, h0, c0, weights, tape)


def _backward(
    described: _Described, inputs: Sequence[Tensor | None], outputs: Sequence[Tensor],
    grads: Sequence[Tensor | None], wanted: Sequence[bool],
) -> list[Tensor | None]:  # fmt: skip
    """A gradient for each wanted one of x, h0, c0 and the weights; outputs are ``y`` and the tape."""
    cell, directions, batch_sizes, masks, call = described
    x, h0, c0, *weights = inputs
    y, *tape = outputs
    assert x is not None
    parameters = [weight for weight in weights if weight is not None]
    if torch.is_grad_enabled():  # create_graph: these gradients may be differentiated again
        results = composite(cell, directions, batch_sizes, x, h0, c0, parameters, masks)
        arrived = [(result, grad) for result, grad in zip(results, grads, strict=False) if grad is not None]
        gradients = torch.autograd.grad(
            [result for result, _ in arrived],
            [t for t, want in zip(inputs, wanted, strict=True) if want and t is not None],
            [grad for _, grad in arrived],
            create_graph=True,
            materialize_grads=True,
        )
    else:
        named = _name(cell, grads)
        if call and holds_numbers(*grads):
            gradients = backward_pass(call, batch_sizes, x, h0, c0, parameters, y, tape, named, wanted)
        else:
            gradients = run_backward(
                cell, directions, batch_sizes, x, h0, c0, parameters, *masks, y, tape, *named,
                wanted,
            )  # fmt: skip
    following = iter(gradients)
    return [next(following) if want else None for want in wanted]


def _name(cell: str, grads: Sequence[Tensor | None]) -> Arrived:
    """The gradients of y, the last states and the memory of every step by name."""
    kind = kind_of(cell)
    y, *rest = grads
    following = iter(rest)
    h = next(following, None) if kind.hands_on_h else None
    c = next(following, None) if kind.memory else None
    return Arrived(y, h, c, next(following, None) if kind.memory else None)


def _gates(described: _Described, outputs: Sequence[Tensor], weight_ih: Tensor) -> list[Tensor]:
    """The gates of every step from what a forward pass with a tape returned, a direction each: ``[T, B, G*H]``."""
    cell, directions, batch_sizes, masks, _ = described
    compiled, _ = get_compiled(get_cell(cell).name)
    y, *tape = outputs[0], *outputs[1 + _states(cell) + _has_memory(cell) :]
    T, B = y.shape[:2]
    each, H, G = len(tape) // directions, len(weight_ih) // compiled.input_gates, len(get_cell(cell).gates)
    living = T * B if batch_sizes is None else int(batch_sizes.sum())
    shown: list[Tensor] = []
    for d in range(directions):
        if compiled.tape:
            rows = tape[d * each].narrow(1, compiled.gates_at * H, G * H)
        elif masks.keep_h is not None or masks.zoneout_h:
            rows = tape[(d + 1) * each - 1]  # the hidden state before zoneout
        else:  # the hidden state is the only gate
            rows = y.chunk(directions, 2)[d].flatten(0, 1)
        gates = rows.new_zeros(T * B, G * H)
        gates[:living] = rows[:living].detach()
        shown.append(gates.view(T, B, G * H))
    return shown


class _Layer(torch.autograd.Function):
    # around the operators: the formula registered on them costs about 90 µs more a step

    @staticmethod
    def forward(
        ctx: Any, cell: str, directions: int, cells: bool, gates: bool, batch_sizes: Tensor | None, masks: Masks,
        x: Tensor, h0: Tensor | None, c0: Tensor | None, *weights: Tensor,
    ) -> tuple[Tensor, ...]:  # fmt: skip
        call, outputs = _forward(cell, directions, batch_sizes, x, h0, c0, weights, masks, tape=True)
        before_tape = 1 + _states(cell)
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(x, h0, c0, *weights, outputs[0], *outputs[before_tape:])
        ctx.described = _Described(cell, directions, batch_sizes, masks, call)
        shown = _gates(ctx.described, outputs, weights[0]) if gates else []
        ctx.mark_non_differentiable(*shown)
        return (*outputs[: before_tape + cells], *shown)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor | None) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        saved, wanted = ctx.saved_tensors, ctx.needs_input_grad[6:]
        n = len(wanted)
        gradients = _backward(ctx.described, saved[:n], saved[n:], grad_outputs, wanted)
        return None, None, None, None, None, None, *gradients


def _set_up(ctx: Any, inputs: tuple[Any, ...], output: Sequence[Tensor]) -> None:
    cell, directions, batch_sizes, x, h0, c0, weights, *masks, tape = inputs
    if not tape:
        raise TensorError("unrolled::layer without a tape has no gradients: call it under no_grad(), or with a tape")
    before_tape = 1 + _states(cell)
    ctx.differentiable = before_tape + _has_memory(cell)
    ctx.set_materialize_grads(False)
    ctx.save_for_backward(x, h0, c0, *weights, output[0], *output[before_tape:])
    ctx.described = _Described(cell, directions, batch_sizes, Masks(*masks), None)
    ctx.inputs = 3 + len(weights)


def _formula(ctx: Any, grads: Sequence[Tensor | None]) -> Any:
    saved, n = ctx.saved_tensors, ctx.inputs
    wanted = [*ctx.needs_input_grad[3:6], *ctx.needs_input_grad[6]]
    x, h0, c0, *weights = _backward(ctx.described, saved[:n], saved[n:], grads[: ctx.differentiable], wanted)
    masks = (None,) * len(Masks._fields)
    return None, None, None, x, h0, c0, weights, *masks, None


# for graphs that hold the operator itself, such as exported ones
torch.library.register_autograd("unrolled::layer", _formula, setup_context=_set_up, lib=LIBRARY)


def layer(
    cell: str, directions: int, batch_sizes: Tensor | None, x: Tensor, h0: Tensor | None, c0: Tensor | None,
    weights: Sequence[Tensor], *, masks: Masks = NO_MASKS, cells: bool = False, gates: bool = False,
) -> Result:  # fmt: skip
    """Run one layer; differentiable with respect to ``x``, ``h0``, ``c0`` and ``weights``.

    ``weights`` holds the cell's parameters, with or without the biases, of each direction; states not given are what
    the cell starts from. The memory of every step comes with ``cells``, of a cell that has one, every gate with ``gates``.
    """
    cells, states = cells and _has_memory(cell), _states(cell)
    returned = 1 + states + cells
    transformed = is_transformed(x, h0, c0, *weights)
    if gates and (transformed or is_tracing()):
        raise TensorError("return_gates=True: transforms of torch.func and traces do not show gates")
    if transformed:
        results = composite(cell, directions, batch_sizes, x, h0, c0, weights, masks)
        return Result.of(results[:returned], states, cells=cells)
    if is_tracing():  # a trace holds operators, no functions of Python; with a tape they have gradients
        arguments = cell, directions, batch_sizes, x, h0, c0, weights, *masks, True
        return Result.of(run_forward(*arguments)[:returned], states, cells=cells)
    if torch.is_grad_enabled():
        for tensor in (x, h0, c0, *weights):
            if tensor is not None and tensor.requires_grad:
                arguments = cell, directions, cells, gates, batch_sizes, masks, x, h0, c0, *weights
                return Result.of(_Layer.apply(*arguments), states, cells=cells)  # type: ignore[no-any-return]
    outputs = _forward(cell, directions, batch_sizes, x, h0, c0, weights, masks, tape=cells or gates)[1]
    described = _Described(cell, directions, batch_sizes, masks, None)
    shown = _gates(described, outputs, weights[0]) if gates else []
    return Result.of([*outputs[:returned], *shown], states, cells=cells)
