"""The states of every step, which torch does not return: against torch's own layers run one step at a time."""

from __future__ import annotations

import pytest
import torch
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

import unrolled
from unrolled.nn import GRU, LSTM, RNN


def step_by_step(lstm, x):
    """Hidden and cell states of every step of an LSTM of torch's with one layer, each [T, B, H]."""
    h, c, last = [], [], None
    for x_t in x.split(1):
        y, last = lstm(x_t, last)
        h.append(y)
        c.append(last[1])
    return torch.cat(h), torch.cat(c)


def torch_states(lstm, x):
    """For each layer of an LSTM (h, c) of every step, the directions side by side, from torch's single layers."""
    D = 2 if lstm.bidirectional else 1
    layers = []
    for index in range(lstm.num_layers):
        sides = []
        for d in range(D):
            one = torch.nn.LSTM(x.shape[2], lstm.hidden_size, dtype=x.dtype)
            suffix = f"_l{index}" + "_reverse" * d
            weights = {name: getattr(lstm, name.removesuffix("_l0") + suffix) for name, _ in one.named_parameters()}

            def step(x_t, last, one=one, weights=weights):
                return torch.func.functional_call(one, weights, (x_t, last))

            sides.append([s.flip(0) for s in step_by_step(step, x.flip(0))] if d else step_by_step(step, x))
        layers.append(tuple(torch.cat(side, 2) for side in zip(*sides, strict=True)))
        x = layers[-1][0]
    return layers


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("layers", [1, 2])
def test_every_cell_state_and_its_gradients(bidirectional, layers, assert_close):
    lstm = LSTM(3, 17, layers, bidirectional=bidirectional).double()
    x = torch.randn(6, 4, 3, dtype=torch.float64)
    y, (h_n, c_n), states = lstm(x, return_states=True)
    without, last = lstm(x)
    assert all(torch.equal(a, b) for a, b in zip((y, h_n, c_n), (without, *last), strict=True))
    assert torch.equal(states[-1][0], y)
    expected = torch_states(lstm, x)
    actual = [state for of_layer in states for state in of_layer]
    wanted = [state for of_layer in expected for state in of_layer]
    for a, b in zip(actual, wanted, strict=True):
        assert_close(a, b)
    weighting = [torch.randn_like(state) for state in actual]
    for chosen in (slice(None), slice(1, None, 2), slice(1, 2)):  # everything, the cell states, one layer's
        gradients = [
            torch.autograd.grad(
                sum((w * s).sum() for w, s in list(zip(weighting, of, strict=True))[chosen]),
                list(lstm.parameters()), allow_unused=True, materialize_grads=True, retain_graph=True,
            )
            for of in (actual, wanted)
        ]  # fmt: skip
        for a, b in zip(*gradients, strict=True):
            assert_close(a, b)


@pytest.mark.parametrize("batch_first", [False, True])
def test_lengths_and_packed_sequences(batch_first):
    lstm = LSTM(3, 5, 2, bidirectional=True, batch_first=batch_first)
    x, lengths = torch.randn(4, 6, 3) if batch_first else torch.randn(6, 4, 3), [3, 6, 1, 6]
    y, _, states = lstm(x, lengths=lengths, return_states=True)
    packed, _, packed_states = lstm(
        pack_padded_sequence(x, lengths, batch_first=batch_first, enforce_sorted=False), return_states=True
    )
    assert torch.equal(pad_packed_sequence(packed, batch_first=batch_first)[0], y)
    for of_layer, packed_of_layer in zip(states, packed_states, strict=True):
        for state, packed_state in zip(of_layer, packed_of_layer, strict=True):
            assert state.shape == y.shape
            assert torch.equal(pad_packed_sequence(packed_state, batch_first=batch_first)[0], state)
            for b, n in enumerate(lengths):
                row = state[b] if batch_first else state[:, b]
                assert (row[n:] == 0).all()
                assert (row[:n] != 0).all()
    for b, n in enumerate(lengths):
        alone = (x[b] if batch_first else x[:, b])[:n]
        _, _, own = lstm(alone, return_states=True)
        for of_layer, own_of_layer in zip(states, own, strict=True):
            for state, own_state in zip(of_layer, own_of_layer, strict=True):
                row = state[b] if batch_first else state[:, b]
                assert own_state.shape == (n, 10)
                assert torch.equal(row[:n], own_state)


@pytest.mark.parametrize("make", [RNN, GRU], ids=["RNN", "GRU"])
def test_cells_without_a_cell_state_return_hidden_states(make):
    module = make(3, 5, 2, dropout=0.5)
    x = torch.randn(6, 2, 3)
    y, _, ((first,), (second,)) = module(x, return_states=True)
    assert torch.equal(second, y)
    alone = make(3, 5)
    alone.load_state_dict({name: p for name, p in module.state_dict().items() if name.endswith("_l0")})
    assert torch.equal(first, alone(x)[0])  # what the layer computed, before dropout


@pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")
def test_projections_have_cell_states_too():
    lstm = LSTM(3, 5, proj_size=2)
    x = torch.randn(4, 2, 3)
    theirs = torch.nn.LSTM(3, 5, proj_size=2)
    theirs.load_state_dict(lstm.state_dict())
    y, _, ((h, c),) = lstm(x, return_states=True)
    expected_h, expected_c = step_by_step(theirs, x)
    assert torch.equal(h, y)
    assert torch.allclose(h, expected_h, atol=1e-6)
    assert torch.allclose(c, expected_c, atol=1e-6)


@pytest.mark.filterwarnings("ignore::DeprecationWarning:torch")
def test_without_gradients_compiled_and_accelerated():
    lstm, x = LSTM(3, 5, 2, bidirectional=True), torch.randn(4, 2, 3)
    expected = lstm(x, lengths=[2, 4], return_states=True)
    compiled = torch.compile(lstm, fullgraph=True, backend="aot_eager")
    model = torch.nn.Sequential(torch.nn.LSTM(3, 5, 2, bidirectional=True))
    model[0].load_state_dict(lstm.state_dict())
    unrolled.accelerate(model)
    with torch.no_grad():
        results = [run(x, lengths=[2, 4], return_states=True) for run in (lstm, compiled, model[0])]
    results.append(compiled(x, lengths=[2, 4], return_states=True))
    for result in results:
        for of_layer, expected_of_layer in zip(result[2], expected[2], strict=True):
            for state, expected_state in zip(of_layer, expected_of_layer, strict=True):
                assert torch.equal(state, expected_state)
    results[-1][2][0][1].sum().backward()
    assert lstm.weight_hh_l0.grad.abs().sum() > 0
    torch._dynamo.reset()


def test_a_penalty_on_the_gradient_of_a_cell_state(assert_close):
    lstm = LSTM(2, 3).double()
    x = torch.randn(4, 2, 2, dtype=torch.float64, requires_grad=True)
    results = []
    for _, c in (lstm(x, return_states=True)[2][0], torch_states(lstm, x)[0]):
        slope = torch.autograd.grad(c[1:3].square().sum(), x, create_graph=True)[0]
        results.append(torch.autograd.grad(slope.square().sum(), list(lstm.parameters())))
    for a, b in zip(*results, strict=True):
        assert_close(a, b)
