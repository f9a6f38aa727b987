"""The table from (cell, dtype) to compiled kernels, and the calls that hand addresses to them.

Addresses are those of contiguous, correctly sized buffers: the callers (:mod:`unrolled.kernels.arrays` for NumPy,
:mod:`unrolled.nn` for torch) check shapes and dtypes before they get here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Literal, NamedTuple

from unrolled.cells import Cell, get_cell
from unrolled.errors import InputError
from unrolled.kernels import _native
from unrolled.kernels.layout import Layout

__all__ = ["Kernel", "Packed", "get_kernel"]

FUSED_BYTES = 2 * 2**20
"""Size of W and U up to which a step reads both from the caches."""

# A product's weight is cut from U as runs of gates: (first gate, number of gates).
_Run = tuple[int, int]


@dataclass(frozen=True)
class _Compiled:
    """How the compiled code arranges a cell; the order of the table is that of ``enum Cell`` in native/table.hpp."""

    cell: str
    forward: tuple[_Run, ...]  # the gates of each product, in order
    backward: tuple[tuple[_Run, ...], ...]  # each product's depth, as runs of gates one after the other
    grad_columns: int  # gate gradients a row holds, in units of H
    apart: bool = False  # the last gate keeps U h + b_hh apart from W x + b_ih
    extra: Literal["", "tape", "work"] = ""  # an [N, H] part of the tape, or a [B, 2H] work space


_COMPILED = (
    _Compiled("rnn_tanh", ((0, 1),), (((0, 1),),), 1),
    _Compiled("rnn_relu", ((0, 1),), (((0, 1),),), 1),
    _Compiled("rnn_identity", ((0, 1),), (((0, 1),),), 1),
    _Compiled("lstm", ((0, 4),), (((0, 4),),), 4),
    _Compiled("gru", ((0, 3),), (((2, 1), (0, 2)),), 4, apart=True, extra="tape"),
    _Compiled("gru_reset_before", ((0, 2), (2, 1)), (((0, 2),), ((2, 1),)), 3, extra="work"),
)


class Packed(NamedTuple):
    """Where the weights of a forward pass are, as addresses."""

    input: int
    recurrent: int
    bias: int
    separate_bias: int
    """Where W x is computed beforehand, what is added to it; otherwise 0."""


@dataclass(frozen=True)
class Kernel:
    """The compiled forward and backward pass of one cell in one floating-point type."""

    cell: Cell
    wide: bool
    """float64 rather than float32."""
    index: int
    compiled: _Compiled

    @cached_property
    def gates(self) -> int:
        """Number of gates G."""
        return len(self.cell.gates)

    @cached_property
    def number_size(self) -> int:
        """Bytes of a number."""
        return 8 if self.wide else 4

    @cached_property
    def keeps_gates(self) -> bool:
        """Whether the activated gates are part of the tape; the one gate of an RNN is its hidden state."""
        return self.gates > 1

    @cached_property
    def has_cell_state(self) -> bool:
        """Whether the state is ``(h, c)`` rather than ``h``."""
        return "c" in self.cell.states

    def fuses(self, inputs: int, hidden: int) -> bool:
        """Whether ``W x`` is computed step by step together with ``U h``, rather than for all steps beforehand."""
        return self.gates * hidden * (inputs + hidden) * self.number_size <= FUSED_BYTES

    def packed_size(self, inputs: int, hidden: int) -> int:
        """Elements that :meth:`pack` fills for an input and a hidden size."""
        runs = self.compiled.forward
        recurrent = sum(_native.packed_size(self.wide, n, hidden, hidden + 1) for _, n in runs)
        fused = sum(_native.packed_size(self.wide, n, hidden, inputs) for _, n in runs)
        # the last gate's second bias, and room for its vector where it is packed separately
        apart = 2 * _native.packed_size(self.wide, 1, hidden, 1) if self.compiled.apart else 0
        separate = _native.packed_size(self.wide, 1, self.gates * hidden, inputs + 1)
        return recurrent + apart + max(fused, separate)

    def pack(
        self, inputs: int, hidden: int, parameters: Sequence[int], packed: int, *, fused: bool, threads: int
    ) -> Packed:
        """Arrange W ``[GH, I]``, U ``[GH, H]`` and the two biases ``[GH]`` for the products of the forward pass.

        All are addresses; biases may be missing. Returns where they are from ``packed`` on.
        """
        weight_ih, weight_hh, bias_ih, bias_hh = parameters if len(parameters) == 4 else (*parameters, 0, 0)
        H, size, runs = hidden, self.number_size, self.compiled.forward
        starts: list[int] = []
        all_gates = ((0, self.gates),)
        for source, depth, cut in ((weight_ih, inputs, runs if fused else None), (weight_hh, H, runs)):
            starts.append(packed)
            for first, n in cut or all_gates:
                gates, units = (n, H) if cut else (1, n * H)
                _native.pack(
                    self.wide, source + first * H * depth * size, gates, units, depth, units * depth, depth, 1, depth,
                    0, packed, threads,
                )  # fmt: skip
                packed += _native.packed_size(self.wide, gates, units, depth) * size
        starts.append(packed)
        for first, n in runs:
            at = first * H * size
            _native.pack_biases(
                self.wide, bias_ih and bias_ih + at, bias_hh and bias_hh + at, n, H, self.compiled.apart, packed
            )
            packed += _native.packed_size(self.wide, n + self.compiled.apart, H, 1) * size
        if fused:
            return Packed(starts[0], starts[1], starts[2], 0)
        # a plain row of biases; where the last gate's recurrent one stays apart, it is left out
        shared = self.gates - self.compiled.apart
        _native.pack_biases(self.wide, bias_ih, bias_hh, 1, shared * H, False, packed)
        if self.compiled.apart:
            at = shared * H * size
            _native.pack_biases(self.wide, bias_ih and bias_ih + at, 0, 1, H, False, packed + at)
        return Packed(starts[0], starts[1], starts[2], packed)

    def packed_backward_size(self, hidden: int) -> int:
        """Elements that :meth:`pack_backward` fills."""
        runs = self.compiled.backward
        return sum(_native.packed_size(self.wide, 1, hidden, hidden * sum(n for _, n in run)) for run in runs)

    def pack_backward(self, hidden: int, weight_hh: int, packed: int, threads: int) -> None:
        """Arrange U for the products of the backward pass."""
        H, size = hidden, self.number_size
        for runs in self.compiled.backward:
            depth, k = H * sum(n for _, n in runs), 0
            for first, n in runs:
                source = weight_hh + first * H * H * size
                _native.pack(self.wide, source, 1, H, n * H, 0, 1, H, depth, k, packed, threads)
                k += n * H
            packed += _native.packed_size(self.wide, 1, H, depth) * size

    def packed_input_size(self, inputs: int, hidden: int) -> int:
        """Elements that :meth:`pack_input` fills."""
        return _native.packed_size(self.wide, 1, inputs, self.gates * hidden)

    def pack_input(self, inputs: int, hidden: int, weight_ih: int, packed: int, threads: int) -> None:
        """Arrange W for ``Wᵀ δa``."""
        columns = self.gates * hidden
        _native.pack(self.wide, weight_ih, 1, inputs, columns, 0, 1, inputs, columns, 0, packed, threads)

    def forward(
        self,
        layout: Layout,
        inputs: int,
        hidden: int,
        *,
        reverse: bool,
        tape: bool,
        threads: int,
        x: int,
        weights: Packed,
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
            if weights.separate_bias:
                columns = self.gates * hidden
                _native.dense(
                    self.wide, layout.rows, inputs, columns, False, weights.input, weights.separate_bias, x, inputs,
                    gates, columns, threads,
                )  # fmt: skip
                x = 0
            _native.forward(
                self.index, self.wide, layout.steps, layout.batch, inputs, hidden, self.gates, layout.address, reverse,
                tape, threads, x, *weights[:3], gates, h0, c0, h, h_row, c, extra, h_last, c_last,
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
        grad_c: int,
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
                threads, weight, gates, h0, c0, h, h_row, c, extra, grad_h, grad_c, grad_row, grad_gates,
                reset_state, grad_h0, grad_c0,
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
