"""The registry: every recurrent cell of this library by name.

Kernels, modules, parameter counts, documentation tables and tests are derived from it; nothing else repeats a
gate order or a parameter's shape.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

from unrolled.cells.activation import Activation
from unrolled.cells.cell import Cell
from unrolled.cells.fast_grnn import FAST_GRNN
from unrolled.cells.gru import GRU
from unrolled.cells.gru_layer_norm import GRU_LAYER_NORM
from unrolled.cells.gru_reset_before import GRU_RESET_BEFORE
from unrolled.cells.gru_variants import GRU1, GRU2, GRU3
from unrolled.cells.indrnn import INDRNN
from unrolled.cells.janet import JANET
from unrolled.cells.leaky_rnn import LEAKY_RNN
from unrolled.cells.li_gru import LI_GRU
from unrolled.cells.lstm import LSTM
from unrolled.cells.lstm_layer_norm import LSTM_LAYER_NORM
from unrolled.cells.lstm_variants import LSTM_CIFG, LSTM_PEEPHOLE, LSTM_PEEPHOLE_CIFG
from unrolled.cells.lstmp import LSTMP
from unrolled.cells.mgu import MGU
from unrolled.cells.min_gru import MIN_GRU
from unrolled.cells.min_lstm import MIN_LSTM
from unrolled.cells.qrnn import QRNN
from unrolled.cells.rnn import IRNN, RNN_IDENTITY, RNN_RELU, RNN_TANH
from unrolled.cells.slstm import SLSTM
from unrolled.cells.sru import SRU, SRU_HIGHWAY
from unrolled.errors import InputError

__all__ = ["CELLS", "CellName", "get_cell"]

CELLS: dict[str, Cell] = {
    cell.name: cell
    for cell in (
        *(RNN_TANH, RNN_RELU, RNN_IDENTITY, IRNN, INDRNN, LEAKY_RNN),
        *(LSTM, LSTM_PEEPHOLE, LSTM_CIFG, LSTM_PEEPHOLE_CIFG, LSTMP, LSTM_LAYER_NORM, JANET),
        *(GRU, GRU_RESET_BEFORE, GRU_LAYER_NORM, GRU1, GRU2, GRU3, MGU, LI_GRU),
        *(MIN_GRU, MIN_LSTM, SRU, SRU_HIGHWAY, QRNN, FAST_GRNN, SLSTM),
    )
}


CellName = Literal[
    "rnn",
    "rnn_tanh",
    "rnn_relu",
    "rnn_identity",
    "irnn",
    "indrnn",
    "leaky_rnn",
    "lstm",
    "lstm_peephole",
    "lstm_cifg",
    "lstm_peephole_cifg",
    "lstmp",
    "lstm_layer_norm",
    "janet",
    "gru",
    "gru_reset_before",
    "gru_layer_norm",
    "gru1",
    "gru2",
    "gru3",
    "mgu",
    "li_gru",
    "min_gru",
    "min_lstm",
    "sru",
    "sru_highway",
    "qrnn",
    "fast_grnn",
    "slstm",
]
"""The names as a type, for who checks types; ``rnn`` is ``rnn_tanh``."""


@lru_cache(maxsize=256)
def get_cell(name: str) -> Cell:
    """The cell called ``name``, which may be the :attr:`~unrolled.cells.Cell.spec` of one with other activation functions.

    Raises:
        InputError: for a name that is not registered; the message lists those that are.

    >>> get_cell("lstm").gates
    ('i', 'f', 'g', 'o')
    >>> get_cell("rnn_tanh[softsign]").activations
    (Activation(name='softsign', alpha=0.0, beta=0.0),)
    """
    plain, _, functions = name.partition("[")
    if plain not in CELLS:
        raise InputError(f"unknown cell {plain!r}; known cells: {', '.join(CELLS)}")
    if not functions:
        return CELLS[plain]
    each, _, clip = functions.removesuffix("]").partition("|")
    try:
        limit = float(clip) if clip else None
    except ValueError:
        limit = None
    if not functions.endswith("]") or (clip and limit is None):
        raise InputError(f"cell {name!r}: expected a name, or name[function;...] or name[function;...|clip]")
    return CELLS[plain].with_activations(*(Activation.parse(spec) for spec in each.split(";")), clip=limit)
