r"""What is measured of a model on data before anything is said of it: how long its layers remember, and how they are doing.

How long a layer remembers is measured without its loss: of random directions :math:`v` of its last state the mean of
:math:`\|(\partial s_T / \partial s_t)^\top v\| / \|v\|`, by the steps :math:`T - t` back. Every layer has such a curve,
whatever is pooled or lost after it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any

import numpy as np

from unrolled.aliases import Values
from unrolled.cells import get_cell
from unrolled.errors import InputError
from unrolled.insight.gates import layer_gates
from unrolled.insight.gradient_flow import VANISHED
from unrolled.insight.ignorance import Learned
from unrolled.insight.jacobians import Jacobians
from unrolled.insight.step_map import traced_path
from unrolled.insight.subject import Subject
from unrolled.insight.watching import Trace, require_traces, watched

if TYPE_CHECKING:
    from torch import Tensor
else:
    Tensor = Any

__all__ = ["Evidence", "LayerFacts", "measured"]

DIRECTIONS = 4
MOST_NUMBERS, MOST_STEPS = 256, 100
"""The largest state, and the last steps of a sequence, whose Jacobians are computed."""
AT_THE_EDGE = 0.97
"""Beyond which an output of tanh hardly moves any more: its slope is below 0.06."""


@dataclass(frozen=True)
class LayerFacts:
    """What was measured of one direction of one layer."""

    place: str
    """Such as ``encoder.l0``."""
    cell: str
    """Its name in the registry."""
    units: int
    back: Values
    """How much a change of the state is felt at the end, by steps back, relative to one at the end, ``[T]``."""
    rate: float | None
    """The largest Lyapunov exponent; None where Jacobians could not be had."""
    time_constants: Values | None
    """Of each unit, from the gate that keeps its state; None without such a gate."""
    saturation: Mapping[str, tuple[float, float]]
    """Of each gate the shares of its values that are closed and open."""
    at_the_edge: float | None
    """The share of outputs of tanh beyond ±0.97; None of other cells."""
    dead: int
    """Units whose output never changes."""
    reached: Values
    """How much the loss owes to the state, by steps back, in the norm of its gradient, ``[T]``."""

    @property
    def steps(self) -> int:
        """Of the longest sequence."""
        return len(self.back)

    @property
    def memory(self) -> int | None:
        """Steps back until a change of the state is felt by less than 1 %; None if it always is."""
        forgotten = np.flatnonzero(self.back < VANISHED)
        return int(forgotten[0]) if len(forgotten) else None

    @property
    def growth(self) -> float:
        """How many times larger a change becomes at most on its way to the end."""
        return float(self.back.max())


@dataclass(frozen=True)
class Evidence:
    """What was measured.

    Attributes:
        layers: one of each direction of each layer, in the order in which they first ran.
        loss: of the data.
        learned: the loss beside that of an answer that ignores what is read; None where none is known.
        gradient: the norm of the loss's gradient with respect to all parameters.
        inputs: mean, standard deviation and largest modulus of what the first layer reads.
        settings: the parameters of an estimator; none of a module.
        losses, validation_losses: of the epochs of its training, as far as they are known.
    """

    layers: tuple[LayerFacts, ...]
    loss: float
    learned: Learned | None
    gradient: float
    inputs: tuple[float, float, float]
    settings: Mapping[str, Any] = field(default_factory=dict[str, Any])
    losses: Sequence[float] = ()
    validation_losses: Sequence[float] = ()

    @property
    def longest(self) -> LayerFacts:
        """The layer that remembers longest."""
        return max(self.layers, key=lambda layer: (layer.steps if layer.memory is None else layer.memory, layer.steps))


def measured(
    subject: Subject, loss: Callable[[Any], Any] | None = None, *, tell: Callable[[float, int], None] | None = None
) -> dict[str, Any]:
    """Layers, loss, gradient and inputs of :class:`Evidence`.

    Args:
        subject: what runs.
        loss: of what it returns; None where that is the loss.
        tell: is called after each part of the work with the share that is done, and the number of parts.

    Raises:
        InputError: there is no recurrent layer that can be looked into, or none ran.
    """
    import torch

    module = subject.module
    learned = [weight for weight in module.parameters() if weight.requires_grad]
    with watched(module) as seen:
        output = subject.run()
        value: Tensor = output if loss is None else loss(output)
        require_traces(seen)
        gradients: Any = torch.autograd.grad(value, learned, retain_graph=True, allow_unused=True)
        advance = _counting(1 + len(seen.traces) * (DIRECTIONS + 2), tell)
        advance()
        layers = tuple(_facts(module, trace, value, advance) for trace in seen.traces.values())
        first = torch.cat([step.x.detach().double().flatten() for step in next(iter(seen.traces.values())).steps])
    norm = math.sqrt(sum(float(g.double().square().sum()) for g in gradients if g is not None))
    spread = float(first.std()) if len(first) > 1 else 0.0
    return {
        "layers": layers, "loss": float(value.detach()), "gradient": norm,
        "inputs": (float(first.mean()), spread, float(first.abs().max())),
    }  # fmt: skip


def _counting(parts: int, tell: Callable[[float, int], None] | None) -> Callable[[], None]:
    """What is called after each of so many parts of the work."""
    done = count(1)

    def advance() -> None:
        if tell is not None:
            n = next(done)
            tell(n / parts, n)

    return advance


def _facts(module: Any, trace: Trace, loss: Tensor, advance: Callable[[], None]) -> LayerFacts:
    cell, gates = get_cell(trace.cell), layer_gates(trace)
    saturation = {name: (each.closed, each.open) for name, each in gates.saturation.items()}
    bounded = cell.name == "rnn_tanh" and [each.name for each in cell.activations] == ["tanh"]
    values = gates.output[np.isfinite(gates.output)]
    edge = float((np.abs(values) > AT_THE_EDGE).mean()) if bounded and len(values) else None
    felt = _felt(trace, advance)
    rate = _rate(module, trace)
    advance()
    reached = _reached(trace, loss)
    advance()
    return LayerFacts(
        trace.place, cell.name, gates.output.shape[2], felt, rate, gates.time_constants, saturation,
        edge, len(gates.dead), reached,
    )  # fmt: skip


def _felt(trace: Trace, advance: Callable[[], None]) -> Values:
    """How much changes of the state are felt at each sequence's end, by steps back: means over sequences and directions."""
    import torch

    names = [name for name in get_cell(trace.cell).states if name != "window"]
    T, alive = len(trace.steps), trace.alive
    ends = _last_rows(trace)
    generator = torch.Generator().manual_seed(0)
    total, lines = np.zeros(T), np.zeros(T)
    for _ in range(DIRECTIONS):
        value: Any = 0.0
        for t, rows in ends.items():
            for name in names:
                state = trace.steps[t].states[name][rows]
                value = value + (state * torch.randn(state.shape, generator=generator, dtype=state.dtype)).sum()
        wanted = [step.states[name] for step in trace.steps for name in names]
        found = iter(torch.autograd.grad(value, wanted, retain_graph=True, allow_unused=True))
        squares = [np.sum([_squares(next(found), rows) for _ in names], axis=0) for rows in alive]
        for t, rows in ends.items():
            for row in rows:
                line = np.sqrt([squares[s][row] for s in range(t, -1, -1) if row < alive[s]])
                total[: len(line)] += line / line[0] if line[0] > 0 else 0.0
                lines[: len(line)] += 1
        advance()
    lived = lines > 0
    return total[lived] / lines[lived]


