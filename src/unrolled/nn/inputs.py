"""What one layer is called with: the tensors that gradients reach, and how it runs over them.

Shapes: ``T`` steps, ``B`` sequences, ``D`` directions, ``I`` inputs, ``H`` hidden size, ``P`` size of ``h``, ``M``
values of memory a unit. Input ``x [T, B, I]`` and output ``y [T, B, D*P]`` are rows of ``I`` or ``D*P`` numbers, one
step after the other. With ``batch_sizes [T]``, the number of sequences alive at each step (longest first), the living
rows of all steps come first without gaps, then rows without meaning, whose outputs and gradients are zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from torch import Tensor

__all__ = ["NO_MASKS", "Inputs", "Masks", "Plan", "Products", "from_operator", "to_operator"]


class Masks(NamedTuple):
    """What regularises one call, beside its inputs: factors, and the shares that zoneout keeps."""

    state: Tensor | None = None
    """``[D, B, P]``: of ``h[t-1]`` where a product with U meets it."""
    candidate: Tensor | None = None
    """``[T, B, D*H]``: of what a step proposes as new."""
    keep_h: Tensor | None = None
    """``[T, B, D*P]``: 1 where ``h[t]`` stays ``h[t-1]``, 0 elsewhere."""
    keep_c: Tensor | None = None
    """``[T, B, D*H]``: likewise of the memory."""
    zoneout_h: float = 0.0
    """Without ``keep_h``, the share of ``h[t-1]`` in ``h[t]``: the mean of what masks would do."""
    zoneout_c: float = 0.0

    @property
    def tensors(self) -> tuple[Tensor | None, ...]:
        """The four masks."""
        return self[:4]


NO_MASKS = Masks()


class Inputs(NamedTuple):
    """The tensors that gradients reach."""

    x: Tensor
    """``[T, B, I]``"""
    h0: Tensor | None
    """``[D, B, P]``; none for a cell that has no such state, or to start from what the cell starts from."""
    c0: Tensor | None
    """The memory, ``[D, B, M*H]``, likewise."""
    weights: Sequence[Tensor]
    """The cell's parameters, with or without the biases, of each direction."""

    @property
    def tensors(self) -> tuple[Tensor | None, ...]:
        """All in one row."""
        return self.x, self.h0, self.c0, *self.weights

    @staticmethod
    def of(tensors: Sequence[Any]) -> Inputs:
        """From all in one row."""
        return Inputs(tensors[0], tensors[1], tensors[2], tensors[3:])


class Products(NamedTuple):
    """``W x``, of which many are alike."""

    table: Tensor
    """``[V, D*G*H]``, without biases."""
    places: Tensor
    """``[T*B]``, which of them each row has."""


class Plan(NamedTuple):
    """How a layer runs: what a call holds besides its inputs."""

    cell: str
    directions: int = 1
    batch_sizes: Tensor | None = None
    """``[T]`` sequences alive at each step; in an ONNX graph instead the lengths ``[B]``, of sequences in any order."""
    masks: Masks = NO_MASKS
    cells: bool = False
    """Whether the memory of every step is returned, of a cell that has one."""
    gates: bool = False
    """Whether the gates of every step are returned."""
    order: Tensor | None = None
    """``[B]`` the sequence at each place of the batch, for who watches the steps; None where they are as they were given."""


def to_operator(plan: Plan, inputs: Inputs) -> tuple[Any, ...]:
    """The arguments that both operators begin with; a schema has only tensors, lists of them, numbers and words."""
    return *plan[:3], *inputs, *plan.masks


def from_operator(arguments: Sequence[Any]) -> tuple[Plan, Inputs, Sequence[Any]]:
    """What :func:`to_operator` was given, and the arguments that follow."""
    cell, directions, batch_sizes, x, h0, c0, weights, *rest = arguments
    count = len(Masks._fields)
    return Plan(cell, directions, batch_sizes, Masks(*rest[:count])), Inputs(x, h0, c0, weights), rest[count:]
