r"""One step of a cell as a map of its whole state, :math:`s_t = F(s_{t-1}, x_t)`, with its exact derivative."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

import numpy as np

from unrolled.aliases import Values
from unrolled.cells import Cell, Step, get_cell
from unrolled.cells.masks import NO_MASKS
from unrolled.cells.unroll import unroll
from unrolled.errors import InputError
from unrolled.insight.subject import subject_of
from unrolled.insight.watching import Trace, watched

__all__ = ["Path", "StepMap", "path_of", "traced_path"]

CACHED = 2**16
"""Numbers of an array that stays in the processor's cache while a step goes back."""


@dataclass(frozen=True)
class StepMap:
    """A cell with its parameters; a state is all states of the cell side by side, ``[R, N]`` for ``R`` rows."""

    cell: Cell
    params: Mapping[str, Values]
    widths: Mapping[str, int]
    """Numbers of each state."""

    @property
    def size(self) -> int:
        """``N``."""
        return sum(self.widths.values())

    @property
    def block(self) -> int:
        """Rows whose Jacobians stay in the processor's cache together."""
        return max(1, CACHED // self.size**2)

    def __call__(self, x: Values, s: Values) -> Values:
        """``F(s, x)`` of each row."""
        return np.concatenate(self._taken(x, s).after, axis=1)

    def jacobian(self, x: Values, s: Values) -> Values:
        r""":math:`\partial F / \partial s` of each row, ``[R, N, N]``, by the cell's own backward pass."""
        if self.cell.elementwise:
            return self._by_gates(self._taken(x, s))
        parts = [slice(k, k + self.block) for k in range(0, len(s) or 1, self.block)]
        return np.concatenate([self._by_rows(self._taken(x[part], s[part])) for part in parts])

    def _by_gates(self, now: Step) -> Values:
        r"""Of a cell whose units meet in ``U h[t-1]`` alone: all that is around the product are numbers a unit.

        .. math::
            \frac{\partial s_k}{\partial s_j} = \mathrm{diag}(d_{kj}), \quad
            \frac{\partial s_k}{\partial h} = \mathrm{diag}(d_{kh}) + \sum_g \mathrm{diag}(d_{kg})\, U_g

        A backward pass from ones has :math:`d_{kj}` if ``U`` is zeros, and :math:`d_{kh} + d_{kg}` if the block of the gate
        ``g`` is the identity and the others are zeros.
        """
        (R, H), S = now.after[0].shape, len(self.widths)
        blocks = self.params["weight_hh"].reshape(-1, H, H) if self.cell.recurrence == "one_product" else ()
        identities = [one * np.eye(H) for one in np.eye(len(blocks))[:, :, None, None]]  # [G, H, H] each
        J, unit = np.zeros((R, S, H, S, H)), np.arange(H)
        for k in range(S):
            ones = tuple(np.full((R, H), float(j == k)) for j in range(S))
            own = self._back(now, ones, np.zeros_like(blocks))
            if identities:
                through = [self._back(now, ones, gate)[0] - own[0] for gate in identities]
                np.einsum("grn,gnm->rnm", through, blocks, out=J[:, k, :, 0])
            for j, d in enumerate(own):
                J[:, k, unit, j, unit] += d
        return J.reshape(R, S * H, S * H)

    def _by_rows(self, now: Step) -> Values:
        """Of any cell: one row of each matrix is the gradient of one number of the new state."""
        R, N = len(now.x), self.size
        wanted = self._apart(np.tile(np.eye(N), (R, 1)))  # [R*N, N]
        return np.concatenate(self._back(_repeated(now, N), wanted), axis=1).reshape(-1, N, N)

    def _back(self, now: Step, wanted: tuple[Values, ...], blocks: Values | None = None) -> tuple[Values, ...]:
        """The gradients of the states before a step, as if ``U`` were these blocks if there are any."""
        params = self.params
        if blocks is not None and len(blocks):
            params = {**params, "weight_hh": blocks.reshape(params["weight_hh"].shape)}
        arriving = wanted if self.cell.hands_on_h else (np.zeros_like(now.h), *wanted)
        return self.cell.step_backward(self.cell, params, now, *arriving)[0]

    def _taken(self, x: Values, s: Values) -> Step:
        (now,) = unroll(self.cell, self.params, x[None], self._apart(s), NO_MASKS)
        return now

    def _apart(self, s: Values) -> tuple[Values, ...]:
        ends = np.cumsum(list(self.widths.values()))[:-1]
        return tuple(np.ascontiguousarray(part) for part in np.split(s, ends, axis=1))


def _repeated(now: Step, times: int) -> Step:
    """The record of a step with each row so many times, one after the other."""

    def rows(array: Values) -> Values:
        return array.repeat(times, axis=0)

    return Step(
        rows(now.x), tuple(map(rows, now.before)), tuple(map(rows, now.after)),
        {name: rows(gate) for name, gate in now.gates.items()}, rows(now.h), tuple(map(rows, now.made)), now.masks,
    )  # fmt: skip


class Path(NamedTuple):
    """What a layer went through on given data."""

    place: str
    step: StepMap
    x: Values
    """Its input at each step, ``[T, B, I]``."""
    before: Values
    """Its state before each step, ``[T, B, N]``."""


def path_of(model: Any, inputs: Any, place: str | None, member: int = 0) -> Path:
    """Run a model, and note what one layer reads and which states it is in.

    Args:
        model: a torch module in evaluation mode, a fitted estimator, or a pair of a cell's name and its parameters.
        inputs: what a module is called with, a tuple if these are several; for an estimator its data; for a cell
            ``x [T, B, I]``.
        place: the layer and direction, such as ``encoder.l0_reverse``; None is the first that runs.
        member: which network of an estimator.

    Raises:
        InputError: there is no such layer, its sequences differ in length, or it draws masks or zones out.
    """
    if isinstance(model, tuple):
        pair = cast("tuple[Any, ...]", model)
        if len(pair) != 2 or not isinstance(pair[0], str):
            raise InputError(f"a cell is a pair of its name and its parameters, got {len(pair)} of {pair!r:.60}")
        if place is not None or member:
            raise InputError("a cell is one layer of one network: leave place and member out")
        name, params = cast("tuple[str, Mapping[str, Any]]", pair)
        x = np.asarray(inputs, np.float64)
        if x.ndim != 3:
            raise InputError(f"inputs of a cell have shape {list(x.shape)}, expected [T, B, I]")
        step = _map_of(get_cell(name), params, x.shape[-1])
        _, _, tape = step.cell.forward(step.params, x)
        return Path(step.cell.name, step, x, np.stack([np.concatenate(now.before, axis=1) for now in tape]))
    subject = subject_of(model, inputs, member)
    with watched(subject.module) as seen:
        subject.run()
        return traced_path(subject.module, seen.trace(place))


def traced_path(module: Any, trace: Trace, rows: int | None = None) -> Path:
    """What a layer of a module went through, while it is watched.

    Args:
        rows: of how many sequences, the longest ones; by default all.

    Raises:
        InputError: their sequences differ in length, or the layer draws masks or zones out.
    """
    layer, suffix = _layer_of(module, trace.place)
    found = {name.removesuffix(suffix): value for name, value in layer.inference_parameters().items()}
    params = {
        name: found[name].detach().double().numpy() for name, _ in get_cell(trace.cell).parameters if name in found
    }
    count = max(trace.alive) if rows is None else rows
    if any(alive < count for alive in trace.alive):
        raise InputError(f"{trace.place} read sequences of several lengths: give it some of one length, or one alone")
    x = np.stack([step.x[:count].detach().double().numpy() for step in trace.steps])
    step = _map_of(get_cell(trace.cell), params, x.shape[-1])
    before = [
        np.concatenate([now.before[name][:count].detach().double().numpy() for name in step.widths], 1)
        for now in trace.steps
    ]
    whole = trace.order is not None and len(trace.order) == count
    x, states = (trace.as_given(each) if whole else each for each in (x, np.stack(before)))
    return Path(trace.place, step, x, states)


def _layer_of(model: Any, place: str) -> tuple[Any, str]:
    """The module of a place, while it is watched, and the ending of its parameters' names."""
    path, _, ending = place.rpartition(".")
    layer: Any = model.get_submodule(path)
    settings = layer.settings
    if layer.training and (settings.draws or layer.dropout):
        raise InputError(f"{place} draws masks in training mode, so that no step is like another: call model.eval()")
    if settings.zoneout:
        raise InputError(f"{place} has zoneout, of which the Jacobians of its cell know nothing")
    return layer, f"_{ending}"


def _map_of(cell: Cell, params: Mapping[str, Any], inputs: int) -> StepMap:
    """With biases of zeros where there are none."""
    arrays = {name: np.array(value, np.float64) for name, value in params.items()}
    sizes = cell.sizes_of({name: array.shape for name, array in arrays.items()}, inputs)
    U = dict(cell.parameters).get("weight_hh", ())
    if U and U[-1] == "H" and "weight_hh" in arrays:
        sizes["hidden_size"] = arrays["weight_hh"].shape[-1]
    for name, shape in cell.parameter_shapes(**sizes).items():
        if name in ("bias_ih", "bias_hh"):
            arrays.setdefault(name, np.zeros(shape))
    return StepMap(cell, arrays, cell.state_sizes(**sizes))
