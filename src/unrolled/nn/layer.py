"""One layer for autograd: the operators of the forward and the backward pass joined."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor

from unrolled.nn.backward import Arrived, backward_pass, run_backward
from unrolled.nn.call import Call, check_shape, check_tensors, holds_numbers, is_tracing, is_transformed
from unrolled.nn.composite import composite
from unrolled.nn.errors import TensorError
from unrolled.nn.forward import forward_pass, run_forward
from unrolled.nn.inputs import Inputs, Plan, Products, from_operator, to_operator
from unrolled.nn.kind import gates_on_tape, kind_of
from unrolled.nn.library import LIBRARY
from unrolled.nn.precision import in_single_precision, is_half
from unrolled.nn.result import Result
from unrolled.nn.saved import NO_CHANGES, Changes, uncounted

__all__ = ["differentiable_gradients", "differentiates", "gradients_of", "layer", "layer_of_products", "run_checked"]


def _checked(plan: Plan, inputs: Inputs) -> Call | None:
    """The checked call where it can be run at once; none where only the operator can."""
    return check_tensors(plan, inputs) if holds_numbers(*inputs.tensors, *plan.masks.tensors) else None


def _forward(plan: Plan, call: Call | None, inputs: Inputs, *, tape: bool) -> list[Tensor]:
    """At once where that is possible, otherwise the operator."""
    if call is None:
        return run_forward(*to_operator(plan, inputs), tape)
    return forward_pass(call, inputs, tape=tape)


def _backward(
    plan: Plan, call: Call | None, inputs: Inputs, outputs: Sequence[Tensor], grads: Sequence[Tensor | None],
    wanted: Sequence[bool],
) -> list[Tensor | None]:  # fmt: skip
    """A gradient for each wanted one of the inputs; outputs are ``y`` and the tape."""
    if torch.is_grad_enabled() or is_transformed(*grads):  # create_graph, or gradients of torch.func
        return differentiable_gradients(partial(composite, plan), inputs, grads, wanted)
    return _kernel_gradients(plan, call, inputs, outputs, _name(plan.cell, grads), wanted)


def differentiable_gradients(
    run: Callable[[Inputs], Sequence[Tensor]], inputs: Inputs, grads: Sequence[Tensor | None], wanted: Sequence[bool]
) -> list[Tensor | None]:
    """The wanted gradients of inputs by torch's own way back through ``run(inputs)``; with a graph of their own if one is kept.

    ``grads`` are those of its first results.
    """
    with torch.enable_grad():
        # as tensors of their own: a state may have come from the same weights, and no way leads there past it
        own = [None if t is None else t.view_as(t) for t in inputs.tensors]
        results = run(Inputs.of(own))
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
    plan: Plan, call: Call | None, inputs: Inputs, outputs: Sequence[Tensor], grads: Arrived, wanted: Sequence[bool]
) -> list[Tensor | None]:
    """At once where that is possible, otherwise the operator."""
    y, *tape = outputs
    if call and holds_numbers(*grads):
        return backward_pass(call, inputs, y, tape, grads, wanted)
    return _each(run_backward(*to_operator(plan, inputs), y, tape, *grads, wanted), wanted)


def _name(cell: str, grads: Sequence[Tensor | None]) -> Arrived:
    """The gradients of y, the last states and the memory of every step by name."""
    kind = kind_of(cell)
    n, y, h = 1 + kind.state_tensors, grads[0], grads[1] if kind.hands_on_h else None
    if not kind.memory:
        return Arrived(y, h, None, None)
    return Arrived(y, h, grads[n - 1], grads[n] if len(grads) > n else None)


def _before_tape(cell: str) -> int:
    """How many tensors a pass returns before its tape: the outputs and the last states."""
    return 1 + kind_of(cell).state_tensors


def _gates(plan: Plan, outputs: Sequence[Tensor], weight_ih: Tensor) -> list[Tensor]:
    """The gates of every step from what a forward pass with a tape returned, a direction each: ``[T, B, G*H]``."""
    directions, batch_sizes, masks = plan.directions, plan.batch_sizes, plan.masks
    input_gates, gates_at, G = gates_on_tape(plan.cell)
    y, *tape = outputs[0], *outputs[_before_tape(plan.cell) + bool(kind_of(plan.cell).memory) :]
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
    def forward(ctx: Any, plan: Plan, call: Call | None, *tensors: Tensor | None) -> tuple[Tensor, ...]:
        inputs, before_tape = Inputs.of(tensors), _before_tape(plan.cell)
        outputs = _forward(plan, call, inputs, tape=True)
        kept = [outputs[0], *outputs[before_tape:]]
        ctx.plan, ctx.call, ctx.changes = plan, call, NO_CHANGES
        if call is not None:
            shared = kept[: 1 + plan.cells]  # with whoever gets them
            ctx.changes = Changes.of(shared)
            kept[: len(shared)] = [uncounted(output) for output in shared]
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(*tensors, *kept)
        returned = outputs[: before_tape + plan.cells]
        if plan.gates:
            shown = _gates(plan, outputs, inputs.weights[0])
            ctx.mark_non_differentiable(*shown)
            returned += shown
        return tuple(returned)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor | None) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        saved, wanted = ctx.saved_tensors, ctx.needs_input_grad[2:]
        n = len(wanted)
        inputs, outputs = Inputs.of(saved[:n]), saved[n:]
        if ctx.changes.any and not torch.is_grad_enabled():
            outputs = _again(ctx.plan, ctx.call, inputs)
        return None, None, *_backward(ctx.plan, ctx.call, inputs, outputs, grad_outputs, wanted)


# without what torch's own does for transforms of torch.func and the tensors they leave behind
_apply_at_once: Any = super(torch.autograd.Function, _Layer).apply  # pyright: ignore[reportAttributeAccessIssue]
_within_transform: Callable[[], bool] = torch._C._are_functorch_transforms_active  # pyright: ignore


class _OfProducts(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, plan: Plan, shape: tuple[int, int], places: Tensor, *tensors: Tensor | None) -> Any:
        call, outputs = _forward_of_products(plan, shape, places, tensors, tape=True)
        before_tape = _before_tape(plan.cell)
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(places, *tensors, outputs[0], *outputs[before_tape:])
        ctx.plan, ctx.call = plan, call
        return tuple(outputs[:before_tape])

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *grad_outputs: Tensor | None) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        (places, table, *saved), wanted = ctx.saved_tensors, ctx.needs_input_grad[3:]
        n = len(wanted) - 1
        inputs, (y, *tape) = _without_x(table, (ctx.call.steps, ctx.call.sizes.batch), saved[:n]), saved[n:]
        grads = _name(ctx.plan.cell, grad_outputs)
        found = backward_pass(ctx.call, inputs, y, tape, grads, wanted, products=Products(table, places))
        return None, None, None, *found


def _forward_of_products(
    plan: Plan, shape: tuple[int, int], places: Tensor, tensors: Sequence[Tensor | None], *, tape: bool
) -> tuple[Call, list[Tensor]]:
    table, *rest = tensors
    assert table is not None
    inputs = _without_x(table, shape, rest)
    call, W = check_tensors(plan, inputs), inputs.weights[0]
    check_shape("products", table, (len(table), plan.directions * len(W)), W.dtype)
    check_shape("places", places, (call.steps * call.sizes.batch,), torch.int64)
    return call, forward_pass(call, inputs, tape=tape, products=Products(table, places))


def _without_x(table: Tensor, shape: Sequence[int], rest: Sequence[Tensor | None]) -> Inputs:
    """The inputs of a call with a tensor in the place of ``x`` that has no numbers of its own."""
    inputs = Inputs.of((table, *rest))
    return inputs._replace(x=table.new_empty(1).expand(*shape, inputs.weights[0].shape[1]))


def layer_of_products(
    plan: Plan, places: Tensor, products: Tensor, h0: Tensor | None, c0: Tensor | None, weights: Sequence[Tensor]
) -> Result:
    """Run one layer whose ``W x`` are the rows of ``products [V, D*G*H]``, without biases, at ``places [T, B]``.

    It is differentiable once, and W is not: the products are.
    """
    each = len(weights) // plan.directions
    fixed = [w if k % each else w.detach() for k, w in enumerate(weights)]  # W is the first parameter of each cell
    tensors, shape, each_place = (products, h0, c0, *fixed), (places.shape[0], places.shape[1]), places.reshape(-1)
    if differentiates(*tensors):
        results: Any = _OfProducts.apply(plan, shape, each_place, *tensors)
        return Result.of(results, plan)
    return Result.of(_forward_of_products(plan, shape, each_place, tensors, tape=False)[1], plan)


def _again(plan: Plan, call: Call | None, inputs: Inputs) -> list[Tensor]:
    """A pass once more: its output and its tape."""
    outputs = _forward(plan, call, inputs, tape=True)
    return [outputs[0], *outputs[_before_tape(plan.cell) :]]


def gradients_of(plan: Plan, inputs: Inputs, grads: Arrived, wanted: Sequence[bool]) -> list[Tensor | None]:
    """The wanted gradients of a layer's inputs; its tape is made for them alone."""
    call = _checked(plan, inputs)
    return _kernel_gradients(plan, call, inputs, _again(plan, call, inputs), grads, wanted)


