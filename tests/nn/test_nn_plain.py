"""Calls that are nothing but the passes of their layers: which they are, with the bits and the words of the general way."""

from __future__ import annotations

import copy

import pytest
import torch
from torch.nn.utils.rnn import pack_sequence

from unrolled import InputError, nn
from unrolled.cells import CELLS
from unrolled.nn import recurrent
from unrolled.nn.plain import plain_call


@pytest.fixture
def generally(monkeypatch):
    """A call of layers the general way."""

    def call(layers, *given):
        with monkeypatch.context() as changed:
            changed.setattr(recurrent, "plain_call", lambda *_: None)
            return layers(*given)

    return call


@pytest.fixture
def found(monkeypatch):
    """For each call of layers that may be plain, whether it was."""
    calls: list[bool] = []

    def spy(*given):
        result = plain_call(*given)
        calls.append(result is not None)
        return result

    monkeypatch.setattr(recurrent, "plain_call", spy)
    return calls


@pytest.mark.parametrize("name", CELLS)
def test_the_bits_of_the_general_way(name, make_layer, generally, outputs_and_gradients):
    for num_layers, bidirectional, first in ((1, False, False), (2, False, True), (2, True, False)):
        merge = {"merge": "sum"} if name == "sru" and bidirectional else {}
        layers = make_layer(name, num_layers=num_layers, bidirectional=bidirectional, batch_first=first, **merge)
        if first:  # dropout that evaluation leaves out
            layers.dropout = 0.5
            layers.eval()
        x = torch.randn(3, 2, layers.input_size, dtype=torch.float64)
        with torch.no_grad():
            last = layers(x)[1]  # states that can be
        again = copy.deepcopy(layers)
        for states in ([], list(last) if isinstance(last, tuple) else [last]):
            plain = outputs_and_gradients(layers, layers, x, states)
            general = outputs_and_gradients(again, lambda *given, own=again: generally(own, *given), x, states)
            assert all(map(torch.equal, plain, general))


def test_usual_calls_are_plain(found):
    x, h = torch.randn(5, 1, 3), torch.randn(2, 1, 4)
    nn.GRU(3, 4)(x), nn.RNN(3, 4, nonlinearity="elu")(x), nn.IndRNN(3, 4)(x), nn.GRU(3, 4, start="orthogonal")(x)
    (
        nn.LSTM(3, 4, 2)(x, (h, h)),
        nn.GRU(3, 4, bidirectional=True, bias=False)(x, h),
        nn.LSTM(3, 4, 2, dropout=0.5).eval()(x),
    )
    with torch.no_grad():
        nn.LSTM(3, 4, proj_size=2, batch_first=True)(x)
    layers = nn.GRU(3, 4)
    torch.func.functional_call(layers, {name: p.detach() for name, p in layers.named_parameters()}, (x,))
    assert found == [True] * 9


GRU_OPTIONS = [
    {"input_dropout": 0.1}, {"zoneout": 0.1}, {"weight_drop": 0.1}, {"initial_state": "learned"}, {"checkpoint": 2},
    {"truncate": 2}, {"num_layers": 2, "dropout": 0.1}, {"num_layers": 2, "residual": True},
    {"bidirectional": True, "merge": "sum"},
]  # fmt: skip


@pytest.mark.parametrize("options", GRU_OPTIONS, ids=str)
def test_options_take_the_general_way(options, found):
    nn.GRU(3, 4, **options)(torch.randn(5, 1, 3))
    assert not any(found)


def _parametrized():
    layers = nn.GRU(3, 4)
    torch.nn.utils.parametrizations.weight_norm(layers, "weight_hh_l0")
    return layers


