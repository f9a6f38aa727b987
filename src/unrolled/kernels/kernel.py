"""The table from (cell, dtype) to compiled kernels, and the calls that hand addresses to them.

Addresses are those of contiguous, correctly sized buffers: the callers (:mod:`unrolled.kernels.arrays` for NumPy,
:mod:`unrolled.nn` for torch) check shapes and dtypes before they get here.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Literal

from unrolled.cells import Cell, get_cell
from unrolled.errors import InputError
from unrolled.kernels import _native
from unrolled.kernels.layout import Layout

__all__ = ["Kernel", "get_kernel"]

# A product's weight is cut from U as runs of gates: (first gate, number of gates).
_Run = tuple[int, int]


@dataclass(frozen=True)
class _Compiled:
    """How the compiled code arranges a cell; the order of the table is that of ``enum Cell`` in native/table.hpp."""

    cell: str
    forward: tuple[_Run, ...]  # the gates of each product, in order
    backward: tuple[tuple[_Run, ...], ...]  # each product's depth, as runs of gates one after the other
    grad_columns: int  # gate gradients a row holds, in units of H
    bias_gate: int | None = None  # the gate whose recurrent bias stays apart from the sum W x + b
    extra: Literal["", "tape", "work"] = ""  # an [N, H] part of the tape, or a [B, H] work space


_COMPILED = (
    _Compiled("rnn_tanh", ((0, 1),), (((0, 1),),), 1),
    _Compiled("rnn_relu", ((0, 1),), (((0, 1),),), 1),
    _Compiled("rnn_identity", ((0, 1),), (((0, 1),),), 1),
    _Compiled("lstm", ((0, 4),), (((0, 4),),), 4),
    _Compiled("gru", ((0, 3),), (((2, 1), (0, 2)),), 4, bias_gate=2, extra="tape"),
    _Compiled("gru_reset_before", ((0, 2), (2, 1)), (((0, 2),), ((2, 1),)), 3, extra="work"),
)


@dataclass(frozen=True)
class Kernel:
    """The compiled forward and backward pass of one cell in one floating-point type."""

    cell: Cell
    wide: bool
    """float64 rather than float32."""
    index: int
    compiled: _Compiled

    @property
    def gates(self) -> int:
        """Number of gates G."""
        return len(self.cell.gates)

    @property
    def bias_gate(self) -> int | None:
        """The gate whose recurrent bias is not part of the sum W x + b."""
        return self.compiled.bias_gate

    @property
    def has_cell_state(self) -> bool:
        """Whether the state is ``(h, c)`` rather than ``h``."""
        return "c" in self.cell.states

    def packed_size(self, hidden: int, *, backward: bool = False) -> int:
        """Elements of the packed U for a hidden size."""
        if backward:
            runs = self.compiled.backward
            return sum(_native.packed_size(self.wide, 1, hidden, hidden * sum(n for _, n in run)) for run in runs)
        return sum(_native.packed_size(self.wide, n, hidden, hidden) for _, n in self.compiled.forward)

    def pack(self, weight_hh: int, hidden: int, packed: int, *, backward: bool = False) -> None:
        """Arrange U ``[GH, H]`` for the products of a pass: two addresses, the second of ``packed_size`` elements."""
        H, size = hidden, 8 if self.wide else 4
        if not backward:
            for first, n in self.compiled.forward:
                source = weight_hh + first * H * H * size
                _native.pack(self.wide, source, n, H, H, H * H, H, 1, H, 0, packed)
                packed += _native.packed_size(self.wide, n, H, H) * size
            return
        for runs in self.compiled.backward:
            depth, k = H * sum(n for _, n in runs), 0
            for first, n in runs:
                source = weight_hh + first * H * H * size
                _native.pack(self.wide, source, 1, H, n * H, 0, 1, H, depth, k, packed)
                k += n * H
            packed += _native.packed_size(self.wide, 1, H, depth) * size

    def forward(
        self,
        layout: Layout,
        hidden: int,
        *,
        reverse: bool,
        tape: bool,
        threads: int,
        weight: int,
        bias: int,
        gates: int,
        h0: int,
        c0: int,
        h: int,
        h_row: int,
        c: int,
        extra: int,
        h_last: int,
        c_last: int,
    ) -> None:
        """Run the recurrence; see ``struct Forward`` in native/table.hpp for every buffer."""
        if layout.batch and layout.steps:
            _native.forward(
                self.index, self.wide, layout.steps, layout.batch, hidden, self.gates, layout.address, reverse, tape,
                threads, weight, bias, gates, h0, c0, h, h_row, c, extra, h_last, c_last,
            )  # fmt: skip

    def backward(
        self,
        layout: Layout,
        hidden: int,
        *,
        reverse: bool,
        threads: int,
        weight: int,
        gates: int,
        h0: int,
        c0: int,
        h: int,
        h_row: int,
        c: int,
        extra: int,
        grad_h: int,
        grad_row: int,
        grad_gates: int,
        reset_state: int,
        grad_h0: int,
        grad_c0: int,
    ) -> None:
        """Run the recurrence backwards; see ``struct Backward`` in native/table.hpp for every buffer."""
        if layout.batch and layout.steps:
            _native.backward(
                self.index, self.wide, layout.steps, layout.batch, hidden, self.gates, layout.address, reverse,
                threads, weight, gates, h0, c0, h, h_row, c, extra, grad_h, grad_row, grad_gates, reset_state,
                grad_h0, grad_c0,
            )  # fmt: skip


@cache
def get_kernel(cell: str, dtype: str) -> Kernel:
    """Find the kernel of a cell for ``float32`` or ``float64``.

    Raises
    ------
    InputError
        No such cell, or another dtype.
    """
    if dtype not in ("float32", "float64"):
        raise InputError(f"the kernels compute in float32 and float64, not {dtype}: convert the arrays first")
    described = get_cell(cell)
    for index, compiled in enumerate(_COMPILED):
        if compiled.cell == described.name:
            return Kernel(described, dtype == "float64", index, compiled)
    raise InputError(f"the cell {cell!r} has no compiled kernel")