def _reached(trace: Trace, loss: Tensor) -> Values:
    """The norm of the loss's gradient with respect to the state, by steps back from each sequence's end: means over sequences."""
    import torch

    outputs = [step.states["h"] for step in trace.steps]
    found = torch.autograd.grad(loss, outputs, retain_graph=True, allow_unused=True)
    norms = [np.sqrt(_squares(each, rows)) for each, rows in zip(found, trace.alive, strict=True)]
    total, lines = np.zeros(len(outputs)), np.zeros(len(outputs))
    for t, rows in _last_rows(trace).items():
        for row in rows:
            line = [norms[s][row] for s in range(t, -1, -1) if row < trace.alive[s]]
            total[: len(line)] += line
            lines[: len(line)] += 1
    lived = lines > 0
    return total[lived] / lines[lived]


def _last_rows(trace: Trace) -> dict[int, list[int]]:
    """Of each step the rows that end there."""
    alive, ends = [*trace.alive, 0], dict[int, list[int]]()
    for t in range(len(trace.steps)):
        rows = list(range(alive[t + 1], alive[t])) if t + 1 < len(alive) else []
        if rows:
            ends[t] = rows
    return ends


def _squares(gradient: Tensor | None, rows: int) -> Values:
    if gradient is None:
        return np.zeros(rows)
    return gradient.detach().double().square().sum(1).numpy()


def _rate(module: Any, trace: Trace) -> float | None:
    """The largest Lyapunov exponent along the last steps of the first sequence; None where it cannot be had."""
    with suppress(InputError):
        path = traced_path(module, trace, rows=1)
        if path.step.size <= MOST_NUMBERS:
            last = slice(-MOST_STEPS, None)
            J = np.stack([path.step.jacobian(x, s) for x, s in zip(path.x[last], path.before[last], strict=True)])
            return float(Jacobians(trace.place, path.step.widths, J, None).lyapunov()[0])
    return None
