"""ONNX's recurrent operators: their gates, and which cell of this library computes which.

ONNX stacks parameters over directions, ``W [D, G*H, I]``, ``R [D, G*H, H]``, ``B [D, 2*G*H]`` (first the biases of
``W``, then those of ``R``) and ``P [D, 3*H]``, with the gates in an order of its own.
Source: the operators RNN, GRU and LSTM of the ONNX specification, versions 7, 14 and 22.
"""

from __future__ import annotations

from typing import NamedTuple

from unrolled.cells import Cell

__all__ = ["OPERATORS", "PEEPHOLES", "Form", "Operator", "form_of", "name_of", "peepholes_of"]


class Operator(NamedTuple):
    """One of ONNX's operators, in the names this library has for gates and states."""

    gates: tuple[str, ...]
    """In the order of their blocks in ``W``, ``R`` and each half of ``B``."""
    states: tuple[str, ...]
    activations: tuple[str, ...]
    """The functions of one direction where the node does not say which: f, g, h of the specification."""
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


_INPUTS = ("X", "W", "R", "B", "sequence_lens", "initial_h")

OPERATORS = {
    "RNN": Operator(("h",), ("h",), ("Tanh",), _INPUTS, ("Y", "Y_h")),
    "GRU": Operator(("z", "r", "n"), ("h",), ("Sigmoid", "Tanh"), _INPUTS, ("Y", "Y_h")),
    "LSTM": Operator(
        ("i", "o", "f", "g"), ("h", "c"), ("Sigmoid", "Tanh", "Tanh"), (*_INPUTS, "initial_c", "P"), ("Y", "Y_h", "Y_c")
    ),
}
PEEPHOLES = ("i", "o", "f")
"""The order of the gates in ``P``."""


class Form(NamedTuple):
    """An operator and the attributes that make its equation a cell's."""

    operator: str
    linear_before_reset: bool = False
    input_forget: bool = False
    peepholes: bool = False


_FORMS = {
    "rnn_tanh": Form("RNN"),
    "rnn_relu": Form("RNN"),
    "rnn_identity": Form("RNN"),
    "irnn": Form("RNN"),
    "gru": Form("GRU", linear_before_reset=True),
    "gru_reset_before": Form("GRU"),
    "lstm": Form("LSTM"),
    "lstm_peephole": Form("LSTM", peepholes=True),
    "lstm_cifg": Form("LSTM", input_forget=True),
    "lstm_peephole_cifg": Form("LSTM", peepholes=True, input_forget=True),
}
_CELLS = {form: name for name, form in reversed(_FORMS.items())}


def form_of(cell: Cell) -> Form | None:
    """The operator that computes a cell; none for a cell ONNX has not.

    >>> from unrolled.cells import get_cell
    >>> form_of(get_cell("gru"))
    Form(operator='GRU', linear_before_reset=True, input_forget=False, peepholes=False)
    """
    return _FORMS.get(cell.name)


def name_of(form: Form) -> str:
    """The cell that computes an operator.

    >>> name_of(Form("RNN")), name_of(Form("LSTM", input_forget=True))
    ('rnn_tanh', 'lstm_cifg')
    """
    return _CELLS[form]


def peepholes_of(cell: Cell) -> tuple[str, ...]:
    """The gates whose peepholes ``weight_ch`` holds, in its order."""
    return tuple(gate for gate in ("i", "f", "o") if gate in cell.gates)
