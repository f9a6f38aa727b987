"""One layer for autograd: the operators of the forward and the backward pass joined.

Shapes: ``T`` steps, ``B`` sequences, ``D`` directions, ``I`` inputs, ``H`` hidden size, ``P`` size of ``h``, ``M``
values of memory a unit. Input ``x [T, B, I]`` and output ``y [T, B, D*P]`` are rows of ``I`` or ``D*P`` numbers, one
step after the other. With ``batch_sizes [T]``, the number of sequences alive at each step (longest first), the living
rows of all steps come first without gaps, then rows without meaning, whose outputs and gradients are zero.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor

from unrolled.nn.backward import Arrived, backward_pass, run_backward
from unrolled.nn.call import NO_MASKS, Call, Masks, check_tensors, holds_numbers, is_tracing, is_transformed
from unrolled.nn.composite import composite
from unrolled.nn.errors import TensorError
from unrolled.nn.forward import forward_pass, run_forward
from unrolled.nn.kind import gates_on_tape, kind_of
from unrolled.nn.library import LIBRARY
from unrolled.nn.precision import in_single_precision, is_half
from unrolled.nn.result import Result
from unrolled.nn.saved import allow_changes, is_lost

__all__ = ["differentiable_gradients", "differentiates", "gradients_of", "layer", "state_count"]


class _Described(NamedTuple):
    """A call apart from its tensors, and what was found when it was checked, where it was."""

    cell: str
    directions: int
    batch_sizes: Tensor | None
    masks: Masks
    call: Call | None


def state_count(cell: str) -> int:
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
    if torch.is_grad_enabled() or is_transformed(*grads):  # create_graph, or gradients of torch.func
        cell, directions, batch_sizes, masks, _ = described

        def run(x: Tensor, h0: Tensor | None, c0: Tensor | None, *weights: Tensor) -> Sequence[Tensor]:
            return composite(cell, directions, batch_sizes, x, h0, c0, weights, masks)

        return differentiable_gradients(run, inputs, grads, wanted)
    return _kernel_gradients(described, inputs, outputs, _name(described.cell, grads), wanted)


def differentiable_gradients(
    run: Callable[..., Sequence[Tensor]], inputs: Sequence[Tensor | None], grads: Sequence[Tensor | None],
    wanted: Sequence[bool],
) -> list[Tensor | None]:  # fmt: skip
    """The wanted gradients of inputs by torch's own way back through ``run(*inputs)``; with a graph of their own if one is kept.

    ``grads`` are those of its first results.
    """
    with torch.enable_grad():
        # as tensors of their own: a state may have come from the same weights, and no way leads there past it
        own = [None if t is None else t.view_as(t) for t in inputs]
        results = run(*own)
    arrived = [(result, grad) for result, grad in zip(results, grads, strict=False) if grad is not None]
    gradients = torch.autograd.grad(
        [result for result, _ in arrived],
        [t for t, want in zip(own, wanted, strict=True) if want and t is not None],
        [grad for _, grad in arrived],
        create_graph=torch.is_grad_enabled(),
        materialize_grads=True,
    )
    return _each(gradients, wanted)


def _each(gradients: Sequence[Tensor], wanted: Sequence[bool]) -> list[Tensor | None]:
    following = iter(gradients)
    return [next(following) if want else None for want in wanted]


def _kernel_gradients(
    described: _Described, inputs: Sequence[Tensor | None], outputs: Sequence[Tensor], grads: Arrived,
    wanted: Sequence[bool],
) -> list[Tensor | None]:  # fmt: skip
    """At once where that is possible, otherwise the operator."""
    cell, directions, batch_sizes, masks, call = described
    x, h0, c0, *weights = inputs
    y, *tape = outputs
    assert x is not None
    parameters = [weight for weight in weights if weight is not None]
    if call and holds_numbers(*grads):
        gradients = backward_pass(call, batch_sizes, x, h0, c0, parameters, y, tape, grads, wanted)
    else:
        arguments = cell, directions, batch_sizes, x, h0, c0, parameters, *masks, y, tape, *grads, wanted
        gradients = run_backward(*arguments)
    return _each(gradients, wanted)


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
    input_gates, gates_at, G = gates_on_tape(cell)
    y, *tape = outputs[0], *outputs[1 + state_count(cell) + _has_memory(cell) :]
    T, B = y.shape[:2]
    each, H = len(tape) // directions, weight_ih.shape[0] // input_gates
    alive = None if batch_sizes is None else (torch.arange(T * B) < batch_sizes.sum())[:, None]
    shown: list[Tensor] = []
    for d in range(directions):
        if gates_at >= 0:
            rows = tape[d * each].narrow(1, gates_at * H, G * H)
        elif masks.keep_h is not None or masks.zoneout_h:
            rows = tape[(d + 1) * each - 1]  # the hidden state before zoneout
        else:  # the hidden state is the only gate
            rows = y.chunk(directions, 2)[d].flatten(0, 1)
        gates = rows.detach().clone() if alive is None else rows.detach().where(alive, rows.new_zeros(()))
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
        before_tape = 1 + state_count(cell)
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
        inputs, outputs = saved[:n], saved[n:]
        if any(output is not None and is_lost(output) for output in outputs) and not torch.is_grad_enabled():
            outputs = _again(ctx.described, inputs)[1]
        gradients = _backward(ctx.described, inputs, outputs, grad_outputs, wanted)
        return None, None, None, None, None, None, *gradients


def _again(described: _Described, inputs: Sequence[Tensor | None]) -> tuple[_Described, Sequence[Tensor]]:
    """A pass once more: its output and its tape."""
    x, h0, c0, *weights = inputs
    assert x is not None
    cell, directions, batch_sizes, masks, _ = described
    parameters = [weight for weight in weights if weight is not None]
    call, outputs = _forward(cell, directions, batch_sizes, x, h0, c0, parameters, masks, tape=True)
    return described._replace(call=call), [outputs[0], *outputs[1 + state_count(cell) :]]


def gradients_of(
    cell: str, batch_sizes: Tensor | None, masks: Masks, inputs: Sequence[Tensor | None], grads: Arrived,
    wanted: Sequence[bool],
) -> list[Tensor | None]:  # fmt: skip
    """The gradients of one direction of a layer, of x, h0, c0 and the weights as wanted; its tape is made for them alone."""
    described, outputs = _again(_Described(cell, 1, batch_sizes, masks, None), inputs)
    return _kernel_gradients(described, inputs, outputs, grads, wanted)


def _set_up(ctx: Any, inputs: tuple[Any, ...], output: Sequence[Tensor]) -> None:
    cell, directions, batch_sizes, x, h0, c0, weights, *masks, tape = inputs
    if not tape:
        raise TensorError("unrolled::layer without a tape has no gradients: call it under no_grad(), or with a tape")
    before_tape = 1 + state_count(cell)
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


def differentiates(*tensors: Tensor | None) -> bool:
    """Whether autograd asks for a way back to any of these."""
    return torch.is_grad_enabled() and any(tensor is not None and tensor.requires_grad for tensor in tensors)


def layer(
    cell: str, directions: int, batch_sizes: Tensor | None, x: Tensor, h0: Tensor | None, c0: Tensor | None,
    weights: Sequence[Tensor], *, masks: Masks = NO_MASKS, cells: bool = False, gates: bool = False,
) -> Result:  # fmt: skip
    """Run one layer; differentiable with respect to ``x``, ``h0``, ``c0`` and ``weights``.

    ``weights`` holds the cell's parameters, with or without the biases, of each direction; states not given are what
    the cell starts from. The memory of every step comes with ``cells``, of a cell that has one, every gate with ``gates``.
    """
    cells, states = cells and _has_memory(cell), state_count(cell)
    returned = 1 + states + cells
    if is_half(x):
        run = partial(layer, cell, directions, batch_sizes, cells=cells, gates=gates)
        return in_single_precision(run, x, h0, c0, weights, masks)
    transformed = is_transformed(x, h0, c0, *weights)
    if gates and (transformed or is_tracing()):
        raise TensorError("return_gates=True: transforms of torch.func and traces do not show gates")
    if transformed:
        results = composite(cell, directions, batch_sizes, x, h0, c0, weights, masks)
        return Result.of(results[:returned], states, cells=cells)
    if is_tracing():  # a trace holds operators, no functions of Python; with a tape they have gradients
        arguments = cell, directions, batch_sizes, x, h0, c0, weights, *masks, True
        return Result.of(run_forward(*arguments)[:returned], states, cells=cells)
    if differentiates(x, h0, c0, *weights):
        arguments = cell, directions, cells, gates, batch_sizes, masks, x, h0, c0, *weights
        tensors: Any = _Layer.apply(*arguments)
        if holds_numbers(x):
            first = 3 + len(weights)  # where y is, and behind it the memory of every step
            allow_changes(tensors[0].grad_fn, range(first, first + 1 + cells))
        return Result.of(tensors, states, cells=cells)
    outputs = _forward(cell, directions, batch_sizes, x, h0, c0, weights, masks, tape=cells or gates)[1]
    described = _Described(cell, directions, batch_sizes, masks, None)
    shown = _gates(described, outputs, weights[0]) if gates else []
    return Result.of([*outputs[:returned], *shown], states, cells=cells)
