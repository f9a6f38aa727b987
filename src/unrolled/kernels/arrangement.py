"""How a cell's parameters are arranged for the products of its passes: which piece of them goes where.

It is found once for a cell and sizes, as moves that compiled code makes at each call. Places are counted in numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from unrolled.kernels import _native
from unrolled.kernels.compiled import Compiled, Run, Segment

__all__ = ["BackwardArrangement", "ForwardArrangement", "arrange_input", "recurrent_segments"]

NOWHERE = -1
"""The place of what there is none of, and the number of a parameter that is left out."""


class _Moves:
    """Moves of the parameters of a layer with ``I`` inputs, ``H`` units and an ``h`` of ``P`` numbers."""

    def __init__(self, compiled: Compiled, wide: bool, I: int, H: int, P: int, names: Sequence[str]) -> None:
        self.compiled, self.wide, self.I, self.H, self.P = compiled, wide, I, H, P
        self.native, self.size = _native.Arrangement(wide), 0
        self._names = list(names)

    def number(self, name: str) -> int:
        return self._names.index(name) if name in self._names else NOWHERE

    def place(self, numbers: int) -> int:
        at, self.size = self.size, self.size + numbers
        return at

    def _packed(self, gates: int, units: int, depth: int) -> int:
        return _native.packed_size(self.wide, gates, units, depth)

    def matrix(self, name: str, run: Run, units: int, depth: int) -> int:
        """Blocks of ``units`` rows each, for products with vectors of ``depth`` numbers."""
        at = self.place(self._packed(run.blocks, units, depth))
        self.native.matrix(
            self.number(name), first=run.first * units * depth, gates=run.blocks, units=units, depth=depth,
            gate_stride=units * depth, unit_stride=depth, k_stride=1, total_depth=depth, first_k=0, to=at,
        )  # fmt: skip
        return at

    def transposed(self, name: str, pieces: Sequence[tuple[int, int]], columns: int) -> int:
        """The columns of rows of a matrix as units, of several pieces ``(first row, rows)`` one behind the other."""
        depth, k = sum(rows for _, rows in pieces), 0
        at = self.place(self._packed(1, columns, depth))
        for first, rows in pieces:
            self.native.matrix(
                self.number(name), first=first * columns, gates=1, units=columns, depth=rows, gate_stride=0, unit_stride=1,
                k_stride=columns, total_depth=depth, first_k=k, to=at,
            )  # fmt: skip
            k += rows
        return at

    def biases(self) -> int:
        """Those of each product, packed like a matrix one deep."""
        begin, H, apart = self.size, self.H, self.compiled.apart
        for product in self.compiled.products:
            self.native.biases(
                self.number("bias_ih"), self.number("bias_hh"), input_first=product.bias.first * H,
                recurrent_first=product.bias.first * H, gates=product.gates, units=H, first=product.bias_gate,
                count=product.bias.blocks, apart=apart, to=self.place(self._packed(product.gates + apart, H, 1)),
            )  # fmt: skip
        return begin

    def separate_biases(self) -> int:
        """What is added to ``W x`` before a step: a plain row of the biases of all gates that meet W; a last one that stays
        apart is ``bias_ih`` alone."""
        begin, H = self.size, self.H
        for product in self.compiled.products:
            for k in range(product.W.blocks):
                own = k - product.bias_gate
                here, apart = 0 <= own < product.bias.blocks, self.compiled.apart and k == product.W.blocks - 1
                first = (product.bias.first + own) * H if here else 0
                self.native.biases(
                    self.number("bias_ih") if here else NOWHERE, self.number("bias_hh") if here and not apart else NOWHERE,
                    input_first=first, recurrent_first=first, gates=1, units=H, first=0, count=1, apart=False,
                    to=self.place(H),
                )  # fmt: skip
        self.place(self._packed(1, H, 1))  # room for the last one's whole vector
        return begin

    def vectors(self) -> int:
        """The parameters of single units, one behind the other; zeros for biases that are left out."""
        begin, H = self.size, self.H
        for name, columns in self.compiled.vectors:
            count = columns * H or 1
            self.native.numbers(self.number(name), count=count, to=self.place(count))
        return begin if self.compiled.vectors else NOWHERE


class ForwardArrangement(NamedTuple):
    """Parameters for the forward pass, and where each kind begins."""

    moves: _native.Arrangement
    size: int
    """Numbers of all of it."""
    input: int
    recurrent: int
    projection: int
    bias: int
    vectors: int
    separate_bias: int
    """What is added to ``W x`` where that is computed beforehand."""

    @staticmethod
    def of(
        compiled: Compiled, wide: bool, I: int, H: int, P: int, names: Sequence[str], *, fused: bool
    ) -> ForwardArrangement:
        """``names`` are those of the parameters in the order in which they are given; ``fused``: ``W x`` is computed step by
        step together with ``U h``."""
        moves = _Moves(compiled, wide, I, H, P, names)
        meets_state = any(product.U.blocks for product in compiled.products)
        if fused:
            for product in compiled.products:
                if product.W.blocks:
                    moves.matrix("weight_ih", product.W, H, I)
        else:
            moves.matrix("weight_ih", Run(0, 1), compiled.input_gates * H, I)
        recurrent = moves.size if meets_state else NOWHERE
        for product in compiled.products:
            if product.U.blocks:
                moves.matrix("weight_hh", product.U, H, P)
        bias = moves.biases()
        projection = moves.matrix("weight_hr", Run(0, 1), P, H) if compiled.projected else NOWHERE
        vectors = moves.vectors()
        separate = NOWHERE if fused else moves.separate_biases()
        return ForwardArrangement(moves.native, moves.size, 0, recurrent, projection, bias, vectors, separate)

    @property
    def places(self) -> tuple[int, ...]:
        """Where everything begins."""
        return self[2:]


class BackwardArrangement(NamedTuple):
    """Parameters for the backward pass, and where each kind begins."""

    moves: _native.Arrangement
    size: int
    recurrent: int
    projection: int
    vectors: int

    @staticmethod
    def of(compiled: Compiled, wide: bool, H: int, P: int, names: Sequence[str]) -> BackwardArrangement:
        """``names`` are those of the parameters in the order in which they are given."""
        moves = _Moves(compiled, wide, 0, H, P, names)
        groups = recurrent_segments(compiled)
        recurrent = 0 if groups else NOWHERE
        for group in groups:
            moves.transposed("weight_hh", [(segment.U * H, segment.columns * H) for segment in group], P)
        projection = moves.transposed("weight_hr", [(0, P)], H) if compiled.projected else NOWHERE
        return BackwardArrangement(moves.native, moves.size, recurrent, projection, moves.vectors())

    @property
    def places(self) -> tuple[int, ...]:
        """Where everything begins."""
        return self[2:]


def arrange_input(compiled: Compiled, wide: bool, I: int, H: int, names: Sequence[str]) -> tuple[_native.Arrangement, int]:
    """W for ``Wᵀ δa``, and how many numbers it takes."""
    moves = _Moves(compiled, wide, I, H, H, names)
    moves.transposed("weight_ih", [(0, compiled.input_gates * H)], I)
    return moves.native, moves.size


def recurrent_segments(compiled: Compiled) -> tuple[tuple[Segment, ...], ...]:
    """The columns of gate gradients that meet U, product by product."""
    meeting = [segment for segment in compiled.segments if segment.U >= 0]
    groups = (tuple(s for s in meeting if s.reset is reset) for reset in (False, True))
    return tuple(group for group in groups if group)
