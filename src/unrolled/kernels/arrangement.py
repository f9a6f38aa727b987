"""How a cell's parameters are arranged for the products of its passes: which piece of them goes where.

It is found once for a cell and sizes, as moves that compiled code makes. Places are counted in numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from unrolled.kernels import _native
from unrolled.kernels.compiled import Compiled, Run

__all__ = [
    "BackwardArrangement", "ForwardArrangement", "ForwardPlaces", "arrange_input", "arrange_separate_biases",
]  # fmt: skip

NOWHERE = -1
"""The place of what there is none of, and the number of a parameter that is left out."""


class _Moves:
    """Moves of the parameters of a layer with ``I`` inputs, ``H`` units and an ``h`` of ``P`` numbers."""

    def __init__(
        self, compiled: Compiled, wide: bool, I: int, H: int, P: int, names: Sequence[str], *, halves: bool = False
    ) -> None:
        self.halves = halves
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
        numbers = self._packed(run.blocks, units, depth)  # of whole vectors, whose half is a whole number
        at = self.place(numbers // 2 if self.halves else numbers)
        self.native.matrix(
            self.number(name), first=run.first * units * depth, gates=run.blocks, units=units, depth=depth,
            gate_stride=units * depth, unit_stride=depth, k_stride=1, total_depth=depth, first_k=0, to=at,
            halves=self.halves,
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

    def input(self) -> int:
        """W for the backward pass."""
        return self.transposed("weight_ih", [(0, self.compiled.input_gates * self.H)], self.I)

    def recurrent(self) -> int:
        """U for the backward pass: what each product meets, with the columns of gate gradients one behind the other."""
        begin, H = self.size, self.H
        meeting = [segment for segment in self.compiled.segments if segment.U >= 0]
        for reset in (False, True):
            pieces = [(s.U * H, s.columns * H) for s in meeting if s.reset is reset]
            if pieces:
                self.transposed("weight_hh", pieces, self.P)
        return begin if meeting else NOWHERE

    def projection(self) -> int:
        """The projection for the backward pass."""
        return self.transposed("weight_hr", [(0, self.P)], self.H)

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


class ForwardPlaces(NamedTuple):
    """Where each kind of parameters begins for a forward pass: in the arrangement or, once it has been made, in memory."""

    input: int
    recurrent: int
    projection: int
    bias: int
    vectors: int
    separate_bias: int
    """What is added to ``W x`` where that is computed beforehand."""


class ForwardArrangement(NamedTuple):
    """Parameters for the forward pass."""

    moves: _native.Arrangement
    size: int
    """Numbers of all of it."""
    places: ForwardPlaces

    @staticmethod
    def of(
        compiled: Compiled,
        wide: bool,
        I: int,
        H: int,
        P: int,
        names: Sequence[str],
        *,
        fused: bool,
        halves: bool = False,
    ) -> ForwardArrangement:
        """``names`` are those of the parameters in the order in which they are given; ``fused``: ``W x`` is computed step by
        step together with ``U h``; ``halves``: matrices are stored as bfloat16."""
        moves = _Moves(compiled, wide, I, H, P, names, halves=halves)
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
        places = ForwardPlaces(0, recurrent, projection, bias, vectors, separate)
        return ForwardArrangement(moves.native, moves.size, places)


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
        recurrent = moves.recurrent()
        projection = moves.projection() if compiled.projected else NOWHERE
        vectors = moves.vectors()
        return BackwardArrangement(moves.native, moves.size, recurrent, projection, vectors)

    @property
    def places(self) -> tuple[int, ...]:
        """Where everything begins."""
        return self[2:]


def arrange_input(
    compiled: Compiled, wide: bool, I: int, H: int, names: Sequence[str] = ("weight_ih",)
) -> tuple[_native.Arrangement, int]:
    """W for ``Wᵀ δa``, and how many numbers it takes."""
    moves = _Moves(compiled, wide, I, H, H, names)
    moves.input()
    return moves.native, moves.size


def arrange_separate_biases(compiled: Compiled, wide: bool, H: int) -> tuple[_native.Arrangement, int]:
    """``bias_ih`` and ``bias_hh`` as they are added to ``W x`` before a step, and how many numbers they take."""
    moves = _Moves(compiled, wide, 0, H, H, ("bias_ih", "bias_hh"))
    moves.separate_biases()
    return moves.native, moves.size
