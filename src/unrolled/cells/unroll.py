"""The recurrence unrolled over time, and backpropagation through time (BPTT) for any cell.

A cell says what one step does; these two loops are the same for all of them.
Source: Werbos 1990, "Backpropagation through time: what it does and how to do it".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from unrolled.cells.arrays import Arrays, FloatArray, States

__all__ = ["Step", "backpropagate", "unroll"]


class Step(NamedTuple):
    """One time step as it happened: what the backward pass needs, and what a reader may want to see."""

    x: FloatArray
    """Input ``x[t]``, ``[B, I]``."""
    before: States
    """States of step ``t-1``: ``(h[t-1],)`` or ``(h[t-1], c[t-1])``, each ``[B, H]``."""
    after: States
    """States of step ``t``."""
    gates: Arrays
    """Gate name → its value at step ``t``, ``[B, H]``."""


def unroll(
    step: Callable[..., tuple[States, Arrays]],
    params: Mapping[str, FloatArray],
    x: FloatArray,
    states: States,
) -> tuple[Step, ...]:
    """Apply the same ``step`` to ``x[0]``, ``x[1]``, …, handing the states on; returns what happened at each."""
    tape: list[Step] = []
    for x_t in x:
        after, gates = step(params, x_t, *states)
        tape.append(Step(x_t, states, after, gates))
        states = after
    return tuple(tape)


def backpropagate(
    step_backward: Callable[..., tuple[States, Arrays]],
    params: Mapping[str, FloatArray],
    tape: tuple[Step, ...],
    grad_steps: States,
    grad_states: States,
) -> tuple[States, Arrays]:
    """Walk the tape from the last step to the first.

    ``δh[t]`` is what the loss at ``t`` says plus what comes back from ``t+1``, and so is ``δc[t]``; each parameter's
    gradient is the sum of its contributions over all steps, because every step used the same parameter.

    :param grad_steps: what the loss says of every state at every step, each ``[T, B, H]``.
    :param grad_states: what it says of the last states besides, each ``[B, H]``.
    :returns: the gradients of the initial states, and a mapping with ``"x"`` and each parameter.
    """
    grads = {name: np.zeros_like(value) for name, value in params.items()}
    grad_x: list[FloatArray] = []
    for t in reversed(range(len(tape))):
        arriving = (outside[t] + later for outside, later in zip(grad_steps, grad_states, strict=True))
        grad_states, contributions = step_backward(params, tape[t], *arriving)
        grad_x.append(contributions["x"])
        for name, total in grads.items():
            total += contributions[name]
    return grad_states, {"x": np.stack(grad_x[::-1]), **grads}