def _set_up(ctx: Any, inputs: tuple[Any, ...], output: Sequence[Tensor]) -> None:
    ctx.plan, own, (tape,) = from_operator(inputs)
    if not tape:
        raise TensorError("unrolled::layer without a tape has no gradients: call it under no_grad(), or with a tape")
    before_tape = _before_tape(ctx.plan.cell)
    ctx.differentiable = before_tape + bool(kind_of(ctx.plan.cell).memory)
    ctx.set_materialize_grads(False)
    ctx.save_for_backward(*own.tensors, output[0], *output[before_tape:])
    ctx.inputs = len(own.tensors)


def _formula(ctx: Any, grads: Sequence[Tensor | None]) -> Any:
    saved, n = ctx.saved_tensors, ctx.inputs
    wanted = [*ctx.needs_input_grad[3:6], *ctx.needs_input_grad[6]]
    inputs = Inputs.of(saved[:n])
    x, h0, c0, *weights = _backward(ctx.plan, None, inputs, saved[n:], grads[: ctx.differentiable], wanted)
    masks = (None,) * len(ctx.plan.masks)
    return None, None, None, x, h0, c0, weights, *masks, None


# for graphs that hold the operator itself, such as exported ones
torch.library.register_autograd("unrolled::layer", _formula, setup_context=_set_up, lib=LIBRARY)


