from __future__ import annotations

import pytest
import torch

from unrolled.cells import CELLS, Cell, get_cell
from unrolled.errors import InputError

DESCRIBED = {
    "rnn_tanh": ("h", "h", "one_product"),
    "rnn_relu": ("h", "h", "one_product"),
    "rnn_identity": ("h", "h", "one_product"),
    "irnn": ("h", "h", "one_product"),
    "indrnn": ("h", "h", "no_product"),
    "leaky_rnn": ("n", "h", "one_product"),
    "lstm": ("ifgo", "h c", "one_product"),
    "lstm_peephole": ("ifgo", "h c", "one_product"),
    "lstm_cifg": ("igo", "h c", "one_product"),
    "lstm_peephole_cifg": ("igo", "h c", "one_product"),
    "lstmp": ("ifgo", "h c", "one_product"),
    "lstm_layer_norm": ("ifgo", "h c", "one_product"),
    "janet": ("fg", "h", "one_product"),
    "gru": ("rzn", "h", "one_product"),
    "gru_reset_before": ("rzn", "h", "two_product"),
    "gru_layer_norm": ("rzn", "h", "one_product"),
    "gru1": ("rzn", "h", "two_product"),
    "gru2": ("rzn", "h", "two_product"),
    "gru3": ("rzn", "h", "two_product"),
    "mgu": ("fn", "h", "two_product"),
    "li_gru": ("zn", "h", "one_product"),
    "min_gru": ("zn", "h", "no_product"),
    "min_lstm": ("fin", "h", "no_product"),
    "sru": ("nfr", "c", "no_product"),
    "sru_highway": ("nfrk", "c", "no_product"),
    "qrnn": ("zfo", "c window", "no_product"),
    "fast_grnn": ("zn", "h", "one_product"),
    "slstm": ("ifzo", "h c n m", "one_product"),
}
"""Gates, states and recurrence: saved models depend on them."""


def _torchs(gates: int, U: int = 5) -> dict[str, tuple[int, ...]]:
    rows = 5 * gates
    return {"weight_ih": (rows, 2), "weight_hh": (rows, U), "bias_ih": (rows,), "bias_hh": (rows,)}


SHAPES = {
    **{name: _torchs(1) for name in ("rnn_tanh", "rnn_relu", "rnn_identity", "irnn")},
    "indrnn": {"weight_ih": (5, 2), "weight_hh": (5,), "bias_ih": (5,)},
    "leaky_rnn": {**_torchs(1), "alpha": (5,)},
    "lstm": _torchs(4),
    "lstm_peephole": {**_torchs(4), "weight_ch": (15,)},
    "lstm_cifg": _torchs(3),
    "lstm_peephole_cifg": {**_torchs(3), "weight_ch": (10,)},
    "lstmp": {**_torchs(4, 3), "weight_hr": (3, 5)},
    "lstm_layer_norm": {
        **_torchs(4), "weight_ln_ih": (20,), "weight_ln_hh": (20,), "weight_ln_c": (5,), "bias_ln_c": (5,),
    },
    "janet": _torchs(2),
    "gru": _torchs(3),
    "gru_reset_before": _torchs(3),
    "gru_layer_norm": {**_torchs(3), "weight_ln_ih": (15,), "weight_ln_hh": (15,)},
    "gru1": {"weight_ih": (5, 2), "weight_hh": (15, 5), "bias_ih": (15,), "bias_hh": (15,)},
    "gru2": {"weight_ih": (5, 2), "weight_hh": (15, 5), "bias_ih": (5,), "bias_hh": (5,)},
    "gru3": {"weight_ih": (5, 2), "weight_hh": (5, 5), "bias_ih": (15,)},
    "mgu": _torchs(2),
    "li_gru": _torchs(2),
    "min_gru": {"weight_ih": (10, 2), "bias_ih": (10,)},
    "min_lstm": {"weight_ih": (15, 2), "bias_ih": (15,)},
    "sru": {"weight_ih": (15, 5), "weight_ch": (10,), "bias_ih": (10,)},
    "sru_highway": {"weight_ih": (20, 2), "weight_ch": (10,), "bias_ih": (10,)},
    "qrnn": {"weight_ih": (15, 8), "bias_ih": (15,)},
    "fast_grnn": {"weight_ih": (5, 2), "weight_hh": (5, 5), "bias_ih": (10,), "zeta": (1,), "nu": (1,)},
    "slstm": _torchs(4, 1),
}  # fmt: skip
"""With input size 2 (of the SRU 5), hidden size 5, and projection 3, kernel width 4, head size 1 where there are such."""

TORCH_MODULES = {
    "rnn_tanh": torch.nn.RNN,
    "rnn_relu": torch.nn.RNN,
    "lstm": torch.nn.LSTM,
    "gru": torch.nn.GRU,
}


