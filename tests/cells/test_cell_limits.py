"""What cells become at the edges of their parameters: other cells, plain means, or nothing but memory."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from unrolled.cells import get_cell, relu, sigmoid


def blocks(array, count):
    return np.split(array, count)


def assert_same(case, name, params, states=None):
    """That the case's outputs, last states and gradients of x and states are another cell's; returns both gradients."""
    other = replace(case, cell=get_cell(name), params=params, states=case.states if states is None else states)
    h, last, _ = case.forward()
    expected_h, expected_last, _ = other.forward()
    np.testing.assert_allclose(h, expected_h, rtol=1e-12, atol=1e-14)
    for state, expected in zip(last, expected_last, strict=True):
        np.testing.assert_allclose(state, expected, rtol=1e-12, atol=1e-14)
    gradients, expected = case.backward(), other.backward()
    for variable in ("x", *(f"{state}0" for state in case.cell.states)):
        np.testing.assert_allclose(gradients[variable], expected[variable], rtol=1e-10, atol=1e-12, err_msg=variable)
    return gradients, expected


def assert_gradients(gradients, expected, *names):
    for name in names:
        np.testing.assert_allclose(gradients[name], expected[name], rtol=1e-10, atol=1e-12, err_msg=name)


def test_an_irnn_is_a_relu_rnn_and_with_nothing_but_U_of_its_start_it_remembers(make_case):
    case = make_case("irnn")
    gradients, expected = assert_same(case, "rnn_relu", case.params)
    assert_gradients(gradients, expected, *case.params)
    case.params = {name: np.zeros_like(value) for name, value in case.params.items()}
    case.params["weight_hh"] = np.eye(4)
    case.states = (np.abs(case.states[0]),)
    np.testing.assert_array_equal(case.forward()[0], np.broadcast_to(case.states[0], (5, 3, 4)))


def test_an_indrnn_is_a_relu_rnn_with_a_diagonal_U(make_case):
    case = make_case("indrnn")
    u, b = case.params["weight_hh"], case.params["bias_ih"]
    whole = {**case.params, "weight_hh": np.diag(u), "bias_hh": np.zeros_like(b)}
    gradients, expected = assert_same(case, "rnn_relu", whole)
    expected["weight_hh"] = np.diag(expected["weight_hh"])
    assert_gradients(gradients, expected, *case.params)


def test_a_leaky_rnn_with_alpha_1_is_an_rnn_and_with_0_it_remembers(make_case):
    case = make_case("leaky_rnn")
    case.params["alpha"] = np.ones(4)
    plain = {name: value for name, value in case.params.items() if name != "alpha"}
    gradients, expected = assert_same(case, "rnn_tanh", plain)
    assert_gradients(gradients, expected, *plain)
    case.params["alpha"] = np.zeros(4)
    np.testing.assert_array_equal(case.forward()[0], np.broadcast_to(case.states[0], (5, 3, 4)))


def test_a_coupled_lstm_is_an_lstm_whose_forget_gate_sees_the_input_gates_opposite(make_case):
    case = make_case("lstm_cifg")
    whole = {}
    for name, value in case.params.items():
        i, g, o = blocks(value, 3)
        whole[name] = np.concatenate([i, -i, g, o])
    gradients, expected = assert_same(case, "lstm", whole)
    for name in case.params:
        i, f, g, o = blocks(expected[name], 4)
        expected[name] = np.concatenate([i - f, g, o])
    assert_gradients(gradients, expected, *case.params)


@pytest.mark.parametrize(("cell_name", "plain"), [("lstm_peephole", "lstm"), ("lstm_peephole_cifg", "lstm_cifg")])
def test_without_peephole_weights_nothing_is_seen_through_them(cell_name, plain, make_case):
    case = make_case(cell_name)
    case.params["weight_ch"] = np.zeros_like(case.params["weight_ch"])
    params = {name: value for name, value in case.params.items() if name != "weight_ch"}
    gradients, expected = assert_same(case, plain, params)
    assert_gradients(gradients, expected, *params)
    assert np.all(gradients["weight_ch"] != 0)


def test_an_lstm_projected_by_the_identity_is_an_lstm(make_case):
    case = make_case("lstmp", proj_size=4)
    case.params["weight_hr"] = np.eye(4)
    params = {name: value for name, value in case.params.items() if name != "weight_hr"}
    gradients, expected = assert_same(case, "lstm", params)
    assert_gradients(gradients, expected, *params)


@pytest.mark.parametrize("cell_name", ["lstm_layer_norm", "gru_layer_norm"])
def test_layer_norm_takes_away_the_scale_of_W_and_U(cell_name, make_case):
    case = make_case(cell_name)
    for name in ("weight_ih", "weight_hh"):
        case.params[name] *= 1e4  # so large that the epsilon does not matter
    h, _, _ = case.forward()
    for name in ("weight_ih", "weight_hh"):
        case.params[name] *= 10
    np.testing.assert_allclose(case.forward()[0], h, atol=1e-9)


def test_janet_remembers_or_replaces(make_case):
    case = make_case("janet")
    bias = case.params["bias_ih"].reshape(2, 4)
    bias[0] = 1000
    np.testing.assert_array_equal(case.forward()[0], np.broadcast_to(case.states[0], (5, 3, 4)))
    bias[0] = -1000
    h, _, tape = case.forward()
    np.testing.assert_array_equal(h, [now.gates["g"] for now in tape])


def test_gru1_is_a_gru_whose_gates_have_no_W(make_case):
    case = make_case("gru1")
    W = case.params["weight_ih"]
    whole = {**case.params, "weight_ih": np.concatenate([np.zeros((8, 2)), W])}
    gradients, expected = assert_same(case, "gru_reset_before", whole)
    expected["weight_ih"] = expected["weight_ih"][8:]
    assert_gradients(gradients, expected, *case.params)


def test_gru2_is_gru1_without_biases_in_its_gates(make_case):
    case = make_case("gru2")
    zeros = np.zeros(8)
    whole = {**case.params, **{b: np.concatenate([zeros, case.params[b]]) for b in ("bias_ih", "bias_hh")}}
    gradients, expected = assert_same(case, "gru1", whole)
    for bias in ("bias_ih", "bias_hh"):
        expected[bias] = expected[bias][8:]
    assert_gradients(gradients, expected, *case.params)


def test_gru3_is_gru1_without_U_in_its_gates(make_case):
    case = make_case("gru3")
    U = np.concatenate([np.zeros((8, 4)), case.params["weight_hh"]])
    gradients, expected = assert_same(case, "gru1", {**case.params, "weight_hh": U, "bias_hh": np.zeros(12)})
    expected["weight_hh"] = expected["weight_hh"][8:]
    assert_gradients(gradients, expected, *case.params)


def test_mgu_is_a_gru_whose_reset_gate_is_the_opposite_of_its_update_gate(make_case):
    case = make_case("mgu")
    whole = {}
    for name, value in case.params.items():
        f, n = blocks(value, 2)
        whole[name] = np.concatenate([f, -f, n])
    gradients, expected = assert_same(case, "gru_reset_before", whole)
    for name in case.params:
        r, z, n = blocks(expected[name], 3)
        expected[name] = np.concatenate([r - z, n])
    assert_gradients(gradients, expected, *case.params)


def test_li_gru_with_its_gate_shut_is_a_relu_rnn_and_open_it_remembers(make_case):
    case = make_case("li_gru")
    bias = case.params["bias_ih"].reshape(2, 4)
    bias[0] = -1000
    gradients, expected = assert_same(case, "rnn_relu", {name: blocks(v, 2)[1] for name, v in case.params.items()})
    for name in case.params:
        z, n = blocks(gradients[name], 2)
        np.testing.assert_array_equal(z, 0)
        np.testing.assert_allclose(n, expected[name], rtol=1e-11)
    bias[0] = 1000
    np.testing.assert_array_equal(case.forward()[0], np.broadcast_to(case.states[0], (5, 3, 4)))


def test_min_gru_with_a_constant_gate_is_an_exponential_moving_average(make_case):
    case = make_case("min_gru")
    W, b = case.params["weight_ih"], case.params["bias_ih"]
    W[:4] = 0
    z, n = sigmoid(b[:4]), case.x @ W[4:].T + b[4:]
    h, _, _ = case.forward()
    for t in range(5):
        mean = (1 - z) ** (t + 1) * case.states[0] + sum(z * (1 - z) ** (t - k) * n[k] for k in range(t + 1))
        np.testing.assert_allclose(h[t], mean, rtol=1e-13, atol=1e-15)


def test_min_lstm_whose_gates_are_opposites_is_a_min_gru(make_case):
    case = make_case("min_lstm")
    for value in case.params.values():
        value[:4] = -value[4:8]  # f = 1 - i
    gradients, expected = assert_same(case, "min_gru", {name: value[4:] for name, value in case.params.items()})
    for name in case.params:
        f, i, n = blocks(gradients[name], 3)
        np.testing.assert_allclose(np.concatenate([i - f, n]), expected[name], rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_min_lstm_with_both_gates_shut_shares_by_how_far_they_are_shut(dtype, make_case):
    """f and i are 0 in these numbers, their quotient is not."""
    case = make_case("min_lstm", dtype=dtype)
    case.params["weight_ih"][:8] = 0
    case.params["bias_ih"][:4], case.params["bias_ih"][4:8] = -1000, -1000 - np.log(3)
    h, _, tape = case.forward()
    assert np.all(tape[0].gates["f"] == 0)
    n = tape[0].gates["n"]
    np.testing.assert_allclose(h[0], 0.75 * case.states[0] + 0.25 * n, rtol=1e-3 if dtype == np.float32 else 1e-10)
    assert all(np.all(np.isfinite(gradient)) for gradient in case.backward().values())


def test_sru_is_the_one_with_a_fourth_matrix_that_is_the_identity(make_case):
    case = make_case("sru")
    W = np.concatenate([case.params["weight_ih"], np.eye(4)])
    gradients, expected = assert_same(case, "sru_highway", {**case.params, "weight_ih": W})
    expected["weight_ih"] = expected["weight_ih"][:12]
    assert_gradients(gradients, expected, *case.params)


def test_sru_with_a_gate_held_open_or_shut(make_case):
    case = make_case("sru")
    f, r = case.params["bias_ih"].reshape(2, 4)
    f[:], r[:] = 1000, 1000
    h, (c,), _ = case.forward()
    np.testing.assert_array_equal(h, np.broadcast_to(case.states[0], (5, 3, 4)))
    np.testing.assert_array_equal(c, case.states[0])
    r[:] = -1000
    np.testing.assert_array_equal(case.forward()[0], case.x)
    f[:], r[:] = -1000, 1000
    np.testing.assert_allclose(case.forward()[0], case.x @ case.params["weight_ih"][:4].T, rtol=1e-13)


def test_a_wide_qrnn_that_looks_at_the_newest_input_only_is_a_narrow_one(make_case):
    case = make_case("qrnn", kernel_width=3)
    W, (c, window) = case.params["weight_ih"], case.states
    W[:, :4] = 0
    narrow = {**case.params, "weight_ih": W[:, 4:]}
    h, (last, seen), _ = case.forward()
    expected, (expected_last, nothing), _ = case.cell.forward(narrow, case.x, (c, window[:, :0]))
    np.testing.assert_allclose(h, expected, rtol=1e-14)
    np.testing.assert_allclose(last, expected_last, rtol=1e-14)
    assert nothing.shape == (3, 0)
    np.testing.assert_array_equal(seen, np.concatenate([case.x[3], case.x[4]], 1))


def test_the_window_of_a_qrnn_is_what_came_before(make_case):
    """Zeros before the first step are a window of zeros, and a window given is inputs given earlier."""
    case = make_case("qrnn", kernel_width=4)
    c, window = case.states
    earlier = window.reshape(3, 3, 2).transpose(1, 0, 2)
    _, (_, seen), _ = case.cell.forward(case.params, earlier)
    np.testing.assert_array_equal(seen, window)
    case.grad_h[:], case.grad_c[:] = 0, 0
    case.grad_last_states = (np.zeros_like(c), case.grad_last_states[1])
    gradients = case.backward()  # only the last window is asked about: it is the last three inputs
    expected = case.grad_last_states[1].reshape(3, 3, 2).transpose(1, 0, 2)
    np.testing.assert_array_equal(gradients["x"], np.concatenate([np.zeros((2, 3, 2)), expected]))
    np.testing.assert_array_equal(gradients["window0"], 0)
    short = replace(case, x=case.x[:1], grad_h=case.grad_h[:1], grad_c=case.grad_c[:1]).backward()
    np.testing.assert_array_equal(short["window0"].reshape(3, 3, 2)[:, 1:], expected[:2].transpose(1, 0, 2))


def test_fast_grnn_with_zeta_1_and_nu_0_is_a_gru_of_one_matrix_without_reset(make_case):
    case = make_case("fast_grnn")
    case.params["zeta"][:], case.params["nu"][:] = 1000, -1000
    W, U, b = case.params["weight_ih"], case.params["weight_hh"], case.params["bias_ih"]
    open_reset = np.full(4, 1000.0)
    whole = {
        "weight_ih": np.concatenate([0 * W, W, W]), "weight_hh": np.concatenate([0 * U, U, U]),
        "bias_ih": np.concatenate([open_reset, b]), "bias_hh": np.zeros(12),
    }  # fmt: skip
    gradients, expected = assert_same(case, "gru_reset_before", whole)
    for name in ("weight_ih", "weight_hh"):
        _, z, n = blocks(expected[name], 3)
        np.testing.assert_allclose(gradients[name], z + n, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(gradients["bias_ih"], expected["bias_ih"][4:], rtol=1e-10, atol=1e-12)
    np.testing.assert_array_equal([gradients["zeta"], gradients["nu"]], 0)


def test_fast_grnn_with_zeta_and_nu_0_forgets_and_with_both_1_adds(make_case):
    case = make_case("fast_grnn")
    case.params["zeta"][:], case.params["nu"][:] = -1000, -1000
    _, _, tape = case.forward()
    decay = np.cumprod([now.gates["z"] for now in tape], 0)
    np.testing.assert_allclose(case.forward()[0], decay * case.states[0], rtol=1e-13)
    case.params["zeta"][:], case.params["nu"][:] = 1000, 1000
    _, _, (first, *_) = case.forward()
    z, n = first.gates["z"], first.gates["n"]
    np.testing.assert_allclose(first.h, (2 - z) * n + z * case.states[0], rtol=1e-13)


def test_slstm_begins_with_the_first_candidate_however_its_gates_stand(make_case):
    case = make_case("slstm")
    h, _, tape = case.cell.forward(case.params, case.x)
    gates = tape[0].gates
    np.testing.assert_allclose(h[0], gates["o"] * gates["z"], rtol=1e-13)


def test_relu_cells_stop_where_they_are_off(make_case):
    """Where a rectified candidate is 0 nothing goes back through it."""
    case = make_case("li_gru")
    case.params["bias_ih"].reshape(2, 4)[1] = -1000
    _, _, tape = case.forward()
    assert all(np.all(now.gates["n"] == relu(np.float64(-1))) for now in tape)
    gradients = case.backward()
    for name in case.params:
        np.testing.assert_array_equal(blocks(gradients[name], 2)[1], 0)
