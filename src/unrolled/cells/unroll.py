"""The recurrence unrolled over time, and backpropagation through time (BPTT) for any cell.

A cell defines a single step; these two loops are the same for all cells.
Source: Werbos 1990, "Backpropagation through time: what it does and how to do it".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from unrolled.cells.arrays import Arrays, FloatArray, States
from unrolled.cells.masks import Masks, StepMasks, zoned

if TYPE_CHECKING:
    from unrolled.cells.cell import Cell

__all__ = ["Step", "backpropagate", "unroll"]


class Step(NamedTuple):
    """The record of one time step: what the backward pass needs, and what you may want to look at."""

    x: FloatArray
    """Input ``x[t]``, ``[B, I]``."""
    before: States
    """States of step ``t-1``: ``(h[t-1],)`` or ``(h[t-1], c[t-1])``, each ``[B, H]``."""
    after: States
    """States of step ``t``."""
    gates: Arrays
    """Gate name → its value at step ``t``, ``[B, H]``."""
    h: FloatArray
    """Output ``h[t]``, ``[B, H]``."""
    made: States
    """States of step ``t`` before zoneout; without it they are :attr:`after`."""
    masks: StepMasks
    """The masks of this step."""


def unroll(
    cell: Cell, params: Mapping[str, FloatArray], x: FloatArray, states: States, masks: Masks
) -> tuple[Step, ...]:
    """Apply the same step to ``x[0]``, ``x[1]``, …, passing on the states; returns the record of each step."""
    tape: list[Step] = []
    for t, x_t in enumerate(x):
        met = masks.at(t)
        h, made, gates = cell.step(cell, params, x_t, *states, masks=met)
        after = tuple(
            zoned(keep, before, new) for keep, before, new in zip(_keeps(cell, masks, t), states, made, strict=True)
        )
        h = after[0] if cell.hands_on_h else h
        tape.append(Step(x_t, states, after, gates, h, made, met))
        states = after
    return tuple(tape)


def _keeps(cell: Cell, masks: Masks, t: int) -> list[FloatArray | float]:
    """The share of each state that stays past step ``t``; a step whose output is no state keeps its memory itself."""
    return [masks.keep(name, t) if cell.hands_on_h else 0.0 for name in cell.states]


def _is(number: float, keep: FloatArray | float) -> bool:
    return isinstance(keep, float) and keep == number


def _share(keep: FloatArray | float, value: FloatArray) -> FloatArray:
    return value if _is(1, keep) else keep * value


def backpropagate(
    cell: Cell,
    params: Mapping[str, FloatArray],
    tape: tuple[Step, ...],
    grad_h: FloatArray,
    grad_memory: States,
    grad_states: States,
    masks: Masks,
) -> tuple[States, Arrays]:
    """Walk the tape from the last step to the first.

    ``δh[t]`` is the gradient of the loss at ``t`` plus what comes back from ``t+1``, and so is ``δc[t]``; each
    parameter's gradient is the sum of its contributions over all steps, because every step uses the same parameter.

    Args:
        grad_h: gradient of the loss with respect to every output, ``[T, B, H]``.
        grad_memory: with respect to the other states at every step, each ``[T, B, H]``.
        grad_states: with respect to the last states, in addition, each ``[B, H]``.

    Returns:
        The gradients of the initial states, and a mapping with ``"x"`` and each parameter.
    """
    grads = {name: np.zeros_like(value) for name, value in params.items()}
    grad_x: list[FloatArray] = []
    for t in reversed(range(len(tape))):
        outside = [grad[t] for grad in grad_memory]
        if cell.hands_on_h:
            outside.insert(0, grad_h[t])
        arriving = [here + later for here, later in zip(outside, grad_states, strict=True)]
        keeps = _keeps(cell, masks, t)
        made = [_share(1 - keep, grad) for keep, grad in zip(keeps, arriving, strict=True)]
        if not cell.hands_on_h:
            made.insert(0, grad_h[t])
        before, contributions = cell.step_backward(cell, params, tape[t], *made)
        grad_states = tuple(
            through if _is(0, keep) else through + keep * grad
            for through, keep, grad in zip(before, keeps, arriving, strict=True)
        )
        grad_x.append(contributions["x"])
        for name, total in grads.items():
            total += contributions[name]
    return grad_states, {"x": np.stack(grad_x[::-1]), **grads}
