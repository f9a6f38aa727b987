"""What the documentation promises of every cell: the same bits in any company, NaN that stays NaN, torch's transforms."""

from __future__ import annotations

import pytest
import torch
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from unrolled.cells import CELLS, get_cell

pytestmark = pytest.mark.filterwarnings(
    "ignore:.torch.jit.script. is deprecated"
)  # torch.func.jvp imports what uses it

LENGTHS = [7, 3, 6]
LINEAR = ["rnn_identity"]
"""Cells whose slopes do not depend on anything: the gradients of their inputs hold no NaN."""


def states_of(last):
    return list(last) if isinstance(last, tuple) else [last]


def given(states, rows):
    own = tuple(state[:, rows].detach().clone().requires_grad_() for state in states)
    return own if len(own) > 1 else own[0]


def all_layers(make_layer, name):
    """A cell's layer in float32 and float64, one and two directions; normalisation by what was seen before."""
    both = {"merge": "sum"} if name == "sru" else {}
    for dtype in (torch.float64, torch.float32):
        yield make_layer(name).to(dtype).eval()
        yield make_layer(name, hidden=18, num_layers=2, bidirectional=True, **both).to(dtype).eval()


def results(layer, x, rows, hx, weight, **how):
    """Outputs, last states, and gradients of the input and the given states, of some rows of ``x``."""
    own, hx = x[:, rows].detach().clone().requires_grad_(), given(hx, rows)
    y, last = layer(own, hx, **how)
    gradients = torch.autograd.grad((y * weight[: len(y), rows]).sum(), [own, *states_of(hx)], allow_unused=True)
    return [y, *states_of(last)], gradients


@pytest.mark.parametrize("name", CELLS)
def test_the_same_bits_alone_and_in_any_batch(name, make_layer):
    for layer in all_layers(make_layer, name):
        x = torch.randn(7, 3, layer.input_size, dtype=layer.weight_ih_l0.dtype)
        with torch.no_grad():
            hx = states_of(layer(x)[1])  # states that can be
            weight = torch.randn_like(layer(x)[0])
        together, of_all = results(layer, x, slice(None), hx, weight)
        padded, of_padded = results(layer, x, slice(None), hx, weight, lengths=LENGTHS)
        for b, length in enumerate(LENGTHS):
            row = slice(b, b + 1)
            alone, of_alone = results(layer, x, row, hx, weight)
            short, of_short = results(layer, x[:length], row, hx, weight)
            for k, (whole, one) in enumerate(zip((*together, *of_all), (*alone, *of_alone), strict=True)):
                assert (whole is None and one is None) or torch.equal(whole[:, row], one), (k, b)
            assert torch.equal(padded[0][:length, row], short[0])
            assert not padded[0][length:, row].any()
            assert torch.equal(of_padded[0][:length, row], of_short[0])
            assert not of_padded[0][length:, row].any()
            for k, (whole, one) in enumerate(
                zip((*padded[1:], *of_padded[1:]), (*short[1:], *of_short[1:]), strict=True)
            ):
                assert (whole is None and one is None) or torch.equal(whole[:, row], one), (k, b)


@pytest.mark.parametrize("name", CELLS)
def test_the_same_bits_whole_in_chunks_packed_and_batch_first(name, make_layer):
    for layer in all_layers(make_layer, name):
        x = torch.randn(7, 3, layer.input_size, dtype=layer.weight_ih_l0.dtype)
        y, last = layer(x, lengths=LENGTHS)
        packed, packed_last = layer(pack_padded_sequence(x, LENGTHS, enforce_sorted=False))
        assert torch.equal(pad_packed_sequence(packed)[0], y)
        for a, b in zip(states_of(packed_last), states_of(last), strict=True):
            assert torch.equal(a, b)
        layer.batch_first = True
        assert torch.equal(layer(x.transpose(0, 1), lengths=LENGTHS)[0].transpose(0, 1), y)
        layer.batch_first = False
        if not layer.bidirectional:
            (whole, last), (first, states) = layer(x), layer(x[:3])
            rest, end = layer(x[3:], states)
            assert torch.equal(torch.cat((first, rest)), whole)
            for a, b in zip(states_of(end), states_of(last), strict=True):
                assert torch.equal(a, b)


