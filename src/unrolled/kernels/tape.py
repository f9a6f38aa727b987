"""What a forward pass leaves behind, and whether a backward pass may read it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unrolled.cells import Masks
from unrolled.errors import InputError
from unrolled.kernels.admission import Floats, admitted
from unrolled.kernels.layout import Layout
from unrolled.kernels.packed import PackedWeights

__all__ = ["Forward", "Pass", "admitted_masks", "check_same_pass"]


@dataclass(frozen=True)
class Pass:
    """What a forward pass is computed from, states apart; ``N`` packed rows, batch ``B``."""

    weights: PackedWeights
    x: Floats
    """``[N, I]``"""
    layout: Layout
    masks: Masks
    reverse: bool
    tape: bool
    """Whether it leaves what a backward pass needs."""

    @property
    def state_widths(self) -> list[int]:
        """Numbers of a sequence's states: of ``h`` if it is one, and of all values of the memory."""
        weights, compiled = self.weights, self.weights.kernel.compiled
        return [weights.outputs] * compiled.has_h + [compiled.memory * weights.hidden] * (compiled.memory > 0)

    @property
    def zones(self) -> tuple[bool, bool]:
        """Whether zoneout keeps a part of ``h`` and of the memory."""
        masks = self.masks
        return masks.keep_h is not None or masks.zoneout[0] > 0, masks.keep_c is not None or masks.zoneout[1] > 0

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The arrays that the kernel writes beside the last states, by the names of :class:`Forward`."""
        weights, compiled, N = self.weights, self.weights.kernel.compiled, self.layout.rows
        B, H, P, M = self.layout.batch, weights.hidden, weights.outputs, compiled.memory
        kept = N if self.tape else B
        shapes: dict[str, tuple[int, ...]] = {"h": (N, P)}
        if (self.tape and compiled.tape) or not weights.fused:
            shapes["gates"] = N, weights.kernel.gates_row(H, tape=self.tape)
        if M:
            shapes["c"] = kept, M * H
        if self.zones[0]:
            shapes["new_h"] = kept, P
        if self.zones[1]:
            shapes["new_c"] = kept, H
        if compiled.projected:
            shapes["unprojected"] = kept, H
        if self.masks.state is not None:
            shapes["masked"], shapes["masked0"] = (N, P), (B, P)
        return shapes


@dataclass(frozen=True)
class Forward:
    """What a forward pass returns, and with ``tape`` what the backward pass reads; ``N`` packed rows, batch ``B``."""

    h: Floats
    """Hidden state of every step, ``[N, P]``."""
    last: tuple[Floats, ...]
    """Last states: ``h`` of a cell that has it as a state, ``[B, P]``, and the memory, ``[B, M*H]``, of one with a memory."""
    first: tuple[Floats, ...]
    """Initial states."""
    of: Pass
    """What it was computed from."""
    gates: Floats | None = None
    """With a tape what the cell keeps of each step, unless the only gate is the hidden state."""
    c: Floats | None = None
    """With a tape the memory of every step ``[N, M*H]``."""
    new_h: Floats | None = None
    """With zoneout ``h`` before it."""
    new_c: Floats | None = None
    """With zoneout the memory before it."""
    unprojected: Floats | None = None
    """Of a projected cell, what the projection met."""
    masked: Floats | None = None
    """With a state mask ``h`` times it."""
    masked0: Floats | None = None
    """Likewise its initial state."""


def admitted_masks(weights: PackedWeights, layout: Layout, masks: Masks) -> Masks:
    """The masks of packed rows, fit for the kernels.

    :raises InputError: a shape or dtype does not fit, or the cell has no such state.
    """
    kernel, N, B, H, P = weights.kernel, layout.rows, layout.batch, weights.hidden, weights.outputs
    shapes = {"state": (B, P), "candidate": (N, H), "keep_h": (N, P), "keep_c": (N, H)}
    given = {name: getattr(masks, name) for name in shapes}
    shares = dict(zip(("keep_h", "keep_c"), masks.zoneout, strict=True))
    for name, share in shares.items():
        if not 0 <= share < 1:
            raise InputError(f"zoneout of {name[-1]} is {share}: expected a share from 0 to below 1")
    has = {"state": kernel.compiled.has_h, "keep_h": kernel.compiled.has_h, "keep_c": kernel.compiled.memory == 1}
    for name, there in has.items():
        if not there and (given[name] is not None or shares.get(name)):
            raise InputError(f"cell {kernel.cell.name} has no state for the mask {name}: it must be None")
    arrays = {
        name: None if given[name] is None else admitted(f"mask {name}", given[name], weights.dtype, shape)
        for name, shape in shapes.items()
    }
    return Masks(**arrays, zoneout=masks.zoneout)


def check_same_pass(result: Forward, weights: PackedWeights, x: Floats, layout: Layout, *, reverse: bool) -> None:
    """Refuse a result that is not the tape of this very pass, or no longer what the pass left.

    :raises InputError: with what differs.
    """
    of = result.of
    if not of.tape:
        raise InputError("result: the forward pass kept no tape: run it with tape=True")
    same_layout = of.layout.batch == layout.batch and np.array_equal(of.layout.offsets, layout.offsets)
    same = {
        "weights": of.weights is weights,
        "layout": same_layout,
        "reverse": of.reverse == reverse,
        "x": np.array_equal(of.x, x, equal_nan=True),
    }
    for name, agrees in same.items():
        if not agrees:
            raise InputError(f"result: its forward pass was given another {name}: pass on what it was given")
    widths = of.state_widths
    if len(result.first) != len(widths):
        raise InputError(f"result: expected {len(widths)} initial states, got {len(result.first)}")
    for state, width in zip(result.first, widths, strict=True):
        _check_unchanged("first", state, weights, (layout.batch, width))
    for name, shape in of.shapes.items():
        _check_unchanged(name, getattr(result, name), weights, shape)


def _check_unchanged(name: str, array: Floats | None, weights: PackedWeights, shape: tuple[int, ...]) -> None:
    if admitted(f"result.{name}", array, weights.dtype, shape) is not array:
        raise InputError(f"result.{name} is not the array that the forward pass left")
