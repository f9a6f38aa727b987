"""The kernels compute what the reference cells compute: forward, tape and every gradient."""

from __future__ import annotations

import numpy as np
import pytest

from unrolled.cells import get_cell
from unrolled.kernels import kernel
from unrolled.kernels.arrays import PackedWeights, backward, forward
from unrolled.kernels.layout import Layout

HIDDEN = (1, 7, 15, 16, 17, 31, 33, 64, 100)
# float32 against a float64 reference, as a share of the norm
TOLERANCE = {"float64": 1e-12, "float32": 2e-6}


def distance(a, b):
    return np.linalg.norm(a.reshape(b.shape) - b) / max(np.linalg.norm(b), 1e-30)


def run(case, layout, rows, *, reverse=False, threads=1):
    """All results of the kernels for the given rows of the padded case."""
    T, B, I = case.x.shape
    H = case.grad_h.shape[2]
    weights = PackedWeights(case.cell, case.parameters)
    x = case.x.reshape(T * B, I)[rows]
    result = forward(weights, x, case.states, layout, reverse=reverse, tape=True, threads=threads)
    grad_h = case.grad_h.reshape(T * B, H)[rows]
    grad_c = None if case.grad_c is None else case.grad_c.reshape(T * B, H)[rows]
    grads = backward(
        weights, x, result, grad_h, case.grad_last, layout, grad_c=grad_c, reverse=reverse, threads=threads
    )
    return result, grads


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("hidden", HIDDEN)
def test_forward_and_gradients(cell, hidden, dtype, case):
    for T, B, I in ((1, 1, 3), (6, 2, 1), (5, 5, 17), (4, 17, 7)):
        c = case(cell, T, B, I, hidden)
        reference = get_cell(cell)
        h, last, tape = reference.forward(c.parameters, c.x, c.states)
        expected = reference.backward(c.parameters, tape, c.grad_h, c.grad_last, grad_c=c.grad_c)
        result, grads = run(c.to(dtype), Layout.padded(T, B), slice(None))
        assert distance(result.h, h) < TOLERANCE[dtype]
        for got, want in zip(result.last, last, strict=True):
            assert distance(got, want) < TOLERANCE[dtype]
        assert set(grads) == set(expected)
        for name, want in expected.items():
            assert distance(grads[name], want) < TOLERANCE[dtype], (name, T, B, I)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_more_rows_and_columns_than_a_panel_of_the_weight_gradients_holds(cell, dtype, case):
    T, B, I, H = 30, 10, 150, 133
    c = case(cell, T, B, I, H)
    reference = get_cell(cell)
    _, _, tape = reference.forward(c.parameters, c.x, c.states)
    expected = reference.backward(c.parameters, tape, c.grad_h, c.grad_last, grad_c=c.grad_c)
    _, grads = run(c.to(dtype), Layout.padded(T, B), slice(None))
    for name, want in expected.items():
        assert distance(grads[name], want) < TOLERANCE[dtype], name


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("hidden", HIDDEN)
def test_the_input_product_beforehand_gives_the_same_bits(cell, hidden, dtype, case, monkeypatch):
    lengths = np.array([6, 6, 4, 4, 2, 1, 0])
    layout = Layout.of_lengths(lengths)
    rows = np.array([t * len(lengths) + b for t in range(6) for b in range(len(lengths)) if t < lengths[b]])
    for inputs in (1, 8, 140):  # 140: more than one stretch of k
        c = case(cell, 6, len(lengths), inputs, hidden).to(dtype)
        assert PackedWeights(cell, c.parameters).fused
        together, grads_together = run(c, layout, rows)
        with monkeypatch.context() as patch:
            patch.setattr(kernel, "FUSED_BYTES", 0)
            assert not PackedWeights(cell, c.parameters).fused
            apart, grads_apart = run(c, layout, rows)
        assert together.h.tobytes() == apart.h.tobytes()
        for a, b in zip(together.last, apart.last, strict=True):
            assert a.tobytes() == b.tobytes()
        for name in grads_together:
            assert grads_together[name].tobytes() == grads_apart[name].tobytes(), name