@pytest.mark.parametrize("name", CELLS)
def test_nan_stays_nan_and_stays_in_its_sequence(name, make_layer):
    for dtype in (torch.float64, torch.float32):
        layer = make_layer(name).to(dtype).eval()
        x = torch.randn(5, 3, layer.input_size, dtype=dtype)
        clean = x.clone().requires_grad_()
        x[2, 1, 0] = torch.nan
        x.requires_grad_()
        y, last = layer(x)
        (expected,) = torch.autograd.grad(layer(clean)[0].sum(), clean)
        y.sum().backward()
        assert torch.isnan(y[2:, 1]).all()
        assert torch.isnan(states_of(last)[0][0, 1]).all()
        assert torch.equal(y[:, [0, 2]], layer(clean)[0][:, [0, 2]])
        assert torch.equal(x.grad[:, [0, 2]], expected[:, [0, 2]])
        assert torch.isnan(layer.weight_ih_l0.grad).any()
        if name not in LINEAR:
            assert torch.isnan(x.grad[2, 1]).all()
            for parameter in layer.parameters():
                assert torch.isnan(parameter.grad).any()


@pytest.mark.parametrize("name", CELLS)
def test_many_gradients_at_once_are_those_one_by_one(name, make_layer):
    for options, lengths in (({}, None), ({"checkpoint": 2}, [3, 2]), ({"truncate": 2}, None)):
        layer = make_layer(name, inputs=2, hidden=4, **options).eval()
        x = torch.randn(3, 2, layer.input_size, dtype=torch.float64, requires_grad=True)
        y, last = layer(x, lengths=lengths)
        outputs = [y, states_of(last)[0]]
        grads = [torch.randn(4, *output.shape, dtype=torch.float64) for output in outputs]
        inputs = [x, *(p for p in layer.parameters() if p.requires_grad)]
        batched = torch.autograd.grad(outputs, inputs, grads, is_grads_batched=True, retain_graph=True)
        for k in range(4):
            alone = torch.autograd.grad(outputs, inputs, [grad[k] for grad in grads], retain_graph=True)
            for a, b in zip(batched, alone, strict=True):
                torch.testing.assert_close(a[k], b, rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("name", CELLS)
def test_jacobians_and_hessians_by_any_of_torchs_ways(name, make_layer):
    layer = make_layer(name, inputs=2, hidden=4).eval()
    x = torch.randn(3, 2, layer.input_size, dtype=torch.float64)
    functional = torch.autograd.functional
    for lengths in (None, [3, 1]):

        def output(x, lengths=lengths):
            return layer(x, lengths=lengths)[0]

        def loss(x, lengths=lengths):
            return layer(x, lengths=lengths)[0].square().sum()

        expected = functional.jacobian(output, x)
        for jacobian in (
            functional.jacobian(output, x, vectorize=True),
            torch.func.jacrev(output)(x),
            torch.func.jacfwd(output)(x),
        ):
            torch.testing.assert_close(jacobian, expected, rtol=1e-10, atol=1e-13)
        hessian = functional.hessian(loss, x)
        torch.testing.assert_close(functional.hessian(loss, x, vectorize=True), hessian, rtol=1e-9, atol=1e-12)
    each = torch.func.vmap(lambda one: layer(one)[0])(torch.stack((x, 2 * x)))
    torch.testing.assert_close(each, torch.stack((layer(x)[0], layer(2 * x)[0])), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", CELLS)
def test_gradients_that_keep_a_graph_are_the_same(name, make_layer):
    """Also where the states came out of the same parameters, in one call or in an earlier one."""
    for options in ({}, {"truncate": 2}, {"checkpoint": 2}):
        layer = make_layer(name, num_layers=2, **({"bidirectional": True, "merge": "sum"} | options)).eval()
        x = torch.randn(5, 2, layer.input_size, dtype=torch.float64, requires_grad=True)
        gradients = []
        for create_graph in (False, True):
            y, last = layer(x)
            z, _ = layer(x.flip(0), last)
            inputs = [x, *(p for p in layer.parameters() if p.requires_grad)]
            gradients.append(torch.autograd.grad((y * z).sum(), inputs, create_graph=create_graph))
        for a, b in zip(*gradients, strict=True):
            torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", CELLS)
def test_states_of_every_step_and_gates_are_returned(name, make_layer):
    layer, cell = make_layer(name, num_layers=2), get_cell(name)
    y, last, states, gates = layer(
        torch.randn(4, 3, layer.input_size, dtype=torch.float64),
        lengths=[4, 1, 0],
        return_states=True,
        return_gates=True,
    )
    assert len(states) == len(gates) == 2
    assert torch.equal(states[1][0], y)
    for k in range(2):
        assert len(states[k]) == 1 + len(cell.memory)
        assert list(gates[k]) == list(cell.gates)
        for steps in (*states[k], *gates[k].values()):
            assert not steps[1:, 1].any()
            assert not steps[:, 2].any()
    first, steps = states_of(last)[0], states[1][0 if cell.hands_on_h else 1]
    assert torch.equal(first[1, 0], steps[3, 0])
    assert torch.equal(first[1, 1], steps[0, 1])
