"""Layers in half precision, whole models of them, and under autocast; dtypes and devices that do not go together."""

from __future__ import annotations

import pytest
import torch
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence

from unrolled import nn
from unrolled.cells import CELLS
from unrolled.errors import InputError

HALVES = [torch.bfloat16, torch.float16]


def flat(result):
    y, last = result
    return [y.data if isinstance(y, PackedSequence) else y, *(last if isinstance(last, tuple) else (last,))]


@pytest.mark.parametrize("dtype", HALVES, ids=str)
@pytest.mark.parametrize("name", CELLS)
def test_a_layer_in_half_precision_computes_in_float32(name, dtype, make_layer):
    """What comes out is what float32 gives, rounded once a layer; gradients arrive in the parameters' precision."""
    for options, call in (
        ({"bidirectional": True}, {"lengths": [6, 2, 0]}),
        ({"checkpoint": 2, "initial_state": "zero"}, {"return_states": True, "return_gates": True}),
    ):
        wide = make_layer(name, **options).float().eval()
        with torch.no_grad():
            for tensor in (*wide.parameters(), *wide.buffers()):
                tensor.copy_(tensor.to(dtype))
        half = make_layer(name, **options).eval()
        half.load_state_dict(wide.state_dict())
        half = half.bfloat16() if dtype is torch.bfloat16 else half.half()
        x = torch.randn(6, 3, half.input_size).to(dtype).requires_grad_()
        ours, expected = half(x, **call), wide(x.float(), **call)
        exact = name not in ("li_gru", "slstm")  # which prepare their weights, in their own precision
        for a, b in zip(flat(ours[:2]), flat(expected[:2]), strict=True):
            assert a.dtype == dtype
            close = torch.equal(a, b.to(dtype)) if exact else torch.allclose(a.float(), b, rtol=0.03, atol=0.03)
            assert close or not torch.isfinite(b).all()
        for states in ours[2:]:
            for steps in states:
                for each in steps.values() if isinstance(steps, dict) else steps:
                    assert each.dtype == dtype
        ours[0].float().square().sum().backward()
        expected[0].square().sum().backward()
        for (path, a), b in zip(half.named_parameters(), wide.parameters(), strict=True):
            if b.grad is not None:
                assert a.grad.dtype == dtype
                assert (a.grad.float() - b.grad).norm() <= 0.02 * b.grad.norm(), path


@pytest.mark.parametrize("dtype", HALVES, ids=str)
@pytest.mark.parametrize("name", ["RNN", "LSTM", "GRU"])
def test_half_precision_is_as_near_as_torchs(name, dtype):
    theirs = getattr(torch.nn, name)(3, 8, 2, batch_first=True)
    ours = getattr(nn, name)(3, 8, 2, batch_first=True)
    ours.load_state_dict(theirs.state_dict())
    x = torch.randn(4, 9, 3)
    expected = theirs(x)[0]
    found = ours.to(dtype)(x.to(dtype))[0]
    assert found.dtype == dtype
    assert (found.float() - expected).abs().max() < 0.02


def test_single_steps_packed_sequences_and_training_in_half_precision():
    for cell in (nn.RNNCell(3, 4), nn.LSTMCell(3, 4), nn.GRUCell(3, 4)):
        out = cell.bfloat16()(torch.randn(2, 3).bfloat16())
        assert (out[0] if isinstance(out, tuple) else out).dtype == torch.bfloat16
    gru = nn.GRU(3, 4, 2, dropout=0.1, zoneout=0.1, input_dropout=0.1, state_dropout=0.1, dtype=torch.bfloat16)
    packed = pack_padded_sequence(torch.randn(5, 2, 3).bfloat16(), [5, 3])
    assert gru(packed)[0].data.dtype == torch.bfloat16
    optimizer, losses = torch.optim.SGD(gru.parameters(), 0.5), []
    torch.manual_seed(0)
    x = torch.randn(5, 16, 3).bfloat16()
    for _ in range(20):
        optimizer.zero_grad()
        loss = (gru(x)[0].float() - 0.3).square().mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.6 * losses[0]


