"""A layer of a saved model computes what the reference cell computes, in both directions, with and without lengths."""

from __future__ import annotations

import numpy as np
import pytest

from unrolled.cells import CELLS, Masks, get_cell
from unrolled.errors import InputError
from unrolled.kernels.kernel import LONG
from unrolled.runtime.recurrent import RecurrentLayer

T, B, I, H = 6, 4, 3, 9
# sizes beside I and H that are not the default ones
OWN = {"lstmp": {"proj_size": 4}, "qrnn": {"kernel_width": 3}, "slstm": {"head_size": 3}}


def make(cell, rng, **options):
    """The reference, random parameters of it, and the layer that runs them."""
    reference = get_cell(cell)
    sizes = {"input_size": H if reference.square else I, "hidden_size": H, **OWN.get(cell, {})}
    parameters = {name: rng.normal(size=s) / 3 for name, s in reference.parameter_shapes(**sizes).items()}
    widths = reference.state_sizes(**sizes)
    states = tuple(rng.normal(size=(B, width)) for width in widths.values())
    if "n" in widths:  # a normaliser is above 0
        states = tuple(abs(s) + 1 if name == "n" else s for name, s in zip(widths, states, strict=True))
    width = {"kernel_width": 3} if cell == "qrnn" else {}
    layer = RecurrentLayer(cell, parameters, **width, **options)
    assert layer.state_sizes == widths
    return reference, parameters, states, layer, rng.normal(size=(T, B, sizes["input_size"]))


@pytest.mark.parametrize("lengths", [None, [2, 6, 0, 5]], ids=["padded", "lengths"])
@pytest.mark.parametrize("given", [False, True], ids=["from the start", "from states"])
@pytest.mark.parametrize("reverse", [False, True], ids=["forward", "reverse"])
@pytest.mark.parametrize("cell", CELLS)
def test_every_sequence_as_the_reference(cell, reverse, given, lengths):
    rng = np.random.default_rng(0)
    reference, parameters, states, layer, x = make(cell, rng, reverse=reverse)
    before = [state.copy() for state in states]

    y, last = layer(x, states if given else None, lengths)

    order = slice(None, None, -1 if reverse else 1)
    starts = [reference.initial.get(name, 0.0) for name in reference.states]
    for b, n in enumerate(lengths or [T] * B):
        own = tuple(
            s[b : b + 1] if given else np.full_like(s[:1], start) for s, start in zip(states, starts, strict=True)
        )
        ends = own
        if n:
            h, ends, _ = reference.forward(parameters, x[:n, b : b + 1][order], own)
            np.testing.assert_allclose(y[:n, b], h[order, 0], rtol=1e-12, atol=1e-13)
        assert not y[n:, b].any()
        for found, expected in zip(last, ends, strict=True):
            np.testing.assert_allclose(found[b], expected[0], rtol=1e-12, atol=1e-13)
    assert all(np.array_equal(state, kept) for state, kept in zip(states, before, strict=True))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("cell", CELLS)
def test_the_same_bits_alone_and_in_chunks(cell, dtype):
    rng = np.random.default_rng(1)
    _, parameters, _, layer, x = make(cell, rng)
    parameters, x = {name: value.astype(dtype) for name, value in parameters.items()}, x.astype(dtype)
    layer = RecurrentLayer(cell, parameters, **({"kernel_width": 3} if cell == "qrnn" else {}))
    y, last = layer(x)
    alone, ends = layer(x[:, 2:3])
    assert alone[:, 0].tobytes() == y[:, 2].tobytes()
    states, parts = None, []
    for step in x:
        part, states = layer(step[None], states)
        parts.append(part)
    assert np.concatenate(parts).tobytes() == y.tobytes()
    for whole, streamed, one in zip(last, states, ends, strict=True):
        assert whole.tobytes() == streamed.tobytes()
        assert whole[2].tobytes() == one[0].tobytes()


@pytest.mark.parametrize("cell", ["lstm", "gru_reset_before", "sru", "lstmp", "leaky_rnn"])
def test_zoneout_is_a_mean(cell):
    described = get_cell(cell)
    shares = (0.3 if described.hands_on_h else 0.0, 0.2 if described.memory else 0.0)
    reference, parameters, states, layer, x = make(cell, np.random.default_rng(2), zoneout=shares)
    y, _ = layer(x, states)
    expected, _, _ = reference.forward(parameters, x, states, Masks(zoneout=shares))
    np.testing.assert_allclose(y, expected, rtol=1e-12, atol=1e-13)