@pytest.mark.parametrize("reverse", [False, True])
def test_lengths_equal_a_loop_over_sequences(cell, reverse, case):
    lengths = np.array([7, 7, 4, 4, 3, 1, 0, 0])
    T, B, I, H = 7, len(lengths), 3, 19
    c = case(cell, T, B, I, H)
    layout = Layout.of_lengths(lengths)
    rows = np.array([t * B + b for t in range(T) for b in range(B) if t < lengths[b]])
    result, grads = run(c, layout, rows, reverse=reverse)
    reference = get_cell(cell)
    expected = {name: np.zeros_like(value) for name, value in c.parameters.items()}
    h, x_grad = np.zeros((T * B, H)), np.zeros((T * B, I))
    h[rows], x_grad[rows] = result.h, grads["x"]
    h, x_grad = h.reshape(T, B, H), x_grad.reshape(T, B, I)
    for b, n in enumerate(lengths):
        one = tuple(s[b : b + 1] for s in c.states)
        grad_last = tuple(g[b : b + 1] for g in c.grad_last)
        if n == 0:
            for got, state, grad, name in zip(result.last, one, grad_last, reference.states, strict=True):
                assert np.array_equal(got[b : b + 1], state)
                assert np.array_equal(grads[f"{name}0"][b : b + 1], grad)
            continue
        step = -1 if reverse else 1
        want, last, tape = reference.forward(c.parameters, c.x[:n, b : b + 1][::step], one)
        grad_c = None if c.grad_c is None else c.grad_c[:n, b : b + 1][::step]
        want_grads = reference.backward(c.parameters, tape, c.grad_h[:n, b : b + 1][::step], grad_last, grad_c=grad_c)
        assert distance(h[:n, b : b + 1], want[::step]) < 1e-12
        assert distance(x_grad[:n, b : b + 1], want_grads["x"][::step]) < 1e-12
        for got, state, name in zip(result.last, last, reference.states, strict=True):
            assert distance(got[b : b + 1], state) < 1e-12
            assert distance(grads[f"{name}0"][b : b + 1], want_grads[f"{name}0"]) < 1e-12
        for name in expected:
            expected[name] += want_grads[name]
    for name, want in expected.items():
        assert distance(grads[name], want) < 1e-12, name


def test_cell_states_without_gradients_of_their_own(case):
    c = case("lstm", 4, 3, 2, 17)
    weights, layout, x = PackedWeights("lstm", c.parameters), Layout.padded(4, 3), c.x.reshape(12, 2)
    result = forward(weights, x, c.states, layout, tape=True)
    grad_h = c.grad_h.reshape(12, 17)
    none = backward(weights, x, result, grad_h, c.grad_last, layout)
    zeros = backward(weights, x, result, grad_h, c.grad_last, layout, grad_c=np.zeros((12, 17)))
    for name, gradient in none.items():
        np.testing.assert_array_equal(gradient, zeros[name])


def test_the_tape_survives_a_backward_pass(cell, case):
    c = case(cell, 5, 3, 2, 9)
    weights, layout = PackedWeights(cell, c.parameters), Layout.padded(5, 3)
    x = c.x.reshape(15, 2)
    result = forward(weights, x, c.states, layout, tape=True)
    tape = [a for a in (result.h, result.gates, result.c, result.extra) if a is not None]
    kept = [a.copy() for a in tape]
    first = backward(weights, x, result, c.grad_h.reshape(15, 9), c.grad_last, layout)
    second = backward(weights, x, result, c.grad_h.reshape(15, 9), c.grad_last, layout)
    for name in first:
        assert np.array_equal(first[name], second[name])
    assert all(np.array_equal(a, b) for a, b in zip(kept, tape, strict=True))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_special_values_reach_the_output_as_in_the_reference(cell, value, case):
    c = case(cell, 4, 3, 2, 9)
    c.x[1, 1, 0] = value
    with np.errstate(all="ignore"):
        want = get_cell(cell).forward(c.parameters, c.x, c.states)[0]
    got = forward(PackedWeights(cell, c.parameters), c.x.reshape(12, 2), c.states, Layout.padded(4, 3)).h
    got = got.reshape(want.shape)
    assert np.array_equal(np.isnan(got), np.isnan(want))
    finite = np.isfinite(want)
    assert distance(got[finite], want[finite]) < 1e-12
    assert np.array_equal(got[np.isinf(want)], want[np.isinf(want)])
    assert np.isfinite(got[:, [0, 2]]).all()  # the neighbours notice nothing


def test_huge_inputs_stay_finite_where_the_state_is_bounded(case):
    for cell in ("rnn_tanh", "lstm", "gru", "gru_reset_before"):
        for dtype in ("float32", "float64"):
            c = case(cell, 4, 3, 2, 9).to(dtype)
            c.x[:] = np.where(c.x > 0, 1e20, -1e20)
            result, grads = run(c, Layout.padded(4, 3), slice(None))
            assert np.isfinite(result.h).all()
            assert all(np.isfinite(g).all() for g in grads.values())


def test_no_rows_and_no_sequences(cell, case):
    c = case(cell, 3, 0, 2, 5)
    result, grads = run(c, Layout.padded(3, 0), slice(None))
    assert result.h.shape == (0, 5)
    assert not grads["weight_hh"].any()
    assert grads["x"].shape == (0, 2)