@pytest.mark.parametrize("of_parameters", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("of_input", [torch.float32, torch.bfloat16], ids=str)
def test_autocast_brings_input_and_states_to_the_parameters(of_parameters, of_input):
    for name in ("RNN", "LSTM", "GRU"):
        ours = getattr(nn, name)(3, 4).to(of_parameters)
        theirs = getattr(torch.nn, name)(3, 4)
        theirs.load_state_dict(ours.state_dict())
        x, h = torch.randn(5, 2, 3), torch.randn(1, 2, 4)
        x, hx = x.to(of_input), ((h.to(of_input),) * 2 if name == "LSTM" else h.to(of_input))
        with torch.autocast("cpu", torch.bfloat16):
            y, _ = ours(x, hx)
            packed = ours(pack_padded_sequence(x, [5, 2]))[0]
        expected, _ = theirs(x.float(), (h, h) if name == "LSTM" else h)
        assert y.dtype == packed.data.dtype == of_parameters
        assert (y.float() - expected).abs().max() < 0.03
        cell = getattr(nn, f"{name}Cell")(3, 4).to(of_parameters)
        with torch.autocast("cpu", torch.bfloat16):
            after = cell(x[0], tuple(s[0] for s in hx) if name == "LSTM" else hx[0])
        assert (after[0] if name == "LSTM" else after).dtype == of_parameters


def test_dtypes_that_do_not_go_together_are_named():
    x = torch.zeros(5, 2, 3)
    for module, given, message in (
        (
            nn.GRU(3, 4).bfloat16(),
            x,
            r"GRU input dtype \(torch.float32\) does not match weight dtype \(torch.bfloat16\)",
        ),
        (nn.GRU(3, 4), x.half(), r"does not match weight dtype \(torch.float32\)"),
        (nn.RNN(3, 4), x.to(torch.int64), r"RNN input dtype \(torch.int64\)"),
        (nn.GRU(3, 4, dtype=torch.complex64), x.to(torch.complex64), "float32 and float64, got torch.complex64"),
    ):
        with pytest.raises(InputError, match=message):
            module(given)
    mixed = nn.GRU(3, 4).bfloat16()
    mixed.weight_hh_l0 = torch.nn.Parameter(mixed.weight_hh_l0.detach().float())
    with pytest.raises(
        InputError, match=r"expected states and parameters of torch.bfloat16, as the input is, got torch.float32"
    ):
        mixed(x.bfloat16())


def test_layouts_that_are_no_rows_of_numbers_are_named():
    gru, x = nn.GRU(3, 4), torch.ones(5, 2, 3)
    for given in (x.to_sparse(), x.to_mkldnn()):
        with pytest.raises(InputError, match=r"the input is torch._mkldnn|the input is torch.sparse_coo"):
            gru(given)
    with pytest.raises(InputError, match=r"h_0 is torch.sparse_coo"):
        gru(x, torch.ones(1, 2, 4).to_sparse())


PACKED = {
    "too few": ([3, 2, 1], None, None),
    "growing": ([2, 3, 2], None, None),
    "a step without sequences": ([4, 3, 0], None, None),
    "negative": ([8, -1], None, None),
    "nothing": ([], None, None),
    "one twice": ([4, 3], [0, 1, 2, 2], None),
    "one that is not there": ([4, 3], [0, 1, 2, 9], None),
    "one too few": ([4, 3], [0, 1, 2], None),
    "another order back": ([4, 3], [0, 1, 3, 2], [1, 0, 2, 3]),
}


@pytest.mark.parametrize("parts", PACKED)
@pytest.mark.parametrize("kind", [nn.GRU, nn.QRNN])
def test_packed_sequences_that_do_not_add_up(kind, parts):
    sizes, order, back = (None if p is None else torch.tensor(p, dtype=torch.int64) for p in PACKED[parts])
    broken = tuple.__new__(PackedSequence, (torch.randn(7, 3), sizes, order, back))
    with pytest.raises(InputError, match="of a PackedSequence must"):
        kind(3, 4)(broken)


def test_packed_sequences_of_another_type():
    for sizes in (torch.tensor([4, 3], dtype=torch.int32), torch.tensor([4.0, 3.0]), torch.tensor([[4, 3]]), [4, 3]):
        broken = tuple.__new__(PackedSequence, (torch.randn(7, 3), sizes, None, None))
        with pytest.raises(InputError, match="batch_sizes of a PackedSequence must be whole numbers"):
            nn.LSTM(3, 4)(broken)
