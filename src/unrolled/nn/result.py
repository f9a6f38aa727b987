"""What one layer returns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from torch import Tensor

from unrolled.nn.inputs import Plan
from unrolled.nn.kind import kind_of

__all__ = ["Result"]


class Result(NamedTuple):
    """Outputs of ``T`` steps of ``B`` sequences in ``D`` directions; ``M`` values of memory a unit, ``G`` gates."""

    y: Tensor
    """``[T, B, D*P]``"""
    last: Sequence[Tensor]
    """The last states: ``h [D, B, P]`` of a cell that has it as one, and the memory ``[D, B, M*H]``."""
    cells: Tensor | None = None
    """The memory of every step, ``[T, B, D*M*H]``, if it was asked for."""
    gates: Sequence[Tensor] = ()
    """The gates of every step, without gradients, a direction each ``[T, B, G*H]``, if they were asked for."""

    @staticmethod
    def of(tensors: Sequence[Tensor], plan: Plan) -> Result:
        """From tensors in this order, behind which others may follow if there are no gates among them."""
        kind = kind_of(plan.cell)
        states, rest = tensors[1 : 1 + kind.state_tensors], tensors[1 + kind.state_tensors :]
        return Result(tensors[0], states, rest[0] if plan.cells else None, rest[plan.cells :] if plan.gates else ())
