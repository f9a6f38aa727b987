"""What a forward pass leaves behind, and whether a backward pass may read it."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real

import numpy as np

from unrolled.aliases import Floats
from unrolled.cells import Cell, Masks
from unrolled.errors import InputError
from unrolled.kernels.admission import admitted
from unrolled.kernels.layout import Layout
from unrolled.kernels.packed import PackedWeights

__all__ = ["NO_MASKS", "Forward", "Pass", "admitted_masks", "check_same_pass", "checked_shares"]


NO_MASKS = Masks()


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
    fused: bool
    """Whether it computes ``W x`` step by step."""

    @property
    def state_widths(self) -> list[int]:
        """Numbers of a sequence's states: of ``h`` if it is one, and of all values of the memory."""
        return self.weights.state_widths

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
        if (self.tape and compiled.tape) or not self.fused:
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

    Raises:
        InputError: a shape or dtype does not fit, or the cell has nothing that a mask acts on.
    """
    if masks is NO_MASKS:
        return masks
    kernel, N, B, H, P = weights.kernel, layout.rows, layout.batch, weights.hidden, weights.outputs
    shapes = {"state": (B, P), "candidate": (N, H), "keep_h": (N, P), "keep_c": (N, H)}
    given = {name: getattr(masks, name) for name in shapes}
    cell, has_h, has_c = kernel.cell, kernel.compiled.has_h, kernel.compiled.memory == 1
    acts = {"state": has_h and kernel.meets_state, "candidate": bool(cell.candidate), "keep_h": has_h, "keep_c": has_c}
    for name, mask in given.items():
        if mask is not None and not acts[name]:
            raise InputError(f"cell {cell.name} has nothing that the mask {name} acts on: it must be None")
    arrays = {
        name: None if given[name] is None else admitted(f"mask {name}", given[name], weights.dtype, shape)
        for name, shape in shapes.items()
    }
    return Masks(**arrays, zoneout=checked_shares(kernel.cell, masks.zoneout))


def checked_shares(cell: Cell, zoneout: object) -> tuple[float, float]:
    """The shares of ``h`` and ``c`` that stay what they were.

    Raises:
        InputError: they are no pair of shares, or the cell has no such state.
    """
    match zoneout:
        case Real() as h, Real() as c:
            shares = float(h), float(c)
        case _:
            raise InputError(f"zoneout is {zoneout!r}, expected two shares: of h and of c")
    for state, share in zip("hc", shares, strict=True):
        has_it = cell.hands_on_h if state == "h" else cell.memory == ("c",)
        if not 0 <= share < 1 or (share and not has_it):
            raise InputError(
                f"zoneout of {state} is {share}: expected a share below 1, 0 where {cell.name} has no such state"
            )
    return shares


def check_same_pass(result: object, weights: PackedWeights, x: Floats, layout: Layout, *, reverse: bool) -> Forward:
    """The result, unless it is not the tape of this very pass, or no longer what the pass left.

    Raises:
        InputError: with what differs.
    """
    if not isinstance(result, Forward):
        raise InputError(f"result is a {type(result).__name__}, expected what forward() returned")
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
            raise InputError(f"{name}: not what the forward pass of this result was given")
    widths = of.state_widths
    if len(result.first) != len(widths):
        raise InputError(f"result: expected {len(widths)} initial states, got {len(result.first)}")
    for state, width in zip(result.first, widths, strict=True):
        _check_unchanged("first", state, weights, (layout.batch, width))
    for name, shape in of.shapes.items():
        _check_unchanged(name, getattr(result, name), weights, shape)
    return result


def _check_unchanged(name: str, array: Floats | None, weights: PackedWeights, shape: tuple[int, ...]) -> None:
    if admitted(f"result.{name}", array, weights.dtype, shape) is not array:
        raise InputError(f"result.{name} is not the array that the forward pass left")