GENERAL = {
    "one sequence": lambda x: nn.GRU(3, 4)(x[:, 0]),
    "packed": lambda x: nn.GRU(3, 4)(pack_sequence([x[:, 0]])),
    "lengths": lambda x: nn.GRU(3, 4)(x, lengths=[5]),
    "resets": lambda x: nn.GRU(3, 4)(x, resets=torch.zeros(5, 1, dtype=torch.bool)),
    "states": lambda x: nn.GRU(3, 4)(x, return_states=True),
    "gates": lambda x: nn.GRU(3, 4)(x, return_gates=True),
    "a computed parameter": lambda x: _parametrized()(x),
    "half precision": lambda x: nn.GRU(3, 4).half()(x.half()),
    "blocks of a matrix": lambda x: nn.SLSTM(4, 4, 2)(torch.cat((x, x[..., :1]), 2)),
    "windows": lambda x: nn.QRNN(3, 4)(x),
    "normalised batches": lambda x: nn.LiGRU(3, 4)(x.expand(-1, 3, -1)),
    "shapes only": lambda x: nn.GRU(3, 4, device="meta")(x.to("meta")),
    "a batch of functions": lambda x: torch.func.vmap(nn.GRU(3, 4), 1, 1)(x[:, :, None].transpose(1, 2)),
    "tangents": lambda x: torch.func.jvp(lambda own: nn.GRU(3, 4)(own)[0], (x,), (x,)),
    "a trace": lambda x: torch.jit.trace(nn.GRU(3, 4), x, check_trace=False),
}


@pytest.mark.parametrize("how", GENERAL)
@pytest.mark.filterwarnings("ignore:.torch.jit", "ignore::torch.jit.TracerWarning")
def test_other_calls_take_the_general_way(how, found):
    GENERAL[how](torch.randn(5, 1, 3))
    assert not any(found)


def test_what_autocast_left_in_half_precision_takes_the_general_way(found):
    layers, x = nn.GRU(3, 4), torch.randn(5, 1, 3)
    with torch.autocast("cpu", torch.bfloat16):
        single, half = layers(x)[0], layers(x.bfloat16())[0]
    assert found == [True, False]
    assert half.dtype == torch.float32
    assert torch.equal(single, layers(x)[0])


def test_watched_layers_take_the_general_way(found):
    layers, steps = nn.GRU(3, 4), []
    layers.watch = lambda index, order: lambda *step: steps.append(step)
    layers(torch.randn(5, 1, 3))
    assert len(steps) == 5
    assert not found


WRONG = {
    "no tensor": ([1.0],),
    "dimensions": (torch.zeros(3),),
    "no steps": (torch.zeros(0, 1, 3),),
    "width": (torch.zeros(5, 1, 2),),
    "dtype": (torch.zeros(5, 1, 3, dtype=torch.float64),),
    "whole numbers": (torch.zeros(5, 1, 3, dtype=torch.int64),),
    "sparse": (torch.zeros(5, 1, 3).to_sparse(),),
    "state's size": (torch.zeros(5, 1, 3), (torch.zeros(2, 1, 4), torch.zeros(1, 1, 4))),
    "state's dtype": (torch.zeros(5, 1, 3), (torch.zeros(2, 1, 4), torch.zeros(2, 1, 4).double())),
    "sparse state": (torch.zeros(5, 1, 3), (torch.zeros(2, 1, 4), torch.zeros(2, 1, 4).to_sparse())),
    "one state": (torch.zeros(5, 1, 3), torch.zeros(2, 1, 4)),
    "no state": (torch.zeros(5, 1, 3), (torch.zeros(2, 1, 4), None)),
    "three states": (torch.zeros(5, 1, 3), (torch.zeros(2, 1, 4),) * 3),
}


@pytest.mark.parametrize("what", WRONG)
def test_the_words_of_the_general_way(what, generally):
    layers = nn.LSTM(3, 4, 2)
    with pytest.raises(InputError) as expected:
        generally(layers, *WRONG[what])
    with pytest.raises(type(expected.value)) as raised:
        layers(*WRONG[what])
    assert str(raised.value) == str(expected.value)


def test_a_parameter_of_another_shape_is_named():
    layers, x = nn.GRU(3, 4), torch.randn(5, 1, 3)
    layers(x)
    layers.weight_hh_l0.data = torch.zeros(12, 5)
    with pytest.raises(InputError, match="weight"):
        layers(x)


def test_a_layer_of_constants_within_a_transform():
    """Tensors that take no part in the transform around them; torch follows functions of Python through none."""
    layers, x = nn.GRU(3, 4), torch.randn(5, 1, 3)
    scaled = torch.func.vmap(lambda z: z * layers(x)[0].sum())
    with pytest.raises(RuntimeError, match="setup_context"):
        scaled(torch.ones(2))
    with torch.no_grad():
        assert torch.allclose(scaled(torch.ones(2)), layers(x)[0].sum().expand(2))
