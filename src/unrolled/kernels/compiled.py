"""How the compiled code arranges each cell: what its products are made of, and what its passes read and leave."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from unrolled.errors import InputError

__all__ = ["Compiled", "Product", "Run", "Segment", "get_compiled"]


class Run(NamedTuple):
    """Blocks of ``H`` rows of a matrix or bias, one a gate: so many ``blocks`` from ``first`` on."""

    first: int
    blocks: int


_NONE = Run(0, 0)


class Product(NamedTuple):
    """The gates that one product of a step makes: ``W x + U state + b`` of each."""

    U: Run = _NONE
    W: Run = _NONE
    bias: Run = _NONE
    bias_gate: int = 0
    """The gate that the first of the biases belongs to."""
    reset: bool = False
    """``U`` meets what a gate left of ``h`` instead of ``h`` itself."""

    @property
    def gates(self) -> int:
        """How many gates."""
        return self.U.blocks or self.W.blocks


class Segment(NamedTuple):
    """Columns of gate gradients, and the blocks of the parameters whose gradients they sum up to; -1: to none."""

    column: int
    columns: int
    reset: bool
    """See :attr:`Product.reset`."""
    U: int
    W: int
    bias_ih: int
    bias_hh: int


@dataclass(frozen=True)
class Compiled:
    """A cell's compiled form. Columns are blocks of ``H`` numbers of a row."""

    kernel: str
    """Its name in native/cells.hpp."""
    products: tuple[Product, ...]
    tape: int = 0
    """Columns of the tape."""
    tape_numbers: int = 0
    """Single numbers behind them."""
    gates_at: int = 0
    """The column of the tape where the cell's gates begin, in their order."""
    gradients: tuple[int, ...] | None = None
    """The gate that each column of gate gradients is of; those that meet ``U`` come first, in order of the products,
    those that meet ``W`` last. By default one a gate."""
    input_column: int = 0
    """Where ``W x + b`` lies in a row of gates."""
    apart: bool = False
    """The last gate keeps ``U h + b_hh`` apart from ``W x + b_ih``."""
    has_h: bool = True
    """Whether ``h`` is a state."""
    memory: int = 0
    """Values of ``c`` a unit."""
    initial_memory: tuple[float, ...] = ()
    """What they are by default before the first step, where that is not 0."""
    vectors: tuple[tuple[str, int], ...] = ()
    """Parameters of single units, and how many columns of each, from the first on; 0: it is a single number."""
    work: int = 0
    """Columns of work space, a row a sequence, of both passes."""
    skip: bool = False
    """The step reads ``x`` itself."""
    projected: bool = False

    @cached_property
    def gates(self) -> int:
        """Gates of all products."""
        return sum(product.gates for product in self.products)

    @cached_property
    def input_gates(self) -> int:
        """Gates with a block of ``W``."""
        return sum(product.W.blocks for product in self.products)

    @cached_property
    def gradient_columns(self) -> tuple[int, ...]:
        """See :attr:`gradients`."""
        return tuple(range(self.gates)) if self.gradients is None else self.gradients

    @cached_property
    def vector_columns(self) -> int:
        """Columns of the gradients of :attr:`vectors`."""
        return sum(columns or 1 for _, columns in self.vectors)

    @cached_property
    def segments(self) -> tuple[Segment, ...]:
        """Neighbouring columns of gate gradients whose sums go to neighbouring rows."""
        columns = self.gradient_columns
        places = [(product, k) for product in self.products for k in range(product.gates)]
        recurrent = sum(product.U.blocks for product in self.products)
        merged: list[Segment] = []
        for column, gate in enumerate(columns):
            product, k = places[gate]
            meets_U, meets_W = column < recurrent, column >= len(columns) - self.input_gates
            biased = 0 <= k - product.bias_gate < product.bias.blocks
            bias = product.bias.first + k - product.bias_gate if biased else -1
            segment = Segment(
                column, 1, product.reset, product.U.first + k if meets_U else -1, product.W.first + k if meets_W else -1,
                bias if meets_W or not product.W.blocks else -1, bias if meets_U else -1,
            )  # fmt: skip
            if merged and _continues(merged[-1], segment):
                merged[-1] = merged[-1]._replace(columns=merged[-1].columns + 1)
            else:
                merged.append(segment)
        return tuple(merged)


def _continues(before: Segment, segment: Segment) -> bool:
    """Whether the rows of a segment follow those of the one before."""
    blocks = zip(before[3:], segment[3:], strict=True)
    return before.reset == segment.reset and all(
        (a < 0 and b < 0) or (a >= 0 and b == a + before.columns) for a, b in blocks
    )


