"""A layer run in segments of time, the state handed from one to the next.

Where gradients are truncated, nothing flows back from a segment's first step. Where the tape is checkpointed, only the
states between segments are kept, and each segment is run once more in the backward pass: gradients are the same bits as
those of segments that keep their tape, and memory is that of one segment.
Source: Chen et al. 2016, "Training deep nets with sublinear memory cost", arXiv 1604.06174.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from unrolled.nn.call import Masks
from unrolled.nn.kind import kind_of
from unrolled.nn.layer import layer
from unrolled.nn.result import Result

__all__ = ["segmented_layer"]

_States = tuple["Tensor | None", "Tensor | None"]


def segmented_layer(
    cell: str, batch_sizes: Tensor | None, x: Tensor, h0: Tensor | None, c0: Tensor | None, weights: Sequence[Tensor],
    *, checkpoint: int | None, truncate: int | None, masks: Masks, cells: bool = False, gates: bool = False,
) -> Result:  # fmt: skip
    """What :func:`unrolled.nn.layer.layer` returns of one direction, in segments of ``checkpoint`` or ``truncate`` steps."""
    plan = _Plan(cell, batch_sizes, masks, checkpoint or truncate or x.shape[0], truncate, cells, gates)
    if checkpoint and torch.is_grad_enabled() and any(t is not None and t.requires_grad for t in (x, h0, c0, *weights)):
        tensors = _Checkpointed.apply(plan, x, h0, c0, *weights)
        return Result.of(tensors, plan.states, cells=cells and plan.has_memory)  # pyright: ignore
    results: list[Result] = []
    states: _States = h0, c0
    for start in plan.starts(x):
        if plan.stops(start):
            states = plan.each_alive(start, states, lambda alive: alive.detach())
        results.append(plan.run(start, plan.cut(x, start), states, weights))
        states = plan.named(results[-1].last)
    return Result(
        plan.join([r.y for r in results], x),
        results[-1].last,
        plan.join([r.cells for r in results if r.cells is not None], x) if cells and plan.has_memory else None,
        [plan.join([r.gates[0] for r in results], x)] if gates else (),
    )


@dataclass(frozen=True)
class _Plan:
    """One direction of a layer apart from its tensors, cut into segments of so many steps."""

    cell: str
    sizes: Tensor | None
    masks: Masks
    steps: int
    truncate: int | None
    cells: bool
    gates: bool

    @property
    def has_memory(self) -> bool:
        return bool(kind_of(self.cell).memory)

    @property
    def states(self) -> int:
        """How many tensors of states a layer returns."""
        return kind_of(self.cell).hands_on_h + self.has_memory

    def starts(self, x: Tensor) -> range:
        return range(0, x.shape[0], self.steps)

    def stops(self, start: int) -> bool:
        """Whether gradients stop before step ``start``."""
        return bool(self.truncate and start and start % self.truncate == 0)

    def each_alive(self, start: int, states: Sequence[Tensor | None], change: Callable[[Tensor], Tensor]) -> _States:
        """The states before step ``start``, changed for the sequences that go on; those of the others are final."""
        h, c = states
        n = None if self.sizes is None else int(self.sizes[start])
        return tuple(  # type: ignore[return-value]
            s if s is None else change(s) if n is None else torch.cat((change(s[:, :n]), s[:, n:]), 1) for s in (h, c)
        )

    def rows(self, start: int, x: Tensor) -> tuple[int, int]:
        """The living rows of the segment from step ``start`` on, among those of all steps."""
        end = min(start + self.steps, x.shape[0])
        if self.sizes is None:
            return start * x.shape[1], end * x.shape[1]
        return int(self.sizes[:start].sum()), int(self.sizes[:end].sum())

    def cut(self, steps: Tensor, start: int) -> Tensor:
        """The segment's part of ``steps [T, B, ...]``."""
        T, B = steps.shape[:2]
        first, last = self.rows(start, steps)
        living = steps.flatten(0, 1)[first:last]
        rows = min(self.steps, T - start) * B
        return _filled(living, rows).view(-1, B, steps.shape[2])

    def join(self, segments: Sequence[Tensor], x: Tensor) -> Tensor:
        """All segments one after the other, ``[T, B, ...]``."""
        T, B = x.shape[:2]
        bounds = (self.rows(start, x) for start in self.starts(x))
        living = torch.cat([s.flatten(0, 1)[: last - first] for s, (first, last) in zip(segments, bounds, strict=True)])
        return _filled(living, T * B).view(T, B, -1)

    def run(self, start: int, x: Tensor, states: _States, weights: Sequence[Tensor]) -> Result:
        """The segment from step ``start`` on."""
        sizes = None if self.sizes is None else self.sizes[start : start + self.steps]
        candidate, keep_h, keep_c = (
            None if mask is None else self.cut(mask, start).contiguous() for mask in self.masks[1:4]
        )
        masks = self.masks._replace(candidate=candidate, keep_h=keep_h, keep_c=keep_c)
        return layer(self.cell, 1, sizes, x, *states, weights, masks=masks, cells=self.cells, gates=self.gates)

    def named(self, states: Sequence[Any]) -> _States:
        """``h`` and the memory, of what :attr:`Result.last` holds or of its gradients."""
        return (states[0] if kind_of(self.cell).hands_on_h else None), (states[-1] if self.has_memory else None)