def test_missing_biases_are_zero():
    _, parameters, _, layer, x = make("lstm", np.random.default_rng(3))
    zeros = {name: value * ("weight" in name) for name, value in parameters.items()}
    bare = RecurrentLayer("lstm", {name: value for name, value in parameters.items() if "weight" in name})
    assert bare(x)[0].tobytes() == RecurrentLayer("lstm", zeros)(x)[0].tobytes()
    assert bare(x)[0].tobytes() != layer(x)[0].tobytes()


def test_other_activation_functions_change_the_result():
    reference, parameters, _, _, x = make("gru", np.random.default_rng(4))
    spec = "gru[hard_sigmoid;softsign]"
    y, _ = RecurrentLayer(spec, parameters)(x)
    np.testing.assert_allclose(y, get_cell(spec).forward(parameters, x)[0], rtol=1e-12, atol=1e-13)
    assert not np.allclose(y, reference.forward(parameters, x)[0])


def test_what_does_not_fit_is_refused():
    _, parameters, states, layer, x = make("qrnn", np.random.default_rng(5))
    with pytest.raises(InputError, match="kernel_width 2 does not fit qrnn with weight_ih of 9 columns"):
        RecurrentLayer("qrnn", parameters, kernel_width=2)
    with pytest.raises(InputError, match=r"has the states c, window, got 1 arrays"):
        layer(x, states[:1])
    with pytest.raises(InputError, match=r"window has shape \(4, 5\), expected \(4, 6\)"):
        layer(x, (states[0], states[1][:, :5]))
    with pytest.raises(
        InputError, match=r"zoneout of h is 0\.5: expected a share below 1, 0 where qrnn has no such state"
    ):
        RecurrentLayer("qrnn", parameters, kernel_width=3, zoneout=(0.5, 0.0))


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("lengths", [None, [5, 0, 3, 6]], ids=["padded", "lengths"])
def test_fault_18_states_of_another_batch_or_size(cell, lengths):
    _, _, states, layer, x = make(cell, np.random.default_rng(6))
    for name, k in zip(layer.state_sizes, range(len(states)), strict=True):
        for wrong in (states[k][:3], np.concatenate([states[k], states[k]]), states[k][:, 1:], states[k][0]):
            with pytest.raises(InputError, match=rf"{name} has shape .*, expected \({B}, {states[k].shape[1]}\)"):
                layer(x, (*states[:k], wrong, *states[k + 1 :]), lengths)


@pytest.mark.parametrize("cell", CELLS)
def test_fault_17_no_sequences(cell):
    reference, _, states, layer, x = make(cell, np.random.default_rng(7))
    for lengths in (None, [], np.zeros(0, np.uint8)):
        y, last = layer(x[:, :0], None, lengths)
        assert y.shape == (T, 0, layer.state_sizes.get("h", H))
        assert [state.shape for state in last] == [(0, state.shape[1]) for state in states]
    with pytest.raises(ValueError, match=r"x has shape \(0, 4, .*with T at least 1"):
        layer(x[:0])
    nothing, last = layer(x, states, [0] * B)
    assert not nothing.any()
    assert all(np.array_equal(a, b) for a, b in zip(last, states, strict=True))
    assert set(reference.states) == set(layer.state_sizes)


def test_arguments_that_are_no_layer():
    _, parameters, states, layer, x = make("qrnn", np.random.default_rng(8))
    with pytest.raises(InputError, match=r"kernel_width is 1\.5, expected a whole number"):
        RecurrentLayer("qrnn", parameters, kernel_width=1.5)
    for zoneout in (0.5, (0.1,), ("a", 0), (np.nan, 0), (0, 1)):
        with pytest.raises(InputError, match="zoneout"):
            RecurrentLayer("gru", make("gru", np.random.default_rng(8))[1], zoneout=zoneout)
    with pytest.raises(InputError, match="c is a float, expected a NumPy array"):
        layer(x, (3.0, states[1]))


@pytest.mark.parametrize("cell", CELLS)
def test_a_long_sequence_has_the_bits_alone_that_it_has_beside_others(cell):
    rng = np.random.default_rng(3)
    _, _, states, layer, _ = make(cell, rng)
    x = rng.normal(size=(2 * LONG + 1, B, layer.input_size))
    y, last = layer(x, states)
    full, _ = layer(x, states, [len(x)] * B)
    np.testing.assert_array_equal(full, y)
    for b in range(B):
        own, ends = layer(x[:, b : b + 1], tuple(state[b : b + 1] for state in states))
        np.testing.assert_array_equal(own[:, 0], y[:, b])
        for one, of_all in zip(ends, last, strict=True):
            np.testing.assert_array_equal(one[0], of_all[b])
