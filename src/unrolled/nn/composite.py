"""A layer in torch's own operations, a step at a time: slow, and differentiable any number of times.

It runs the reference step of the registry on tensors, and serves where the kernels do not reach: gradients of gradients, and
the transforms of torch.func.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from unrolled.cells import Cell, StepMasks, get_cell
from unrolled.cells.masks import zoned
from unrolled.nn.inputs import Inputs, Masks, Plan

__all__ = ["Watch", "composite", "first_states", "named_parameters"]

Watch = Callable[[int, int, Tensor, dict[str, Any], dict[str, Any], dict[str, Any]], object]
"""What is told of each step: the direction, the step, its input, the states before it, the output ``h`` and the states after it,
and the gates, by name; all of the sequences that are alive."""


def composite(plan: Plan, inputs: Inputs, watch: Watch | None = None) -> list[Tensor]:
    """Run one layer; the memory of every step is returned whether it was asked for or not."""
    described, directions, batch_sizes = get_cell(plan.cell), plan.directions, plan.batch_sizes
    x, h0, c0, weights = inputs
    T, B, I = x.shape
    sizes = [B] * T if batch_sizes is None else batch_sizes.tolist()
    rows = x.reshape(T * B, I)[: sum(sizes)].split(sizes)
    each = len(weights) // directions
    outputs: list[Tensor] = []
    memories: list[Tensor] = []
    ends: list[list[Tensor]] = []
    for d in range(directions):
        params = named_parameters(described, weights[d * each : (d + 1) * each], I)
        own = _OwnMasks(plan.masks, d, directions, sizes)
        states = first_states(described, params, x, None if h0 is None else h0[d], None if c0 is None else c0[d])
        steps: list[tuple[Tensor, Tensor]] = []
        for t in reversed(range(T)) if d else range(T):
            n = sizes[t]
            before: dict[str, Any] = {name: state[:n] for name, state in states.items()}
            h, made, gates = described.step(described, params, rows[t], *before.values(), masks=own.at(t, n))
            after: dict[str, Any] = {
                # a step whose output is no state has kept its memory itself
                name: own.zoned(name, t, before[name], new) if described.hands_on_h else new
                for name, new in zip(described.states, made, strict=True)
            }
            if watch is not None:
                watch(d, t, rows[t], before, {"h": h, **after}, gates)
            memory = [after[name] for name in described.memory]
            steps.append((after.get("h", h), torch.cat(memory, 1) if memory else rows[t][:, :0]))
            states = {name: torch.cat((after[name], state[n:])) for name, state in states.items()}
        y, memory = zip(*(steps[::-1] if d else steps), strict=True)
        outputs.append(torch.cat(y))
        memories.append(torch.cat(memory))
        h_end = [states["h"]] if described.hands_on_h else []
        ends.append(h_end + ([torch.cat([states[name] for name in described.memory], 1)] if described.memory else []))
    last = [torch.stack(state) for state in zip(*ends, strict=True)]
    cells = [_padded(memories, T, B)] if described.memory else []
    return [_padded(outputs, T, B), *last, *cells]


def named_parameters(cell: Cell, weights: Sequence[Tensor], inputs: int) -> dict[str, Any]:
    """One direction's parameters by name, absent biases as zeros."""
    names = [name for name, _ in cell.parameters]
    if len(weights) < len(names):
        names = [name for name in names if name not in ("bias_ih", "bias_hh")]
    params: dict[str, Any] = dict(zip(names, weights, strict=True))
    if len(names) < len(cell.parameters):
        sizes = cell.sizes_of({name: tuple(weight.shape) for name, weight in params.items()}, inputs)
        shapes = cell.parameter_shapes(**sizes)
        params.update({name: weights[0].new_zeros(shapes[name]) for name in shapes if name not in params})
    return params


def first_states(
    cell: Cell, params: dict[str, Any], x: Tensor, h0: Tensor | None, c0: Tensor | None
) -> dict[str, Tensor]:
    """The states by name, given or what the cell starts from; ``c0`` holds all but ``h`` side by side."""
    sizes = cell.sizes_of({name: tuple(weight.shape) for name, weight in params.items()}, x.shape[2])
    widths = cell.state_sizes(**sizes)
    given = {} if h0 is None else {"h": h0}
    if c0 is not None:
        others = {name: width for name, width in widths.items() if name != "h"}
        given |= zip(others, c0.split(list(others.values()), 1), strict=True)
    return {
        name: given[name] if name in given else x.new_full((x.shape[1], width), cell.initial.get(name, 0.0))
        for name, width in widths.items()
    }


class _OwnMasks:
    """One direction's masks."""

    def __init__(self, masks: Masks, d: int, directions: int, sizes: Sequence[int]) -> None:
        def own(mask: Tensor | None) -> Sequence[Tensor] | None:
            if mask is None:
                return None
            width = mask.shape[2] // directions
            rows = mask.flatten(0, 1)[: sum(sizes), d * width : (d + 1) * width]
            return rows.split(list(sizes))

        self.state = None if masks.state is None else masks.state[d]
        self.candidate = own(masks.candidate)
        self.keep = {"h": own(masks.keep_h), "c": own(masks.keep_c)}
        self.share = {"h": masks.zoneout_h, "c": masks.zoneout_c}

    def at(self, t: int, n: int) -> StepMasks:
        state: Any = 1.0 if self.state is None else self.state[:n]
        candidate: Any = 1.0 if self.candidate is None else self.candidate[t]
        return StepMasks(state, candidate, self.kept("c", t))

    def kept(self, name: str, t: int) -> Any:
        masks = self.keep.get(name)
        return self.share.get(name, 0.0) if masks is None else masks[t]

    def zoned(self, name: str, t: int, before: Any, new: Any) -> Any:
        return zoned(self.kept(name, t), before, new)


def _padded(directions: Sequence[Tensor], T: int, B: int) -> Tensor:
    """Living rows of each direction side by side, then zeros: ``[T, B, D*H]``."""
    rows = torch.cat(list(directions), 1)
    return F.pad(rows, (0, 0, 0, T * B - len(rows))).view(T, B, rows.shape[1])