def _filled(living: Tensor, rows: int) -> Tensor:
    missing = rows - len(living)
    return F.pad(living, (0, 0, 0, missing)) if missing else living


class _Checkpointed(torch.autograd.Function):
    # torch.utils.checkpoint would hold every segment's output once more until all are joined

    @staticmethod
    def forward(
        ctx: Any, plan: _Plan, x: Tensor, h0: Tensor | None, c0: Tensor | None, *weights: Tensor
    ) -> tuple[Tensor, ...]:
        states: _States = h0, c0
        between: list[_States] = []
        whole: list[Tensor] = []  # y, then the memory of every step and the gates, as far as they were asked for
        last: Sequence[Tensor] = ()
        for start in plan.starts(x):
            between.append(states)
            result = plan.run(start, plan.cut(x, start), states, weights)
            parts = [result.y, *([] if result.cells is None else [result.cells]), *result.gates]
            whole = whole or [x.new_zeros((*x.shape[:2], part.shape[2])) for part in parts]
            first, end = plan.rows(start, x)
            for all_steps, part in zip(whole, parts, strict=True):
                all_steps.view(-1, all_steps.shape[2])[first:end] = part.flatten(0, 1)[: end - first]
            last = result.last
            states = plan.named(last)
        ctx.plan, ctx.weights = plan, len(weights)
        ctx.absent = [tuple(s is None for s in pair) for pair in between]
        ctx.save_for_backward(x, *weights, *(s for pair in between for s in pair if s is not None))
        ctx.set_materialize_grads(False)
        ctx.mark_non_differentiable(*whole[len(whole) - int(plan.gates) :])
        return whole[0], *last, *whole[1:]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor | None) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        plan: _Plan = ctx.plan
        x, weights = ctx.saved_tensors[0], ctx.saved_tensors[1 : 1 + ctx.weights]
        following = iter(ctx.saved_tensors[1 + ctx.weights :])
        between = [[None if absent else next(following) for absent in pair] for pair in ctx.absent]
        grad_y, grad_last = grads[0], grads[1 : 1 + plan.states]
        grad_cells = grads[1 + plan.states] if plan.cells and plan.has_memory else None
        carried: list[Tensor | None] = list(plan.named(grad_last))
        wants_x, wants_h, wants_c, *wants_weights = ctx.needs_input_grad[1:]
        grad_x = x.new_zeros(x.shape) if wants_x else None
        sums: list[Tensor | None] = [None] * len(weights)
        for start, states in zip(reversed(plan.starts(x)), reversed(between), strict=True):
            leaves = [
                None if t is None else t.detach().requires_grad_(wanted)
                for t, wanted in (
                    (plan.cut(x, start), wants_x), (states[0], True), (states[1], True),
                    *zip(weights, wants_weights, strict=True),
                )
            ]  # fmt: skip
            arriving = [(None if g is None else plan.cut(g, start)) for g in (grad_y, grad_cells)]
            found = _segment_gradients(plan, start, leaves, arriving[0], carried, arriving[1])
            if grad_x is not None and found[0] is not None:
                first, end = plan.rows(start, x)
                grad_x.view(-1, x.shape[2])[first:end] = found[0].flatten(0, 1)[: end - first]
            for i, gradient in enumerate(found[3:]):
                total = sums[i]
                sums[i] = gradient if total is None else total if gradient is None else total + gradient
            carried = found[1:3]
            if plan.stops(start):
                carried = list(plan.each_alive(start, carried, torch.zeros_like))
        return None, grad_x, carried[0] if wants_h else None, carried[1] if wants_c else None, *sums


def _segment_gradients(
    plan: _Plan, start: int, leaves: Sequence[Tensor | None], grad_y: Tensor | None, grad_last: Sequence[Tensor | None],
    grad_cells: Tensor | None,
) -> list[Tensor | None]:  # fmt: skip
    """Run a segment once more; a gradient for each leaf, none where nothing arrives."""
    x, h, c, *weights = leaves
    assert x is not None
    with torch.enable_grad():
        result = plan.run(start, x, (h, c), [w for w in weights if w is not None])
    outputs = (result.y, *plan.named(result.last), result.cells)
    pairs = zip(outputs, (grad_y, *grad_last, grad_cells), strict=True)
    arrived = [(output, grad) for output, grad in pairs if output is not None and grad is not None]
    wanted = [leaf for leaf in leaves if leaf is not None and leaf.requires_grad]
    if not arrived or not wanted:
        return [None] * len(leaves)
    gradients = iter(torch.autograd.grad([o for o, _ in arrived], wanted, [g for _, g in arrived]))
    return [next(gradients) if leaf is not None and leaf.requires_grad else None for leaf in leaves]
