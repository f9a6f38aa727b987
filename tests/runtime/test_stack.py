"""Stacked layers beside the modules that train them: states, steps and gates of every cell."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from unrolled.cells import CELLS
from unrolled.errors import InputError
from unrolled.networks.stack import StackConfig
from unrolled.runtime.stack import Stack
from unrolled.training.engine import NetworkOptions, recurrent_layers, tensors_of

T, B, H = 7, 3, 4
OWN_SIZES = {"lstmp": {"proj_size": 2}, "qrnn": {"kernel_width": 3}, "slstm": {"head_size": 2}}
LENGTHS = np.array([4, 7, 1])


def both(cell="gru", **options):
    """The module, and the stack with the same parameters."""
    torch.manual_seed(0)
    if CELLS[cell].square and options.get("bidirectional"):
        options["merge"] = "sum"  # each layer reads as many numbers as it has units
    config = StackConfig(cell, H, H, num_layers=2, sizes=OWN_SIZES.get(cell, {}), **options)
    module = recurrent_layers(config, NetworkOptions()).eval()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter += 0.2 * torch.randn_like(parameter)
    return module, Stack(config, tensors_of(module))


def inputs(seed=0):
    return np.random.default_rng(seed).normal(size=(T, B, H)).astype(np.float32)


def together(states):
    return states if isinstance(states, tuple) else (states,)


def close(found, expected):
    np.testing.assert_allclose(found, expected.detach(), rtol=1e-4, atol=2e-6)


@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["padded", "lengths"])
@pytest.mark.parametrize("bidirectional", [False, True], ids=["forward", "both"])
@pytest.mark.parametrize("cell", CELLS)
def test_states_and_gates_are_those_of_the_module(cell, bidirectional, lengths):
    module, stack = both(cell, bidirectional=bidirectional)
    x = inputs()
    y, states, gates = stack(x, lengths, return_gates=True)
    of = None if lengths is None else torch.from_numpy(lengths)
    expected, last, shown = module(torch.from_numpy(x), lengths=of, return_gates=True)
    close(y, expected)
    assert len(states) == len(together(last))
    for state, reference in zip(states, together(last), strict=True):
        close(state, reference)
    for own, reference in zip(gates, shown, strict=True):
        assert list(own) == list(reference)
        for name, gate in own.items():
            close(gate, reference[name])
    plain, ends = stack(x, lengths)
    np.testing.assert_array_equal(plain, y)
    assert all(np.array_equal(a, b) for a, b in zip(ends, states, strict=True))


@pytest.mark.parametrize("cell", CELLS)
def test_from_given_states(cell):
    module, stack = both(cell, bidirectional=True)
    _, states = stack(inputs(1))
    kept = [state.copy() for state in states]
    y, last = stack(inputs(), LENGTHS, states)
    hx = tuple(map(torch.from_numpy, states))
    hx = hx if isinstance(module(torch.from_numpy(inputs()))[1], tuple) else hx[0]
    expected, reference = module(torch.from_numpy(inputs()), hx, lengths=torch.from_numpy(LENGTHS))
    close(y, expected)
    for state, wanted in zip(last, together(reference), strict=True):
        close(state, wanted)
    assert all(np.array_equal(a, b) for a, b in zip(states, kept, strict=True))


@pytest.mark.parametrize(
    "options",
    [{}, {"zoneout": True}, {"residual": True}, {"initial_state": "learned"}],
    ids=lambda o: next(iter(o), ""),
)
@pytest.mark.parametrize("cell", CELLS)
def test_step_by_step_and_in_chunks_to_the_same_bits(cell, options):
    described = CELLS[cell]
    if "zoneout" in options:
        options = {"zoneout": (0.3 * described.hands_on_h, 0.2 * (described.memory == ("c",)))}
    if "initial_state" in options and len(described.memory) > 1:
        pytest.skip("its module has no learned states")
    _, stack = both(cell, **options)
    x, states, outputs = inputs(), None, []
    whole, last = stack(x)
    for t in range(T):
        y, states = stack.step(x[t], states)
        outputs.append(y)
    np.testing.assert_array_equal(np.stack(outputs), whole)
    first, after = stack(x[:3])
    rest, ends = stack(x[3:], states=after)
    np.testing.assert_array_equal(np.concatenate([first, rest]), whole)
    for each in zip(states, ends, last, strict=True):
        assert all(np.array_equal(state, each[0]) for state in each)


def test_rows_are_chosen_along_the_second_axis():
    """As a search for the best continuations does."""
    for cell in ("lstm", "qrnn"):
        _, stack = both(cell)
        _, states = stack(inputs())
        rows = [2, 0, 0, 1]
        x = inputs(1)[0]
        y, _ = stack.step(x[rows], tuple(state[:, rows] for state in states))
        np.testing.assert_array_equal(y, stack.step(x, states)[0][rows])


def test_gates_change_no_bits_and_are_the_callers_own():
    _, stack = both("lstm", bidirectional=True)
    y, _, gates = stack(inputs(), LENGTHS, return_gates=True)
    y += 1
    for gate in gates[0].values():
        assert gate.shape == (T, B, 2 * H)
        assert not gate[LENGTHS[0] :, 0].any()
        gate += 1
    np.testing.assert_array_equal(stack(inputs(), LENGTHS)[0] + 1, y)


def test_what_does_not_fit_is_refused():
    _, both_ways = both(bidirectional=True)
    with pytest.raises(InputError, match=r"the layers are bidirectional.*train with bidirectional=False"):
        both_ways.step(inputs()[0])
    _, stack = both("lstm")
    _, (h, c) = stack(inputs())
    with pytest.raises(InputError, match="states holds 1 arrays, expected 2: those of cell lstm"):
        stack(inputs(), states=(h,))
    with pytest.raises(InputError, match=r"states holds an array of shape \(1, 3, 4\), expected \[2, B, size\]"):
        stack(inputs(), states=(h[:1], c))
    with pytest.raises(InputError, match=r"h has shape"):
        stack(inputs(), states=(h[:, :2], c))
