from __future__ import annotations

import pytest
import torch

from unrolled.cells import CELLS, Cell, Parameter, get_cell
from unrolled.errors import InputError

TORCH_MODULES = {
    "rnn_tanh": torch.nn.RNN,
    "rnn_relu": torch.nn.RNN,
    "lstm": torch.nn.LSTM,
    "gru": torch.nn.GRU,
}


def test_registered_names():
    assert list(CELLS) == ["rnn_tanh", "rnn_relu", "rnn_identity", "lstm", "gru", "gru_reset_before"]
    assert all(cell.name == name and isinstance(cell, Cell) for name, cell in CELLS.items())
    assert all(cell.title and cell.source for cell in CELLS.values())


@pytest.mark.parametrize(
    ("name", "gates", "states", "recurrence"),
    [
        ("rnn_tanh", ("h",), ("h",), "one_product"),
        ("rnn_relu", ("h",), ("h",), "one_product"),
        ("rnn_identity", ("h",), ("h",), "one_product"),
        ("lstm", ("i", "f", "g", "o"), ("h", "c"), "one_product"),
        ("gru", ("r", "z", "n"), ("h",), "one_product"),
        ("gru_reset_before", ("r", "z", "n"), ("h",), "two_product"),
    ],
)
def test_gates_states_and_recurrence(name, gates, states, recurrence):
    cell = get_cell(name)
    assert (cell.gates, cell.states, cell.recurrence) == (gates, states, recurrence)
    assert cell.parameters[0] == Parameter("weight_ih", ("G*H", "I"))


@pytest.mark.parametrize("name", TORCH_MODULES)
def test_parameters_are_torchs_in_name_order_and_shape(name):
    module = TORCH_MODULES[name](input_size=3, hidden_size=5)
    expected = {key.removesuffix("_l0"): tuple(value.shape) for key, value in module.named_parameters()}
    shapes = get_cell(name).parameter_shapes(input_size=3, hidden_size=5)
    assert list(shapes.items()) == list(expected.items())


def test_both_grus_have_the_same_parameters():
    sizes = {"input_size": 2, "hidden_size": 7}
    assert get_cell("gru").parameter_shapes(**sizes) == get_cell("gru_reset_before").parameter_shapes(**sizes)


def test_unknown_cell_lists_the_known_ones():
    with pytest.raises(
        InputError, match=r"unknown cell 'gru2'; known cells: rnn_tanh, .*, lstm, gru, gru_reset_before"
    ):
        get_cell("gru2")


@pytest.mark.parametrize(("sizes", "culprit"), [((0, 3), "input_size"), ((3, -1), "hidden_size")])
def test_sizes_below_one_are_refused(sizes, culprit):
    with pytest.raises(InputError, match=f"{culprit} must be at least 1"):
        get_cell("lstm").parameter_shapes(input_size=sizes[0], hidden_size=sizes[1])