def test_registered_names():
    assert list(CELLS) == list(DESCRIBED)
    assert all(cell.name == name and isinstance(cell, Cell) for name, cell in CELLS.items())
    assert all(cell.title and cell.source for cell in CELLS.values())
    assert len({cell.title for cell in CELLS.values()}) == len(CELLS)


@pytest.mark.parametrize(("name", "gates", "states", "recurrence"), [(name, *row) for name, row in DESCRIBED.items()])
def test_gates_states_and_recurrence(name, gates, states, recurrence):
    cell = get_cell(name)
    assert "".join(cell.gates) == gates
    assert (cell.states, cell.recurrence) == (tuple(states.split()), recurrence)
    assert cell.parameters[0].name == "weight_ih"
    assert set(cell.biased) <= set(cell.gates)
    for gate in (cell.keeps.removeprefix("-"), cell.writes, cell.candidate):
        assert not gate or gate in cell.gates


@pytest.mark.parametrize(("name", "shapes"), SHAPES.items())
def test_parameter_names_order_and_shapes(name, shapes):
    cell = get_cell(name)
    I = 5 if cell.square else 2
    own = {"proj_size": 3, "kernel_width": 4, "head_size": 1}
    sizes = {size.name: own[size.name] for size in cell.sizes}
    told = cell.parameter_shapes(input_size=I, hidden_size=5, **sizes)
    assert list(told.items()) == [(key, value) for key, value in shapes.items()]
    assert cell.sizes_of(told, I) == {"input_size": I, "hidden_size": 5, **sizes}


def test_the_table_of_shapes_is_complete():
    assert list(SHAPES) == list(CELLS)


def test_numbers_of_states():
    assert get_cell("qrnn").state_sizes(input_size=2, hidden_size=5) == {"c": 5, "window": 2}
    assert get_cell("qrnn").state_sizes(input_size=2, hidden_size=5, kernel_width=4) == {"c": 5, "window": 6}
    assert get_cell("qrnn").state_sizes(input_size=2, hidden_size=5, kernel_width=1) == {"c": 5, "window": 0}
    assert get_cell("sru").state_sizes(input_size=5, hidden_size=5) == {"c": 5}
    assert get_cell("lstmp").state_sizes(input_size=2, hidden_size=5, proj_size=3) == {"h": 3, "c": 5}
    for name, cell in CELLS.items():
        assert list(cell.state_sizes(input_size=5, hidden_size=5)) == list(cell.states), name
    assert {name: cell.memory for name, cell in CELLS.items() if cell.memory and cell.memory != ("c",)} == {
        "slstm": ("c", "n", "m")
    }


@pytest.mark.parametrize("name", TORCH_MODULES)
def test_parameters_are_torchs_in_name_order_and_shape(name):
    module = TORCH_MODULES[name](input_size=3, hidden_size=5)
    expected = {key.removesuffix("_l0"): tuple(value.shape) for key, value in module.named_parameters()}
    shapes = get_cell(name).parameter_shapes(input_size=3, hidden_size=5)
    assert list(shapes.items()) == list(expected.items())


def test_both_grus_have_the_same_parameters():
    sizes = {"input_size": 2, "hidden_size": 7}
    assert get_cell("gru").parameter_shapes(**sizes) == get_cell("gru_reset_before").parameter_shapes(**sizes)


def test_lstmp_has_the_parameters_of_torchs_projected_lstm():
    module = torch.nn.LSTM(3, 5, proj_size=2)
    expected = {key.removesuffix("_l0"): tuple(value.shape) for key, value in module.named_parameters()}
    shapes = get_cell("lstmp").parameter_shapes(input_size=3, hidden_size=5, proj_size=2)
    assert list(shapes.items()) == list(expected.items())


def test_unknown_cell_lists_the_known_ones():
    with pytest.raises(
        InputError, match=r"unknown cell 'gru4'; known cells: rnn_tanh, .*, lstm, .*, gru, gru_reset_before, .*, slstm"
    ):
        get_cell("gru4")


@pytest.mark.parametrize(("sizes", "culprit"), [((0, 3), "input_size"), ((3, -1), "hidden_size")])
def test_sizes_below_one_are_refused(sizes, culprit):
    with pytest.raises(InputError, match=f"{culprit} must be at least 1"):
        get_cell("lstm").parameter_shapes(input_size=sizes[0], hidden_size=sizes[1])


def test_sizes_a_cell_does_not_have_or_cannot_have_are_refused():
    with pytest.raises(InputError, match="gru has no kernel_width"):
        get_cell("gru").parameter_shapes(input_size=2, hidden_size=3, kernel_width=2)
    with pytest.raises(InputError, match="kernel_width must be at least 1, got 0"):
        get_cell("qrnn").parameter_shapes(input_size=2, hidden_size=3, kernel_width=0)
    with pytest.raises(InputError, match="sru needs input_size = hidden_size, got 2 and 3"):
        get_cell("sru").parameter_shapes(input_size=2, hidden_size=3)