def differentiates(*tensors: Tensor | None) -> bool:
    """Whether autograd asks for a way back to any of these."""
    if torch.is_grad_enabled():
        for t in tensors:
            if t is not None and t.requires_grad:
                return True
    return False


def layer(plan: Plan, inputs: Inputs) -> Result:
    """Run one layer; differentiable with respect to all of its inputs."""
    if is_half(inputs.x):
        return in_single_precision(layer, plan, inputs)
    tensors = inputs.tensors
    transformed = is_transformed(*tensors)
    if plan.gates and (transformed or is_tracing()):
        raise TensorError("return_gates=True: transforms of torch.func and traces do not show gates")
    if transformed:
        return Result.of(composite(plan, inputs), plan)
    if is_tracing():  # a trace holds operators, no functions of Python; with a tape they have gradients
        return Result.of(run_forward(*to_operator(plan, inputs), True), plan)
    return Result.of(run_checked(plan, _checked(plan, inputs), inputs), plan)


def run_checked(plan: Plan, call: Call | None, inputs: Inputs) -> Sequence[Tensor]:
    """What :class:`Result` is made of, differentiable: at once with a call that has been checked, otherwise by the operator."""
    tensors = inputs.tensors
    if differentiates(*tensors):
        at_once = call is not None and not _within_transform()
        return (_apply_at_once if at_once else _Layer.apply)(plan, call, *tensors)  # type: ignore[no-any-return]
    outputs = _forward(plan, call, inputs, tape=plan.cells or plan.gates)
    shown = _gates(plan, outputs, inputs.weights[0]) if plan.gates else []
    return [*outputs[: _before_tape(plan.cell) + plan.cells], *shown]
