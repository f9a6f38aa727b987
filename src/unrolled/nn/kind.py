"""What a layer asks the registry about its cell, as plain values that ``torch.compile`` takes for constants."""

from __future__ import annotations

from typing import NamedTuple

import torch

from unrolled.cells import get_cell
from unrolled.kernels.compiled import get_compiled

__all__ = ["Kind", "gates_on_tape", "initial_value", "kind_of", "state_widths"]


class Kind(NamedTuple):
    """A cell's states and gates."""

    hands_on_h: bool
    memory: tuple[str, ...]
    gates: tuple[str, ...]

    @property
    def learned(self) -> tuple[str, ...]:
        """The states that can be learned parameters: windows of inputs cannot."""
        return ("h", *self.memory) if self.hands_on_h else self.memory


@torch.compiler.assume_constant_result
def kind_of(cell: str) -> Kind:
    """The states and gates of a cell, as :func:`unrolled.cells.get_cell` takes it."""
    described = get_cell(cell)
    return Kind(described.hands_on_h, described.memory, described.gates)


@torch.compiler.assume_constant_result
def state_widths(
    cell: str, inputs: int, hidden: int, sizes: tuple[tuple[str, int], ...]
) -> tuple[tuple[str, int], ...]:
    """The states in order, and numbers of each of one sequence."""
    return tuple(get_cell(cell).state_sizes(input_size=inputs, hidden_size=hidden, **dict(sizes)).items())


@torch.compiler.assume_constant_result
def initial_value(cell: str, state: str) -> float:
    """What a state is before the first step."""
    return get_cell(cell).initial.get(state, 0.0)


@torch.compiler.assume_constant_result
def gates_on_tape(cell: str) -> tuple[int, int, int]:
    """How many gates meet ``W``; where the gates begin in a row of the tape, or -1 where it holds none; how many they are."""
    described = get_cell(cell)
    compiled = get_compiled(described.name)
    return compiled.input_gates, compiled.gates_at if compiled.tape else -1, len(described.gates)
