"""The module of any cell of the registry."""

from __future__ import annotations

from typing import Any

from unrolled.cells import get_cell
from unrolled.errors import InputError
from unrolled.nn.recurrent import Recurrent
from unrolled.nn.stacked import MODULES

__all__ = ["layers_for"]


def layers_for(cell: str, input_size: int, hidden_size: int, **arguments: Any) -> Recurrent[Any]:
    """Stacked layers of a cell, by the cell's name in the registry.

    Args:
        cell: a name in :data:`unrolled.cells.CELLS`, or the :attr:`~unrolled.cells.Cell.spec` of a cell with other
            activation functions, such as ``"gru[hard_sigmoid;tanh]"``.
        input_size: ``I``, the number of input features.
        hidden_size: ``H``, the number of units per layer.
        **arguments: what the module's constructor takes besides, except for what chooses the cell: ``num_layers``,
            ``bidirectional``, ``dropout``, the options of :class:`Settings`, and so on. The sizes that only this cell has
            go by the names of :attr:`unrolled.cells.Cell.sizes`: ``proj_size``, ``kernel_width``, ``head_size``.

    Returns:
        The module of this package that runs the cell.

    Raises:
        InputError: there is no such cell, it lacks a size, or an argument contradicts it.

    >>> layers_for("lstm_peephole", 3, 4, num_layers=2)
    LSTM(3, 4, num_layers=2, peepholes=True)
    >>> layers_for("rnn_tanh[softsign]", 3, 4)
    RNN(3, 4, nonlinearity=softsign)
    >>> layers_for("slstm", 3, 4, head_size=2)
    SLSTM(3, 4, num_heads=2)
    >>> layers_for("lstm", 3, 4, peepholes=True)
    Traceback (most recent call last):
    unrolled.errors.InputError: layers_for: peepholes chooses another cell than lstm: leave it out, or name that cell
    """
    described = get_cell(cell)
    if described.clip is not None:
        raise InputError(f"layers_for: {cell}: layers have no clip; unrolled.onnx.run has")
    module = MODULES[described.name]
    names = [size.name for size in described.sizes]
    sizes: dict[str, int] = {name: arguments.pop(name) for name in names if name in arguments}
    own = module.arguments_for(described, hidden_size, **sizes)
    choosing = own.keys() | {name for each in module.cells.values() for name in each}
    choosing |= {size.name for each in module.cells for size in get_cell(each).sizes}
    for name in arguments:
        if name in choosing:
            raise InputError(f"layers_for: {name} chooses another cell than {cell}: leave it out, or name that cell")
    make: Any = module
    return make(input_size, hidden_size, **own, **arguments)
