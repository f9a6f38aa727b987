"""The passes of a layer as compiled code runs them: bound to a cell and its sizes once, so that a call brings memory only."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Generic, NamedTuple, TypeVar

from unrolled.kernels import _native
from unrolled.kernels.arrangement import BackwardArrangement, ForwardArrangement, arrange_input
from unrolled.kernels.compiled import Compiled
from unrolled.kernels.kernel import Kernel

__all__ = ["KEPT", "Bound", "LayerPasses"]

KEPT = ("gates", "new_h", "new_c", "unprojected", "masked", "masked0")
"""What a direction keeps of a forward pass for the way back, as the extension takes it."""
_SUMMED = ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr")
"""The parameters whose gradients are sums over all rows, as the extension takes them."""

_Pass = TypeVar("_Pass")


class Bound(NamedTuple, Generic[_Pass]):
    """A pass bound to sizes, and how many numbers its arranged parameters take."""

    own: _Pass
    packed: int


@dataclass(frozen=True, eq=False)
class LayerPasses:
    """Of a layer with ``I`` inputs, ``H`` units and an ``h`` of ``P`` numbers, in one or both directions."""

    kernel: Kernel
    directions: int
    inputs: int
    hidden: int
    outputs: int
    names: tuple[str, ...]
    """The parameters of a direction, in the order in which a call gives them."""
    halves: bool = False
    """Whether a forward pass finds matrices as bfloat16."""

    @cached_property
    def _forwards(self) -> dict[tuple[bool, bool], Bound[_native.ForwardPass]]:
        return {}

    @cached_property
    def _arrangements(self) -> dict[bool, ForwardArrangement]:
        return {}

    def arrangement(self, *, fused: bool) -> ForwardArrangement:
        """How a forward pass finds the parameters; ``fused``: ``W x`` is computed step by step."""
        if fused not in self._arrangements:
            sizes = self.inputs, self.hidden, self.outputs
            self._arrangements[fused] = self.kernel.forward_arrangement(
                *sizes, self.names, fused=fused, halves=self.halves
            )
        return self._arrangements[fused]

    def forward(self, *, tape: bool, fused: bool) -> Bound[_native.ForwardPass]:
        """The forward pass; ``tape``: it leaves what the backward pass needs."""
        found = self._forwards.get((tape, fused))
        if found is None:
            arrangement = self.arrangement(fused=fused)
            own = _native.ForwardPass(
                self._sizes(tape=tape), tape=tape, fused=fused, arrangement=arrangement.moves, places=arrangement.places
            )
            found = self._forwards[tape, fused] = Bound(own, arrangement.size)
        return found

    @cached_property
    def backward(self) -> Bound[_native.BackwardPass]:
        """The backward pass."""
        kernel, I, H, P, names = self.kernel, self.inputs, self.hidden, self.outputs, self.names
        compiled = kernel.compiled
        arrangement = BackwardArrangement.of(compiled, kernel.wide, H, P, names)
        inputs, room = arrange_input(compiled, kernel.wide, I, H, names)
        numbers = [names.index(name) if name in names else -1 for name in _SUMMED]
        numbers[1] = numbers[1] if kernel.meets_state else -1  # a U that no product meets is a vector
        own = _native.BackwardPass(
            self._sizes(tape=True), gradient_columns=len(compiled.gradient_columns), skips=compiled.skip,
            arrangement=arrangement.moves, places=arrangement.places, inputs=inputs, numbers=numbers,
            segments=_gradient_segments(compiled, I, H, P),
        )  # fmt: skip
        return Bound(own, max(arrangement.size, room))

    def _sizes(self, *, tape: bool) -> _native.LayerSizes:
        kernel, compiled = self.kernel, self.kernel.compiled
        return _native.LayerSizes(
            cell=kernel.number, wide=kernel.wide, activations=kernel.activations, clip=kernel.cell.clip or 0.0,
            directions=self.directions, inputs=self.inputs, hidden=self.hidden, outputs=self.outputs,
            values=compiled.memory, parameters=len(self.names), gates_row=kernel.gates_row(self.hidden, tape=tape),
            work_row=compiled.work * self.hidden, input_column=compiled.input_column, input_gates=compiled.input_gates,
            halves=self.halves,
        )  # fmt: skip


def _gradient_segments(compiled: Compiled, I: int, H: int, P: int) -> list[tuple[int, int, bool, int, int, int, int]]:
    """Neighbouring columns of gate gradients: the first, how many, whether their ``U`` meets what a gate left of ``h``, and the
    numbers of ``weight_ih``, ``weight_hh``, ``bias_ih`` and ``bias_hh`` where their sums begin, -1 for none."""

    def begin(block: int, row: int) -> int:
        return block * H * row if block >= 0 else -1

    return [
        (s.column, s.columns, s.reset, begin(s.W, I), begin(s.U, H if s.reset else P), begin(s.bias_ih, 1), begin(s.bias_hh, 1))
        for s in compiled.segments
    ]  # fmt: skip
