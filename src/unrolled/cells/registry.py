"""The registry: every recurrent cell of this library by name.

Kernels, modules, parameter counts, documentation tables and tests are derived from it; nothing else repeats a
gate order or a parameter's shape.
"""

from __future__ import annotations

from unrolled.cells.cell import Cell
from unrolled.cells.gru import GRU
from unrolled.cells.gru_reset_before import GRU_RESET_BEFORE
from unrolled.cells.lstm import LSTM
from unrolled.cells.rnn import RNN_IDENTITY, RNN_RELU, RNN_TANH
from unrolled.errors import InputError

__all__ = ["CELLS", "get_cell"]

CELLS: dict[str, Cell] = {cell.name: cell for cell in (RNN_TANH, RNN_RELU, RNN_IDENTITY, LSTM, GRU, GRU_RESET_BEFORE)}


def get_cell(name: str) -> Cell:
    """The cell called ``name``.

    :raises InputError: for a name that is not registered; the message lists those that are.

    >>> get_cell("lstm").gates
    ('i', 'f', 'g', 'o')
    """
    if name not in CELLS:
        raise InputError(f"unknown cell {name!r}; known cells: {', '.join(CELLS)}")
    return CELLS[name]
