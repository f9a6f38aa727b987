"""The reference mathematics: every recurrent cell in plain NumPy, forward and backward, as in the literature."""

from __future__ import annotations

from unrolled.cells.cell import Cell, Parameter
from unrolled.cells.registry import CELLS, get_cell
from unrolled.cells.unroll import Step

__all__ = ["CELLS", "Cell", "Parameter", "Step", "get_cell"]
