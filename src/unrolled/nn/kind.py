"""What a layer asks the registry about its cell, as plain values that ``torch.compile`` takes for constants."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from unrolled.cells import get_cell
from unrolled.kernels.compiled import get_compiled
from unrolled.nn.constant import constant_result

__all__ = ["Kind", "gates_on_tape", "initial_value", "kind_of"]


class Kind(NamedTuple):
    """A cell's states and gates."""

    states: tuple[str, ...]
    hands_on_h: bool
    memory: tuple[str, ...]
    gates: tuple[str, ...]

    @property
    def state_tensors(self) -> int:
        """How many tensors of last states a layer returns: ``h``, and all of the memory in another."""
        return self.hands_on_h + bool(self.memory)

    @property
    def learned(self) -> tuple[str, ...]:
        """The states that can be learned parameters: windows of inputs cannot."""
        return ("h", *self.memory) if self.hands_on_h else self.memory


@constant_result
def kind_of(cell: str) -> Kind:
    """The states and gates of a cell, as :func:`unrolled.cells.get_cell` takes it."""
    return _kind_of(cell)


@lru_cache(maxsize=256)
def _kind_of(cell: str) -> Kind:
    described = get_cell(cell)
    return Kind(described.states, described.hands_on_h, described.memory, described.gates)


@constant_result
def initial_value(cell: str, state: str) -> float:
    """What a state is before the first step."""
    return get_cell(cell).initial.get(state, 0.0)


@constant_result
def gates_on_tape(cell: str) -> tuple[int, int, int]:
    """How many gates meet ``W``; where the gates begin in a row of the tape, or -1 where it holds none; how many they are."""
    described = get_cell(cell)
    compiled = get_compiled(described.name)
    return compiled.input_gates, compiled.gates_at if compiled.tape else -1, len(described.gates)
