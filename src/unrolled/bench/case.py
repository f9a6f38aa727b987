"""What is timed: a cell, a pass, sizes; how many operations and bytes no implementation can do without."""

from __future__ import annotations

from typing import Literal, get_args

import msgspec
import numpy as np

from unrolled.aliases import Floats
from unrolled.cells import Cell, get_cell

__all__ = [
    "CELLS", "DEFAULT_CASES", "LAST_STEP_SIZES", "ODD_SIZES", "PROJECTED_SIZES", "QUICK_CASES", "SIZES", "Case", "Sizes",
    "cases_of",
]  # fmt: skip

CellName = Literal["gru", "lstm", "rnn"]

CELLS: tuple[CellName, ...] = get_args(CellName)


class Sizes(msgspec.Struct, frozen=True):
    """Batch ``B``, time steps ``T``, input size ``I``, hidden size ``H``.

    >>> print(Sizes(32, 100, 64, 256), Sizes(32, 100, 64, 256, projected=64), sep="; ")
    32, 100, 64, 256; 32, 100, 64, 256→64
    """

    batch: int
    steps: int
    inputs: int
    hidden: int
    projected: int = 0
    """``P``, the size that the hidden state of an LSTM is projected to; 0: it is not."""

    @property
    def outputs(self) -> int:
        """Numbers of the hidden state."""
        return self.projected or self.hidden

    def __str__(self) -> str:
        to = f"→{self.projected}" if self.projected else ""
        return f"{self.batch}, {self.steps}, {self.inputs}, {self.hidden}{to}"


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
        projected, last = ", projected" if self.sizes.projected else "", ", last step" if self.loss == "last" else ""
        return self.cell.upper() + projected + last

    @property
    def described(self) -> Cell:
        """The cell's entry in the registry."""
        if self.sizes.projected:
            return get_cell("lstmp")
        return get_cell("rnn_tanh" if self.cell == "rnn" else self.cell)

    @property
    def parameter_shapes(self) -> dict[str, tuple[int, ...]]:
        """Name and shape of each parameter."""
        own = {"proj_size": self.sizes.projected} if self.sizes.projected else {}
        return self.described.parameter_shapes(input_size=self.sizes.inputs, hidden_size=self.sizes.hidden, **own)

    @property
    def flops(self) -> int:
        """Operations of the products with matrices; backward twice as many, for the inputs and the weights."""
        numbers = sum(int(np.prod(shape)) for shape in self.parameter_shapes.values() if len(shape) == 2)
        forward = 2 * self.sizes.steps * self.sizes.batch * numbers
        return 3 * forward if self.work == "training" else forward

    @property
    def bytes(self) -> int:
        """Memory that must be read or written at least once: inputs, outputs and parameters, and their gradients."""
        sizes = self.sizes
        parameters = sum(int(np.prod(shape)) for shape in self.parameter_shapes.values())
        once = 4 * (sizes.steps * sizes.batch * (sizes.inputs + sizes.outputs) + parameters)
        return 2 * once if self.work == "training" else once

    def arrays(self) -> dict[str, Floats]:
        """``x [T, B, I]`` and the parameters, drawn as torch draws them; the same for the same case."""
        rng, sizes = np.random.default_rng(0), self.sizes
        bound = 1 / np.sqrt(sizes.hidden)
        arrays = {name: rng.uniform(-bound, bound, shape) for name, shape in self.parameter_shapes.items()}
        x = rng.normal(size=(sizes.steps, sizes.batch, sizes.inputs))
        return {name: a.astype(np.float32) for name, a in {"x": x, **arrays}.items()}


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
EXTREME_SIZES = (Sizes(512, 50, 64, 128), Sizes(4, 2000, 32, 64))
"""A large batch, and long sequences."""
LAST_STEP_SIZES = Sizes(32, 400, 8, 64)
PROJECTED_SIZES = Sizes(32, 100, 64, 256, projected=64)


def cases_of(cells: tuple[CellName, ...], sizes: tuple[Sizes, ...]) -> tuple[Case, ...]:
    """Training at all sizes, then inference at all sizes; of projected ones the LSTM alone."""
    pairs: list[tuple[CellName, Sizes]] = [
        (cell, each) for cell in cells for each in sizes if cell == "lstm" or not each.projected
    ]
    return tuple(Case(cell, work, each) for work in ("training", "inference") for cell, each in pairs)


_ODD = tuple(Case(cell, "training", sizes) for cell in ("gru", "lstm") for sizes in ODD_SIZES)
_LAST_STEP = tuple(Case(cell, "training", LAST_STEP_SIZES, loss="last") for cell in ("gru", "lstm"))
_EXTREME = cases_of(("gru", "lstm"), EXTREME_SIZES)
DEFAULT_CASES = cases_of(CELLS, SIZES) + _ODD + _EXTREME + _LAST_STEP + cases_of(("lstm",), (PROJECTED_SIZES,))
QUICK_CASES = cases_of(("gru", "lstm"), SIZES[:2])
