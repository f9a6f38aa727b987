"""The recurrent layers of an estimator's networks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

from unrolled.errors import InputError
from unrolled.parameters.declaration import Parameter, Parameters, require
from unrolled.parameters.ranges import COUNT, SHARE

if TYPE_CHECKING:
    from unrolled.cells import Cell
    from unrolled.cells.registry import CellName
else:
    CellName = str  # checked by the registry, which is imported only when it is asked

__all__ = ["CellName", "NetworkParameters", "cell_spec"]


def _cell_names() -> Sequence[str]:
    from unrolled.cells.registry import CELLS

    return ("rnn", *CELLS)


def _read_functions(name: str, value: Any) -> Any:
    return (value,) if isinstance(value, str) else tuple(value) if isinstance(value, Sequence) else value


def _read_sizes(name: str, value: Any) -> Any:
    if not isinstance(value, Mapping):
        raise InputError(f"{name} is {value!r}, expected sizes by name, such as {{'kernel_width': 2}}")
    return dict(value)


class NetworkParameters(Parameters):
    """Which cell, how large, how many."""

    _title = "Network"

    cell: Annotated[
        CellName,
        Parameter(
            "The recurrent cell, by its name in the registry; rnn is Elman's network with tanh.",
            metavar="CELL",
            known=_cell_names,
            search=("gru", "lstm"),
        ),
    ] = "gru"
    hidden_size: Annotated[
        int, Parameter("Hidden units per recurrent layer and direction.", COUNT, search=(16, 32, 64, 128, 256))
    ] = 64
    num_layers: Annotated[
        int, Parameter("Number of recurrent layers, one on top of the other.", COUNT, flag="--layers", search=(1, 2))
    ] = 1
    members: Annotated[
        int, Parameter("Networks in the ensemble, whose predictions are averaged; fewer are faster.", COUNT)
    ] = 3
    activations: Annotated[
        Sequence[str] | None,
        Parameter(
            "Activation functions of the cell, if it leaves them open: of gates, candidate and cell state, or the only one.",
            unset="those of the cell",
            flag="--activation",
            metavar="NAME",
            read=_read_functions,
        ),
    ] = None
    zoneout: Annotated[
        float,
        Parameter("Probability that a unit keeps its previous state in training.", SHARE, metavar="SHARE"),
    ] = 0.0
    residual: Annotated[
        bool, Parameter("Whether each recurrent layer from the second on adds its input to its output.")
    ] = False
    cell_sizes: Annotated[
        dict[str, int] | None,
        Parameter(
            "Sizes that only some cells have, by name, such as proj_size of lstmp and kernel_width of qrnn.",
            COUNT,
            unset="those of the cell",
            flag="--cell-size",
            metavar="NAME=N",
            read=_read_sizes,
        ),
    ] = None

    def _check_together(self) -> None:
        """Check that the cell has what is asked of it."""
        super()._check_together()
        cell = _cell(self)
        sizes = [size.name for size in cell.sizes]
        for name in self.cell_sizes or {}:
            require(
                "cell_sizes",
                name,
                name in sizes,
                f"one of {', '.join(sizes)}" if sizes else f"none: {cell.name} has no others",
            )
        require(
            "residual",
            self.residual,
            not self.residual or self.num_layers > 1,
            "False with one layer: nothing to add to",
        )


def cell_spec(parameters: NetworkParameters) -> str:
    """The cell with its activation functions, as :func:`unrolled.cells.get_cell` takes it.

    >>> cell_spec(NetworkParameters(cell="rnn")), cell_spec(NetworkParameters(cell="rnn", activations=("softsign",)))
    ('rnn_tanh', 'rnn_tanh[softsign]')
    """
    return _cell(parameters).spec


def _cell(parameters: NetworkParameters) -> Cell:
    from unrolled.cells import Activation, get_cell

    cell = get_cell("rnn_tanh" if parameters.cell == "rnn" else parameters.cell)
    if parameters.activations is None:
        return cell
    return cell.with_activations(*(Activation.parse(spec) for spec in parameters.activations))
