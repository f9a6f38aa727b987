"""The table from (cell, dtype) to compiled kernels, and what they ask of a call's memory.

Addresses are those of contiguous, correctly sized buffers: the callers (:mod:`unrolled.kernels.arrays` for NumPy,
:mod:`unrolled.nn` for torch) check shapes and dtypes before they get here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property

from unrolled.cells import Cell, get_cell
from unrolled.errors import InputError
from unrolled.kernels import _native
from unrolled.kernels.arrangement import ForwardArrangement, arrange_separate_biases
from unrolled.kernels.compiled import Compiled, get_compiled

__all__ = ["Kernel", "get_kernel", "pack_matrix"]

FUSED_BYTES = 2 * 2**20
"""Size of W and U up to which a step reads both from the caches."""
HALF = 2
"""Bytes of a weight that is stored as bfloat16."""
FUSED_ROWS = 24
"""Rows a thread from which on the weights of a step arrive while those before them are at work."""
FEW, LONG = 3, 16
"""Sequences up to which, and steps from which on, ``W x`` is better computed by itself: all steps together meet W at full
speed, while a step of so few rows waits for its weights."""

_CELLS = {passes.name: number for number, passes in enumerate(_native.cells())}
_ACTIVATIONS = {name: number for number, name in enumerate(_native.activations())}


@dataclass(frozen=True)
class Kernel:
    """The compiled forward and backward pass of one cell in one floating-point type."""

    cell: Cell
    wide: bool
    """float64 rather than float32."""
    compiled: Compiled
    number: int
    """Among the extension's cells."""

    @cached_property
    def number_size(self) -> int:
        """Bytes of a number."""
        return 8 if self.wide else 4

    @cached_property
    def activations(self) -> tuple[tuple[int, float, float], ...]:
        """The activation functions as the extension takes them: number, alpha and beta of three."""
        given = tuple((_ACTIVATIONS[each.name], *each.constants) for each in self.cell.activations)
        return given + ((0, 0.0, 0.0),) * (3 - len(given))

    @cached_property
    def meets_state(self) -> bool:
        """Whether a product with ``U`` is part of a step."""
        return any(product.U.blocks for product in self.compiled.products)

    @cached_property
    def resets(self) -> bool:
        """Whether a product meets what a gate left of the state."""
        return any(product.reset for product in self.compiled.products)

    def parameter_shapes(self, inputs: int, hidden: int, outputs: int) -> dict[str, tuple[int, ...]]:
        """The parameters as the kernels take them.

        Cells that cut inputs or weights in a way of their own are whole here: the inputs of a QRNN are its windows, the
        blocks of an sLSTM's U one matrix.
        """
        own = {"lstmp": {"proj_size": outputs}, "qrnn": {"kernel_width": 1}, "slstm": {"head_size": hidden}}
        sizes = own.get(self.cell.name, {})
        return self.cell.parameter_shapes(input_size=inputs, hidden_size=hidden, **sizes)

    @cached_property
    def parameter_names(self) -> dict[int, tuple[str, ...]]:
        """The parameters in order, by their number: all of them, and those that are left without biases."""
        names = tuple(name for name, _ in self.cell.parameters)
        weights = tuple(name for name in names if name not in ("bias_ih", "bias_hh"))
        return {len(names): names, len(weights): weights}

    @cached_property
    def state_names(self) -> tuple[str, ...]:
        """The states as the kernels take them: ``h`` if it is one, and the memory of all values as one."""
        return ("h0",) * self.compiled.has_h + ("c0",) * (self.compiled.memory > 0)

    def split_states(self, values: Sequence[int]) -> tuple[int, int]:
        """``h`` and memory, 0 for what the cell has not."""
        h, c = (*values, 0, 0)[:2] if self.compiled.has_h else (0, *values)
        return h, c

    def fuses(
        self, inputs: int, hidden: int, outputs: int, steps: int, batch: int, threads: int, *, halves: bool = False
    ) -> bool:
        """Whether ``W x`` is computed step by step together with ``U h``, rather than for all steps beforehand."""
        if batch <= FEW and steps >= LONG:
            return False
        weights = self.compiled.gates * hidden * (inputs + outputs) * (HALF if halves else self.number_size)
        return weights <= FUSED_BYTES or batch >= FUSED_ROWS * threads

    def gates_row(self, hidden: int, *, tape: bool) -> int:
        """Numbers of a row of gates: the tape, or the pre-activations where those are computed beforehand."""
        compiled = self.compiled
        columns = compiled.input_column + compiled.input_gates
        return (
            max(columns, compiled.tape) * hidden + compiled.tape_numbers if tape and compiled.tape else columns * hidden
        )

    def forward_arrangement(
        self, inputs: int, hidden: int, outputs: int, names: Sequence[str], *, fused: bool, halves: bool = False
    ) -> ForwardArrangement:
        """How the parameters of these names, given in their order, are arranged for the forward pass; with ``halves`` matrices
        as bfloat16."""
        sizes = inputs, hidden, outputs
        return ForwardArrangement.of(self.compiled, self.wide, *sizes, names, fused=fused, halves=halves)

    def separate_bias_size(self, hidden: int) -> int:
        """Elements that :meth:`pack_separate_bias` fills; behind them is room for the last one's whole vector."""
        return arrange_separate_biases(self.compiled, self.wide, hidden)[1]

    def pack_separate_bias(self, hidden: int, bias_ih: int, bias_hh: int, packed: int) -> None:
        """What is added to ``W x`` before a step, see :class:`~unrolled.kernels.arrangement.ForwardArrangement`."""
        arrange_separate_biases(self.compiled, self.wide, hidden)[0].run([bias_ih, bias_hh], packed, 1)


def pack_matrix(
    wide: bool, source: int, packed: int, *, units: int, depth: int, threads: int, gates: int = 1, halves: bool = False
) -> None:
    """Arrange a matrix of ``gates`` blocks of ``units`` rows each for products with vectors of ``depth`` numbers; with
    ``halves`` as bfloat16."""
    _native.pack(
        wide, source=source, gates=gates, units=units, depth=depth, gate_stride=units * depth, unit_stride=depth,
        k_stride=1, total_depth=depth, first_k=0, packed=packed, halves=halves, threads=threads,
    )  # fmt: skip


@cache
def get_kernel(cell: str, dtype: str) -> Kernel:
    """Find the kernel of a cell, as :func:`unrolled.cells.get_cell` takes it, for ``float32`` or ``float64``.

    Raises:
        InputError: no such cell, or another dtype.
    """
    if dtype not in ("float32", "float64"):
        raise InputError(f"the kernels compute in float32 and float64, not {dtype}: convert the arrays first")
    described = get_cell(cell)
    compiled = get_compiled(described.name)
    number = _CELLS[compiled.kernel]
    if described.spec != described.name:
        number = _CELLS.get(f"{compiled.kernel}_any", number)
    return Kernel(described, dtype == "float64", compiled, number)