def _one(gates: int) -> tuple[Product, ...]:
    return (Product(Run(0, gates), Run(0, gates), Run(0, gates)),)


def _scan(gates: int) -> tuple[Product, ...]:
    return (Product(W=Run(0, gates), bias=Run(0, gates)),)


def _candidate(U: int, W: int, bias: int) -> Product:
    """The product that waits for a gate, by the blocks it takes of ``U``, ``W`` and the bias."""
    return Product(Run(U, 1), Run(W, 1), Run(bias, 1), reset=True)


_NORMALISED_GRU = tuple((name, 3) for name in ("weight_ln_ih", "weight_ln_hh", "bias_ih", "bias_hh"))
_NORMALISED_LSTM = (
    *((name, 4) for name in ("weight_ln_ih", "weight_ln_hh", "bias_ih", "bias_hh")),
    ("weight_ln_c", 1),
    ("bias_ln_c", 1),
)

_FORMS: tuple[Compiled, ...] = (
    Compiled("rnn", _one(1)),
    Compiled("indrnn", _scan(1), vectors=(("weight_hh", 1),)),
    Compiled("leaky_rnn", _one(1), tape=1, vectors=(("alpha", 1),)),
    Compiled("lstm", _one(4), tape=4, memory=1),
    Compiled("lstm_peephole", _one(4), tape=4, memory=1, vectors=(("weight_ch", 3),)),
    Compiled("lstm_cifg", _one(3), tape=3, memory=1),
    Compiled("lstm_peephole_cifg", _one(3), tape=3, memory=1, vectors=(("weight_ch", 2),)),
    Compiled("lstmp", _one(4), tape=4, memory=1, projected=True),
    Compiled(
        "lstm_layer_norm", (Product(Run(0, 4), Run(0, 4)),), tape=13, tape_numbers=3, gates_at=8,
        gradients=(0, 1, 2, 3, 0, 1, 2, 3), memory=1, vectors=_NORMALISED_LSTM, work=9,
    ),
    Compiled("janet", _one(2), tape=3),
    Compiled("gru", _one(3), tape=4, gradients=(2, 0, 1, 2), apart=True),
    Compiled("gru_reset_before", (*_one(2), _candidate(2, 2, 2)), tape=3, work=2),
    Compiled(
        "gru_layer_norm", (Product(Run(0, 3), Run(0, 3)),), tape=9, tape_numbers=4, gates_at=6,
        gradients=(0, 1, 2, 0, 1, 2), vectors=_NORMALISED_GRU, work=9,
    ),
    Compiled(
        "gru1", (Product(Run(0, 2), bias=Run(0, 2)), _candidate(2, 0, 2)), tape=3, input_column=2, work=2,
    ),
    Compiled(
        "gru3", (_candidate(0, 0, 2),), tape=3, input_column=2, work=2, vectors=(("bias_ih", 2),),
    ),
    Compiled("mgu", (*_one(1), _candidate(1, 1, 1)), tape=2, work=2),
    Compiled("li_gru", _one(2), tape=2),
    Compiled("min_gru", _scan(2), tape=2),
    Compiled("min_lstm", _scan(3), tape=3),
    Compiled(
        "sru", (Product(W=Run(0, 3), bias=Run(0, 2), bias_gate=1),), tape=3, has_h=False, memory=1,
        vectors=(("weight_ch", 2),), skip=True,
    ),
    Compiled(
        "sru_highway", (Product(W=Run(0, 4), bias=Run(0, 2), bias_gate=1),), tape=4, has_h=False, memory=1,
        vectors=(("weight_ch", 2),),
    ),
    Compiled("qrnn", _scan(3), tape=3, has_h=False, memory=1),
    Compiled(
        "fast_grnn", (Product(Run(0, 1), Run(0, 1)),), tape=2,
        vectors=(("bias_ih", 2), ("zeta", 0), ("nu", 0)),
    ),
    Compiled("slstm", _one(4), tape=5, memory=3, initial_memory=(0.0, 0.0, -math.inf)),
)  # fmt: skip

_TABLE: dict[str, Compiled] = {form.kernel: form for form in _FORMS}
_TABLE.update(dict.fromkeys(("rnn_tanh", "rnn_relu", "rnn_identity", "irnn"), _TABLE["rnn"]))
# as gru1, without the gates' biases
_TABLE["gru2"] = Compiled("gru1", (Product(Run(0, 2)), _candidate(2, 0, 0)), tape=3, input_column=2, work=2)


def get_compiled(cell: str) -> Compiled:
    """A cell's compiled form.

    Raises:
        InputError: the cell has none.
    """
    if cell not in _TABLE:
        raise InputError(f"the cell {cell!r} has no compiled kernel")
    return _TABLE[cell]
