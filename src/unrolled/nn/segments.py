"""A layer run in segments of time, the state handed from one to the next.

Where gradients are truncated, nothing flows back from a segment's first step. Where the tape is checkpointed, only the
states between segments are kept, and each segment is run once more in the backward pass: gradients are the same bits as
those of segments that keep their tape, and memory is that of one segment.
Source: Chen et al. 2016, "Training deep nets with sublinear memory cost", arXiv 1604.06174.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from unrolled.nn.backward import Arrived
from unrolled.nn.call import is_tracing, is_transformed
from unrolled.nn.errors import TensorError
from unrolled.nn.inputs import Inputs, Plan
from unrolled.nn.kind import kind_of
from unrolled.nn.layer import differentiable_gradients, differentiates, gradients_of, layer
from unrolled.nn.lengths import inverse, rearrange
from unrolled.nn.library import index_operator, sized
from unrolled.nn.precision import in_single_precision, is_half
from unrolled.nn.result import Result

__all__ = ["segmented_layer"]

_States = tuple["Tensor | None", "Tensor | None"]


def _segment_rows(sizes: Tensor, batch: Tensor, steps: int) -> tuple[Tensor, Tensor]:
    alive, B = sizes.numpy(), len(batch)
    all_rows, rows = np.arange(len(alive) * B), [np.empty(0, np.int64)]
    first, unused = 0, int(alive.sum())
    for start in range(0, len(alive), steps):
        own = alive[start : start + steps]
        living = int(own.sum())
        missing = len(own) * B - living
        rows += all_rows[first : first + living], all_rows[unused : unused + missing]
        first, unused = first + living, unused + missing
    order = np.concatenate(rows)
    return torch.from_numpy(order), torch.from_numpy(inverse(order))


def _segment_shapes(sizes: Tensor, batch: Tensor, steps: int) -> tuple[Tensor, Tensor]:
    R = sizes.shape[0] * batch.shape[0]
    return sizes.new_empty(R), sizes.new_empty(R)


# for T steps the arranged row of each place in segments, living ones first in each, and where each row went
_SEGMENT_ROWS = index_operator(
    "segment_rows(Tensor sizes, Tensor batch, SymInt steps) -> (Tensor, Tensor)", _segment_rows, _segment_shapes
)


class _Segments(NamedTuple):
    """One direction of a layer apart from its tensors, cut into segments of so many steps."""

    plan: Plan
    steps: int
    truncate: int | None

    def starts(self, x: Tensor) -> range:
        return range(0, x.shape[0], self.steps)

    def stops(self, start: int) -> bool:
        """Whether gradients stop before step ``start``."""
        return bool(self.truncate and start and start % self.truncate == 0)

    def each_alive(self, start: int, states: Sequence[Tensor | None], change: Callable[[Tensor], Tensor]) -> _States:
        """The states before step ``start``, changed for the sequences that go on; those of the others are final."""
        h, c = (None if state is None else self._if_alive(start, change(state), state) for state in states)
        return h, c

    def _if_alive(self, start: int, changed: Tensor, state: Tensor) -> Tensor:
        sizes = self.plan.batch_sizes
        if sizes is None:
            return changed
        return torch.where((torch.arange(state.shape[1]) < sizes[start])[:, None], changed, state)

    def plan_of(self, own: slice) -> Plan:
        """The plan of some steps."""
        sizes, masks = self.plan.batch_sizes, self.plan.masks
        candidate, keep_h, keep_c = (None if mask is None else mask[own] for mask in masks[1:4])
        return self.plan._replace(
            batch_sizes=None if sizes is None else sizes[own],
            masks=masks._replace(candidate=candidate, keep_h=keep_h, keep_c=keep_c),
        )

    def run(self, start: int, x: Tensor, states: _States, weights: Sequence[Tensor]) -> Result:
        """The segment of ``x`` from step ``start`` on."""
        own = slice(start, start + self.steps)
        h, c = states
        return layer(self.plan_of(own), Inputs(x[own], h, c, weights))

    def named(self, states: Sequence[Any]) -> _States:
        """``h`` and the memory, of what :attr:`Result.last` holds or of its gradients."""
        kind = kind_of(self.plan.cell)
        return (states[0] if kind.hands_on_h else None), (states[-1] if kind.memory else None)


def segmented_layer(plan: Plan, inputs: Inputs, *, checkpoint: int | None, truncate: int | None) -> Result:
    """What :func:`unrolled.nn.layer.layer` returns of one direction, in segments of ``checkpoint`` or ``truncate`` steps.

    Raises:
        TensorError: A trace is recorded that would have gradients: it would hold one run's number of segments.
    """
    if is_half(inputs.x):
        run = partial(segmented_layer, checkpoint=checkpoint, truncate=truncate)
        return in_single_precision(run, plan, inputs)
    tensors = inputs.tensors
    transformed = is_transformed(*tensors)
    if not transformed and not differentiates(*tensors):  # segments are a matter of the way back
        return layer(plan, inputs)
    if is_tracing():
        raise TensorError(
            "checkpoint and truncate: a trace would hold the segments of one run for its gradients: call"
            " torch.jit.trace under torch.no_grad()"
        )
    x, sizes, masks = inputs.x, plan.batch_sizes, plan.masks
    steps = checkpoint or truncate or x.shape[0]
    order = None if sizes is None else _SEGMENT_ROWS(sizes, sized(x.shape[1]), steps)
    masks = masks._replace(
        candidate=_arranged(masks.candidate, order), keep_h=_arranged(masks.keep_h, order),
        keep_c=_arranged(masks.keep_c, order),
    )  # fmt: skip
    segments = _Segments(plan._replace(masks=masks), steps, truncate)
    arranged = x if order is None else rearrange(x.flatten(0, 1), 0, *order).view(x.shape)
    if checkpoint and not transformed:
        results: Any = _Checkpointed.apply(segments, arranged, *tensors[1:])
        result = Result.of(results, plan)
    else:
        result = _one_after_the_other(segments, inputs._replace(x=arranged))
    if order is None:
        return result
    back = order[::-1]
    y, *cells_and_gates = (
        rearrange(steps.flatten(0, 1), 0, *back).view(steps.shape)
        for steps in (result.y, *(() if result.cells is None else (result.cells,)), *result.gates)
    )
    return Result.of([y, *result.last, *cells_and_gates], plan)


def _arranged(mask: Tensor | None, order: tuple[Tensor, Tensor] | None) -> Tensor | None:
    """A mask of every step with the living rows of each segment first, as the kernels take it."""
    if mask is None or order is None:
        return mask
    return mask.flatten(0, 1)[order[0]].view(mask.shape)


def _one_after_the_other(segments: _Segments, inputs: Inputs) -> Result:
    x, h0, c0, weights = inputs
    states: _States = h0, c0
    results: list[Result] = []
    for start in segments.starts(x):
        if segments.stops(start):
            states = segments.each_alive(start, states, torch.Tensor.detach)
        results.append(segments.run(start, x, states, weights))
        states = segments.named(results[-1].last)
    return Result(
        torch.cat([result.y for result in results]),
        results[-1].last,
        torch.cat([result.cells for result in results if result.cells is not None]) if segments.plan.cells else None,
        [torch.cat([result.gates[0] for result in results])] if segments.plan.gates else (),
    )


class _Checkpointed(torch.autograd.Function):
    # torch.utils.checkpoint would hold every segment's output once more until all are joined

    @staticmethod
    def forward(
        ctx: Any, segments: _Segments, x: Tensor, h0: Tensor | None, c0: Tensor | None, *weights: Tensor
    ) -> tuple[Tensor, ...]:
        states: _States = h0, c0
        between: list[_States] = []
        whole: list[Tensor] = []  # y, then the memory of every step and the gates, as far as they were asked for
        last: Sequence[Tensor] = ()
        for start in segments.starts(x):
            between.append(states)
            result = segments.run(start, x, states, weights)
            parts = [result.y, *([] if result.cells is None else [result.cells]), *result.gates]
            whole = whole or [x.new_empty((*x.shape[:2], part.shape[2])) for part in parts]
            for all_steps, part in zip(whole, parts, strict=True):
                all_steps[start : start + segments.steps] = part
            last = result.last
            states = segments.named(last)
        ctx.segments, ctx.weights = segments, len(weights)
        ctx.absent = [tuple(s is None for s in pair) for pair in between]
        ctx.save_for_backward(x, *weights, *(s for pair in between for s in pair if s is not None))
        ctx.set_materialize_grads(False)
        ctx.mark_non_differentiable(*whole[len(whole) - int(segments.plan.gates) :])
        return whole[0], *last, *whole[1:]

    @staticmethod
    def backward(ctx: Any, *grads: Tensor | None) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        segments: _Segments = ctx.segments
        x, weights = ctx.saved_tensors[0], ctx.saved_tensors[1 : 1 + ctx.weights]
        following = iter(ctx.saved_tensors[1 + ctx.weights :])
        between: list[Any] = [[None if absent else next(following) for absent in pair] for pair in ctx.absent]
        wanted = ctx.needs_input_grad[1:]
        if torch.is_grad_enabled() or is_transformed(*grads):  # create_graph, or gradients of torch.func
            inputs = Inputs(x, between[0][0], between[0][1], weights)

            def run(inputs: Inputs) -> Sequence[Tensor]:
                result = _one_after_the_other(segments, inputs)
                return result.y, *result.last, *(() if result.cells is None else (result.cells,))

            return None, *differentiable_gradients(run, inputs, grads, wanted)
        n = 1 + kind_of(segments.plan.cell).state_tensors
        grad_y, carried = grads[0], segments.named(grads[1:n])
        grad_cells = grads[n] if segments.plan.cells else None
        grad_x = x.new_empty(x.shape) if wanted[0] else None
        sums: list[Tensor | None] = [None] * len(weights)
        for start, states in zip(reversed(segments.starts(x)), reversed(between), strict=True):
            own = slice(start, start + segments.steps)
            arrived = Arrived(
                None if grad_y is None else grad_y[own], *carried, None if grad_cells is None else grad_cells[own]
            )
            of_x, *of_states_and_weights = gradients_of(
                segments.plan_of(own), Inputs(x[own], states[0], states[1], weights), arrived,
                (wanted[0], *(state is not None for state in states), *wanted[3:]),
            )  # fmt: skip
            if grad_x is not None:
                grad_x[own] = of_x
            for i, gradient in enumerate(of_states_and_weights[2:]):
                total = sums[i]
                sums[i] = gradient if total is None else total if gradient is None else total + gradient
            carried = of_states_and_weights[0], of_states_and_weights[1]
            if segments.stops(start):
                carried = segments.each_alive(start, carried, torch.zeros_like)
        return None, grad_x, carried[0] if wanted[1] else None, carried[1] if wanted[2] else None, *sums
