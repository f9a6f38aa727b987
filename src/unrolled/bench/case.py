"""What is timed: a cell, a pass, sizes; how many operations and bytes no implementation can do without."""

from __future__ import annotations

from typing import Literal, get_args

import msgspec
import numpy as np

from unrolled.aliases import Floats
from unrolled.cells import Cell, get_cell

__all__ = [
    "CELLS", "DEFAULT_CASES", "LAST_STEP_SIZES", "ODD_SIZES", "QUICK_CASES", "SIZES", "Case", "Sizes", "cases_of",
]  # fmt: skip

CellName = Literal["gru", "lstm", "rnn"]

CELLS: tuple[CellName, ...] = get_args(CellName)


class Sizes(msgspec.Struct, frozen=True):
    """Batch ``B``, time steps ``T``, input size ``I``, hidden size ``H``."""

    batch: int
    steps: int
    inputs: int
    hidden: int

    def __str__(self) -> str:
        return f"{self.batch}, {self.steps}, {self.inputs}, {self.hidden}"


class Case(msgspec.Struct, frozen=True):
    """One row: a training step (forward and backward of a sum of squares), or inference.

    >>> case = Case("lstm", "training", Sizes(batch=2, steps=3, inputs=5, hidden=7))
    >>> case.flops == 3 * 2 * (2 * 3) * (4 * 7) * (5 + 7)
    True
    """

    cell: CellName
    """``rnn`` is the one with tanh."""
    work: Literal["training", "inference"]
    sizes: Sizes
    loss: Literal["all", "last"] = "all"
    """The squares summed are those of all outputs, or of the last step's only."""

    @property
    def title(self) -> str:
        """Name for people."""
        return self.cell.upper() + (", last step" if self.loss == "last" else "")

    @property
    def described(self) -> Cell:
        """The cell's entry in the registry."""
        return get_cell("rnn_tanh" if self.cell == "rnn" else self.cell)

    @property
    def flops(self) -> int:
        """Operations of the products ``W x`` and ``U h``; backward twice as many, for the inputs and the weights."""
        B, T, I, H = msgspec.structs.astuple(self.sizes)
        forward = 2 * T * B * len(self.described.gates) * H * (I + H)
        return 3 * forward if self.work == "training" else forward

    @property
    def bytes(self) -> int:
        """Memory that must be read or written at least once: inputs, outputs and parameters, and their gradients."""
        B, T, I, H = msgspec.structs.astuple(self.sizes)
        shapes = self.described.parameter_shapes(input_size=I, hidden_size=H).values()
        once = 4 * (T * B * (I + H) + sum(int(np.prod(shape)) for shape in shapes))
        return 2 * once if self.work == "training" else once

    def arrays(self) -> dict[str, Floats]:
        """``x [T, B, I]`` and the parameters, drawn as torch draws them; the same for the same case."""
        rng = np.random.default_rng(0)
        B, T, I, H = msgspec.structs.astuple(self.sizes)
        shapes = self.described.parameter_shapes(input_size=I, hidden_size=H)
        bound = 1 / np.sqrt(H)
        arrays = {name: rng.uniform(-bound, bound, shape) for name, shape in shapes.items()}
        return {name: a.astype(np.float32) for name, a in {"x": rng.normal(size=(T, B, I)), **arrays}.items()}


SIZES = (
    Sizes(1, 100, 32, 64),
    Sizes(32, 100, 32, 64),
    Sizes(32, 100, 64, 128),
    Sizes(64, 100, 128, 256),
    Sizes(64, 50, 512, 512),
    Sizes(128, 50, 1024, 1024),
)
ODD_SIZES = (Sizes(1, 100, 512, 512), Sizes(4, 50, 512, 512), Sizes(32, 100, 50, 100), Sizes(20, 200, 1, 33))
"""Few rows, and sizes that fill no register."""
LAST_STEP_SIZES = Sizes(32, 400, 8, 64)


def cases_of(cells: tuple[CellName, ...], sizes: tuple[Sizes, ...]) -> tuple[Case, ...]:
    """Training at all sizes, then inference at all sizes."""
    return tuple(Case(c, work, s) for work in ("training", "inference") for c in cells for s in sizes)


_ODD = tuple(Case(cell, "training", sizes) for cell in ("gru", "lstm") for sizes in ODD_SIZES)
_LAST_STEP = tuple(Case(cell, "training", LAST_STEP_SIZES, loss="last") for cell in ("gru", "lstm"))
DEFAULT_CASES = cases_of(CELLS, SIZES) + _ODD + _LAST_STEP
QUICK_CASES = cases_of(("gru", "lstm"), SIZES[:2])
