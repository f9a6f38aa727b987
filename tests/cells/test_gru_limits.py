"""What a GRU becomes when a large bias holds a gate open or shut."""

from __future__ import annotations

import numpy as np
import pytest

from unrolled.cells import get_cell

GRUS = ["gru", "gru_reset_before"]
BLOCKS = {"r": 0, "z": 1, "n": 2}


def hold(case, **gates):
    """Drive gates to exactly 0 or 1 with a bias of -1000 or 1000."""
    H = case.grad_h.shape[2]
    for gate, value in gates.items():
        case.params["bias_ih"].reshape(3, H)[BLOCKS[gate]] = 1000 * (2 * value - 1)
    return case


def candidate(array):
    """The candidate's block of a stacked parameter or gradient."""
    return np.split(array, 3)[BLOCKS["n"]]


@pytest.mark.parametrize("cell_name", GRUS)
def test_reset_one_and_update_zero_is_an_rnn(cell_name, make_case):
    case = hold(make_case(cell_name), r=1, z=0)
    rnn = get_cell("rnn_tanh")
    params = {name: candidate(value) for name, value in case.params.items()}
    h, _, tape = rnn.forward(params, case.x, case.states)
    np.testing.assert_allclose(case.forward()[0], h, rtol=1e-13)

    expected = rnn.backward(params, tape, case.grad_h, case.grad_last_states)
    gradients = case.backward()
    for name in params:
        np.testing.assert_allclose(candidate(gradients[name]), expected[name], rtol=1e-11, err_msg=name)
        np.testing.assert_array_equal(gradients[name][: 2 * h.shape[2]], 0)
    for name in ("x", "h0"):
        np.testing.assert_allclose(gradients[name], expected[name], rtol=1e-11, err_msg=name)


@pytest.mark.parametrize("cell_name", GRUS)
def test_reset_zero_and_update_zero_is_a_feed_forward_layer(cell_name, make_case):
    case = hold(make_case(cell_name), r=0, z=0)
    W, b = candidate(case.params["weight_ih"]), candidate(case.params["bias_ih"])
    if cell_name == "gru_reset_before":
        b = b + candidate(case.params["bias_hh"])
    np.testing.assert_allclose(case.forward()[0], np.tanh(case.x @ W.T + b), rtol=1e-13)
    gradients = case.backward()
    np.testing.assert_array_equal(gradients["h0"], 0)
    np.testing.assert_array_equal(gradients["weight_hh"], 0)


@pytest.mark.parametrize("cell_name", GRUS)
def test_update_one_keeps_the_state(cell_name, make_case):
    case = hold(make_case(cell_name), z=1)
    h, (last,), _ = case.forward()
    np.testing.assert_array_equal(h, np.broadcast_to(case.states[0], h.shape))
    np.testing.assert_array_equal(last, case.states[0])
    gradients = case.backward()
    np.testing.assert_allclose(gradients["h0"], case.grad_h.sum(0) + case.grad_last_states[0], rtol=1e-13)
    np.testing.assert_array_equal(gradients["x"], 0)


@pytest.mark.parametrize("cell_name", GRUS)
def test_update_zero_replaces_the_state_by_the_candidate(cell_name, make_case):
    case = hold(make_case(cell_name), z=0)
    h, _, tape = case.forward()
    np.testing.assert_array_equal(h, [now.gates["n"] for now in tape])


def test_the_two_forms_differ_only_through_the_reset_gate(make_case):
    after, before = make_case("gru"), make_case("gru_reset_before")
    assert np.max(np.abs(after.forward()[0] - before.forward()[0])) > 0.1
    hold(after, r=1), hold(before, r=1)
    np.testing.assert_allclose(after.forward()[0], before.forward()[0], rtol=1e-13, atol=1e-15)
