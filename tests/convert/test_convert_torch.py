"""torch's modules as this library's and back: parameters, outputs, mode, dtype; and what torch has not."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import unrolled
from unrolled import InputError
from unrolled.convert import from_torch, to_torch


def flat(values):
    return [t for value in values for t in (flat(value) if isinstance(value, (tuple, list)) else [value])]


def assert_same_outputs(one, other, *arguments):
    with torch.no_grad():
        results = flat([one(*arguments)]), flat([other(*arguments)])
    for a, b in zip(*results, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-12 if a.dtype == torch.float64 else 2e-6)


LAYERS = [
    lambda: nn.RNN(3, 5),
    lambda: nn.RNN(3, 5, 2, nonlinearity="relu", batch_first=True),
    lambda: nn.LSTM(3, 5, 2, bidirectional=True),
    lambda: nn.LSTM(3, 5, proj_size=2, bias=False),
    lambda: nn.GRU(3, 5, 2, bidirectional=True, bias=False),
    lambda: nn.GRU(3, 5, 3, dropout=0.5).eval(),
    lambda: nn.GRU(3, 5).double(),
]


@pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")
@pytest.mark.parametrize("make", LAYERS)
def test_layers_both_ways(make):
    theirs = make()
    ours = from_torch(theirs)
    assert type(ours) is getattr(unrolled.nn, type(theirs).__name__)
    assert ours.training == theirs.training
    x = torch.randn(4, 2, 3, dtype=theirs.weight_ih_l0.dtype)
    assert_same_outputs(ours, theirs, x)
    again = to_torch(ours)
    assert type(again) is type(theirs)
    assert repr(again) == repr(theirs)
    assert vars(again).keys() == vars(theirs).keys()
    assert_same_outputs(again, theirs, x)
    for copy in (ours, again):
        for name, parameter in copy.state_dict().items():
            assert torch.equal(parameter, theirs.state_dict()[name])
            assert parameter.data_ptr() != theirs.state_dict()[name].data_ptr()


@pytest.mark.parametrize(
    "theirs",
    [nn.RNNCell(3, 5, nonlinearity="relu"), nn.RNNCell(3, 5, bias=False), nn.LSTMCell(3, 5), nn.GRUCell(3, 5).double()],
)
def test_cells_both_ways(theirs):
    ours = from_torch(theirs)
    assert type(ours) is getattr(unrolled.nn, type(theirs).__name__)
    x = torch.randn(2, 3, dtype=theirs.weight_ih.dtype)
    assert_same_outputs(ours, theirs, x)
    again = to_torch(ours)
    assert type(again) is type(theirs)
    assert vars(again).keys() == vars(theirs).keys()
    assert_same_outputs(again, theirs, x)


def test_copies_train_like_their_originals():
    theirs = nn.GRU(3, 5)
    theirs.weight_hh_l0.requires_grad_(False)
    ours = from_torch(theirs)
    assert not ours.weight_hh_l0.requires_grad
    x = torch.randn(4, 2, 3)
    for module in (theirs, ours):
        module(x)[0].square().sum().backward()
    torch.testing.assert_close(ours.weight_ih_l0.grad, theirs.weight_ih_l0.grad, rtol=1e-5, atol=1e-6)


def test_layers_made_here_and_options_that_only_start_a_layer():
    ours = unrolled.nn.LSTM(3, 5, forget_bias=1.0, start="orthogonal")
    theirs = to_torch(ours)
    assert_same_outputs(ours, theirs, torch.randn(4, 2, 3))
    assert type(unrolled.nn.LSTM(3, 5)) is type(ours)  # the original is what it was
    assert unrolled.restore(ours) == [""]


@pytest.mark.parametrize(
    ("module", "reason"),
    [
        (unrolled.nn.GRU(3, 4, reset_after=False), "torch's GRU has another equation than GRU, reset before"),
        (unrolled.nn.RNN(3, 4, nonlinearity="identity"), "torch's RNN has another equation than linear RNN"),
        (unrolled.nn.RNN(3, 4, nonlinearity="softsign"), "torch's RNN has another equation"),
        (unrolled.nn.LSTM(3, 4, peepholes=True), "peepholes=True"),
        (unrolled.nn.LSTM(3, 4, coupled_gates=True), "coupled_gates=True"),
        (unrolled.nn.LSTM(3, 4, activations=("hard_sigmoid", "tanh", "tanh")), "activations="),
        (unrolled.nn.LSTM(3, 4, zoneout=0.1), "torch's LSTM has no zoneout"),
        (unrolled.nn.GRU(3, 4, bidirectional=True, merge="sum", input_dropout=0.1), "no merge, input_dropout"),
        (unrolled.nn.IndRNN(3, 4), "torch has no IndRNN"),
        (unrolled.nn.GRUCell(3, 4, reset_after=False), "torch's GRUCell has another equation"),
        (unrolled.nn.RNNCell(3, 4, nonlinearity="identity"), "torch's RNNCell has another equation"),
        (nn.Linear(3, 4), "takes layers and cells of unrolled.nn, got Linear"),
    ],
)  # fmt: skip
def test_what_torch_has_not(module, reason):
    with pytest.raises(InputError, match=f"to_torch.*{reason}"):
        to_torch(module)


class Own(nn.LSTM):
    pass


class OwnCell(nn.LSTMCell):
    pass


@pytest.mark.parametrize(
    ("module", "reason"),
    [
        (Own(3, 4), "Own is a class of its own, derived from torch.nn.LSTM"),
        (OwnCell(3, 4), "OwnCell is a class of its own, derived from torch.nn.LSTMCell"),
        (nn.GRU(3, 4).half(), "weight_ih_l0 is torch.float16, the kernels compute in float32 and float64"),
        (nn.Linear(3, 4), "takes torch.nn.RNN, LSTM, GRU and their cells, got Linear; unrolled.accelerate takes whole models"),
    ],
)  # fmt: skip
def test_what_the_kernels_do_not_take(module, reason):
    with pytest.raises(InputError, match=f"from_torch.*{reason}"):
        from_torch(module)
