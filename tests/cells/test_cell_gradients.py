"""The hand-derived gradients of every cell against central differences and against torch's autograd, in float64."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from unrolled.cells import CELLS

SIZES = [(5, 3, 2, 4), (1, 1, 1, 1), (7, 1, 5, 3), (2, 4, 1, 6), (13, 2, 3, 1)]


@pytest.mark.parametrize("cell_name", CELLS)
@pytest.mark.parametrize("sizes", SIZES[:3], ids=str)
def test_gradients_equal_central_differences(cell_name, sizes, make_case, central_difference):
    T, B, I, H = sizes
    case = make_case(cell_name, T=T, B=B, I=I, H=H)
    gradients = case.backward()
    assert set(gradients) == set(case.variables())
    for name, variable in case.variables().items():
        expected = central_difference(case.loss, variable)
        np.testing.assert_allclose(gradients[name], expected, rtol=1e-8, atol=1e-9, err_msg=name)


def torch_module(cell_name, I, H):
    if cell_name == "lstm":
        return torch.nn.LSTM(I, H, dtype=torch.float64)
    if cell_name == "gru":
        return torch.nn.GRU(I, H, dtype=torch.float64)
    return torch.nn.RNN(I, H, nonlinearity=cell_name.removeprefix("rnn_"), dtype=torch.float64)


def torch_gru_reset_before(p, x, h):
    """Chung 2014, equations 5 to 8, in torch's gate order."""
    W_r, W_z, W_n = p["weight_ih"].chunk(3)
    U_r, U_z, U_n = p["weight_hh"].chunk(3)
    b_r, b_z, b_n = (p["bias_ih"] + p["bias_hh"]).chunk(3)
    outputs = []
    for x_t in x:
        r = torch.sigmoid(x_t @ W_r.T + h @ U_r.T + b_r)
        z = torch.sigmoid(x_t @ W_z.T + h @ U_z.T + b_z)
        n = torch.tanh(x_t @ W_n.T + (r * h) @ U_n.T + b_n)
        h = (1 - z) * n + z * h
        outputs.append(h)
    return torch.stack(outputs), (h,)


def torch_rnn_identity(p, x, h):
    outputs = []
    for x_t in x:
        h = x_t @ p["weight_ih"].T + p["bias_ih"] + h @ p["weight_hh"].T + p["bias_hh"]
        outputs.append(h)
    return torch.stack(outputs), (h,)


def torch_forward(case, leaves):
    """Output, last states and an LSTM's cell states as torch computes them, from tensors that require gradients."""
    name = case.cell.name
    if name == "gru_reset_before":
        return torch_gru_reset_before(leaves, leaves["x"], leaves["h0"])
    if name == "rnn_identity":
        return torch_rnn_identity(leaves, leaves["x"], leaves["h0"])
    module = torch_module(name, case.x.shape[2], case.grad_h.shape[2])
    weights = {f"{parameter}_l0": leaves[parameter] for parameter in case.params}
    states = [leaves[f"{state}0"][None] for state in case.cell.states]
    initial = tuple(states) if len(states) == 2 else states[0]
    if name == "lstm":  # a step at a time, for its cell states
        h, c, last = [], [], initial
        for x_t in leaves["x"].split(1):
            y, last = torch.func.functional_call(module, weights, (x_t, last))
            h.append(y)
            c.append(last[1])
        return torch.cat(h), (*(state[0] for state in last), torch.cat(c))
    h, last = torch.func.functional_call(module, weights, (leaves["x"], initial))
    return h, (last[0],)


@pytest.mark.parametrize("cell_name", CELLS)
@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_outputs_and_gradients_equal_torch_autograd(cell_name, sizes, make_case):
    T, B, I, H = sizes
    case = make_case(cell_name, T=T, B=B, I=I, H=H)
    leaves = {name: torch.tensor(value, requires_grad=True) for name, value in case.variables().items()}
    expected_h, expected_last = torch_forward(case, leaves)
    outputs = (expected_h, *expected_last)
    grads = [torch.tensor(g) for g in (case.grad_h, *case.grad_last_states, case.grad_c) if g is not None]
    torch.autograd.backward(outputs, grads)

    h, last, _ = case.forward()
    np.testing.assert_allclose(h, expected_h.detach().numpy(), rtol=1e-12, atol=1e-13)
    for state, expected in zip(last, expected_last, strict=False):
        np.testing.assert_allclose(state, expected.detach().numpy(), rtol=1e-12, atol=1e-13)
    for name, gradient in case.backward().items():
        np.testing.assert_allclose(gradient, leaves[name].grad.numpy(), rtol=1e-10, atol=1e-11, err_msg=name)


@pytest.mark.parametrize("cell_name", CELLS)
def test_states_and_their_gradients_default_to_zeros(cell_name, make_case):
    case = make_case(cell_name)
    zeros = tuple(np.zeros_like(state) for state in case.states)
    h, last, tape = case.cell.forward(case.params, case.x)
    expected_h, expected_last, expected_tape = case.cell.forward(case.params, case.x, zeros)
    np.testing.assert_array_equal(h, expected_h)
    np.testing.assert_array_equal(last, expected_last)
    gradients = case.cell.backward(case.params, tape, case.grad_h)
    every = np.zeros_like(h) if "c" in case.cell.states else None
    expected = case.cell.backward(case.params, expected_tape, case.grad_h, zeros, grad_c=every)
    for name in expected:
        np.testing.assert_array_equal(gradients[name], expected[name], err_msg=name)


@pytest.mark.parametrize("cell_name", CELLS)
def test_a_sequence_in_two_chunks_is_the_whole_sequence(cell_name, make_case):
    case = make_case(cell_name, T=6)
    h, last, _ = case.forward()
    whole = case.backward()

    first_h, middle, first_tape = case.cell.forward(case.params, case.x[:2], case.states)
    second_h, second_last, second_tape = case.cell.forward(case.params, case.x[2:], middle)
    np.testing.assert_array_equal(np.concatenate([first_h, second_h]), h)
    np.testing.assert_array_equal(second_last, last)

    first_c, second_c = (None, None) if case.grad_c is None else (case.grad_c[:2], case.grad_c[2:])
    second = case.cell.backward(case.params, second_tape, case.grad_h[2:], case.grad_last_states, grad_c=second_c)
    grad_middle = tuple(second[f"{name}0"] for name in case.cell.states)
    first = case.cell.backward(case.params, first_tape, case.grad_h[:2], grad_middle, grad_c=first_c)
    np.testing.assert_allclose(np.concatenate([first["x"], second["x"]]), whole["x"], rtol=1e-14)
    for name in case.params:
        np.testing.assert_allclose(first[name] + second[name], whole[name], rtol=1e-12, atol=1e-13, err_msg=name)
    for name in case.cell.states:
        np.testing.assert_allclose(first[f"{name}0"], whole[f"{name}0"], rtol=1e-14)
