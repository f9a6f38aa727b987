"""Batches without sequences, sequences without steps, cells without units: empty results, as torch has them."""

from __future__ import annotations

import pytest
import torch

from unrolled import nn
from unrolled.cells import CELLS


def states_of(last):
    return list(last) if isinstance(last, tuple) else [last]


WAYS = [
    {},
    {"checkpoint": 2},
    {"truncate": 2},
    {"truncate": 4, "checkpoint": 2, "num_layers": 2, "bidirectional": True},
    {"initial_state": "learned", "batch_first": True},
]
"""Options that change how a batch goes through a layer."""


def layers(make_layer, name):
    for options in WAYS:
        refused = name == "slstm" and "initial_state" in options
        both = {"merge": "sum"} if name == "sru" and options.get("bidirectional") else {}
        if not refused:
            yield make_layer(name, **options, **both)


@pytest.mark.parametrize("name", CELLS)
def test_no_sequences(name, make_layer):
    for layer in layers(make_layer, name):
        shape = (0, 5) if layer.batch_first else (5, 0)
        x = torch.zeros(*shape, layer.input_size, dtype=torch.float64, requires_grad=True)
        resets = torch.zeros(shape, dtype=torch.bool)
        one, last_of_one = layer.eval()(torch.zeros(*(1 if n == 0 else n for n in shape), layer.input_size).double())
        empty = tuple(state[:, :0] for state in states_of(last_of_one))
        for training, call in (
            (True, {}), (False, {"lengths": []}), (True, {"resets": resets}), (False, {"lengths": [], "resets": resets}),
            (True, {"hx": empty if isinstance(last_of_one, tuple) else empty[0]}),
        ):  # fmt: skip
            y, last, states, gates = layer.train(training)(x, **call, return_states=True, return_gates=True)
            assert y.shape == (*shape, one.shape[2])
            for end, of_one in zip(states_of(last), states_of(last_of_one), strict=True):
                assert end.shape == (of_one.shape[0], 0, of_one.shape[2])
            assert all(steps.shape[:2] == shape for layer_states in states for steps in layer_states)
            assert all(steps.shape[:2] == shape for layer_gates in gates for steps in layer_gates.values())
            gradients = torch.autograd.grad(y.sum(), [x, *layer.parameters()], allow_unused=True)
            assert gradients[0].shape == x.shape
            assert not any(gradient.any() for gradient in gradients if gradient is not None)


@pytest.mark.parametrize("name", CELLS)
def test_no_steps_in_any_sequence(name, make_layer):
    """The last states are the first ones."""
    for layer in layers(make_layer, name):
        shape = (2, 5) if layer.batch_first else (5, 2)
        x = torch.full((*shape, layer.input_size), torch.nan, dtype=torch.float64, requires_grad=True)
        flags = torch.ones(shape, dtype=torch.bool)
        clean = x.detach().nan_to_num()
        hx = tuple(state.detach() for state in states_of(layer.eval()(clean)[1]))
        for call in ({}, {"resets": ~flags}, {"resets": flags}):
            for first in (None, hx if len(hx) > 1 else hx[0]):
                y, last = layer.train()(x, first, lengths=[0, 0], **call)
                assert not y.any()
                if first is not None:
                    for end, start in zip(states_of(last), hx, strict=True):
                        assert torch.equal(end, start)
                (gradient,) = torch.autograd.grad(y.sum(), x)
                assert not gradient.any()


@pytest.mark.parametrize("name", ["RNNCell", "LSTMCell", "GRUCell"])
@pytest.mark.parametrize(("inputs", "hidden"), [(3, 0), (0, 4), (0, 0)])
@pytest.mark.parametrize("batch", [(), (2,), (0,)])
def test_cells_without_units_or_inputs(name, inputs, hidden, batch, twins, assert_close):
    results = []
    for cell in twins(name, inputs, hidden):
        torch.manual_seed(0)
        x = torch.randn(*batch, inputs, requires_grad=True)
        first = tuple(torch.randn(*batch, hidden) for _ in range(2))
        for hx in (None, first if name == "LSTMCell" else first[0]):
            outputs = states_of(cell(x, hx))
            gradients = torch.autograd.grad(sum(o.sum() for o in outputs), [x, *cell.parameters()], allow_unused=True)
            results.append([*outputs, *(g for g in gradients[:1] if g is not None)])
    for theirs, ours in ((results[0], results[2]), (results[1], results[3])):
        for a, b in zip(ours, theirs, strict=True):
            assert_close(a, b)


def test_normalisation_needs_two_rows_or_none():
    layer = nn.LiGRU(3, 4)
    mean, variance = layer.running_mean_l0.clone(), layer.running_var_l0.clone()
    layer(torch.zeros(5, 0, 3)), layer(torch.randn(5, 2, 3), lengths=[0, 0])
    assert torch.equal(layer.running_mean_l0, mean)
    assert torch.equal(layer.running_var_l0, variance)
    for call in ({"input": torch.randn(1, 1, 3)}, {"input": torch.randn(5, 2, 3), "lengths": [1, 0]}):
        with pytest.raises(RuntimeError, match="needs at least 2 rows of input, got 1"):
            layer(**call)
