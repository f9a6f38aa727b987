"""The kernels compute what the reference cells compute: forward, tape and every gradient."""

from __future__ import annotations

import numpy as np
import pytest

from unrolled.cells import ACTIVATIONS, CELLS, Activation, get_cell
from unrolled.kernels import kernel
from unrolled.kernels.arrays import PackedWeights, backward, forward
from unrolled.kernels.layout import Layout

HIDDEN = (1, 7, 15, 16, 17, 31, 33, 64, 100)
# float32 against a float64 reference, as a share of the norm
TOLERANCE = {"float64": 1e-12, "float32": 2e-6}


def distance(a, b):
    return np.linalg.norm(a.reshape(b.shape) - b) / max(np.linalg.norm(b), 1e-30)


def run(case, layout, rows=slice(None), *, reverse=False, threads=1):
    """All results of the kernels for the given rows of the padded case."""
    weights = PackedWeights(case.cell, case.parameters)
    x, grad_h, grad_c = (None if a is None else case.rows(a)[rows] for a in (case.x, case.grad_h, case.grad_c))
    masks = case.packed(rows)
    result = forward(weights, x, case.states, layout, masks=masks, reverse=reverse, tape=True, threads=threads)
    grads = backward(
        weights, x, result, grad_h, case.grad_last, layout, grad_c=grad_c, reverse=reverse, threads=threads
    )
    return result, grads


def named(h, last, grads):
    return {"h": h, **{f"last {k}": state for k, state in enumerate(last)}, **grads}


def check(c, dtype, **options):
    """Forward and every gradient against the reference.

    Some results are what is left where nearly everything cancels, such as the gradient of an input that is normalised. Those
    may be as far from the truth as the reference itself is in this dtype, times sixteen, as many as the partial sums that the
    kernels keep. The gradient of a single number that all units share is a sum of thousands of terms of both signs.
    """
    expected = named(*c.reference())
    T, B = c.x.shape[:2]
    result, grads = run(c.to(dtype), Layout.padded(T, B), **options)
    found = named(result.h, result.last, grads)
    assert set(found) == set(expected)
    allowed = {name: TOLERANCE[dtype] * (20 if name in ("zeta", "nu") else 1) for name in expected}
    missed = [name for name, want in expected.items() if not distance(found[name], want) < allowed[name]]
    if missed:
        exact, rounded = named(*c.to(np.longdouble).reference()), named(*c.to(dtype).reference())
        for name in missed:
            want = exact[name].astype(np.float64)
            assert distance(found[name], want) <= 16 * distance(rounded[name].astype(np.float64), want), (
                name,
                c.x.shape,
            )


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("hidden", HIDDEN)
def test_forward_and_gradients(cell, hidden, dtype, case):
    for T, B, I in ((1, 1, 3), (6, 2, 1), (5, 5, 17), (4, 17, 7)):
        check(case(cell, T, B, I, hidden), dtype)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("shares", [False, True], ids=["masks", "shares"])
def test_masks_and_zoneout(cell, shares, dtype, case, masked):
    for T, B, I, hidden in ((5, 1, 3, 17), (6, 5, 2, 33), (4, 17, 7, 64)):
        check(masked(case(cell, T, B, I, hidden), shares=shares), dtype)
        check(masked(case(cell, T, B, I, hidden), shares=shares), dtype, threads=2)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("name", [name for name, cell in CELLS.items() if cell.activations])
def test_activation_functions(name, activation, case):
    own = get_cell(name).activations
    for place in range(len(own)):
        chosen = [*own[:place], Activation(activation), *own[place + 1 :]]
        spec = get_cell(name).with_activations(*chosen).spec
        for dtype in ("float64", "float32"):
            c = case(spec, 4, 3, 2, 19)
            if dtype == "float32":  # where rounding crosses a threshold the slope is another one
                c = c.to("float32").to("float64")
                h, _, _ = c.reference()
                found = run(c.to(dtype), Layout.padded(4, 3))[0].h
                assert distance(found, h) < 2 * TOLERANCE[dtype]  # the unbounded functions' states grow
            else:
                check(c, dtype)


@pytest.mark.parametrize(
    "name", [name for name, cell in CELLS.items() if len(cell.activations) > 1 or name == "rnn_tanh"]
)
def test_clip(name, case):
    described = get_cell(name)
    spec = described.with_activations(*described.activations, clip=0.3).spec
    c = case(spec, 4, 3, 2, 19)
    h, _, _ = described.with_activations(*described.activations, clip=0.3).forward(
        c.parameters, c.x, c.told_apart(c.states)
    )
    result = forward(PackedWeights(spec, c.parameters), c.rows(c.x), c.states, Layout.padded(4, 3))
    assert distance(result.h, h) < 1e-12
    assert distance(case(name, 4, 3, 2, 19).reference()[0], h) > 1e-3


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_gates_shut_tighter_than_numbers_show_share_the_state_as_they_should(dtype, case):
    c = case("min_lstm", 5, 3, 2, 19)
    c.parameters["bias_ih"][:38] = -900 if dtype == "float64" else -120  # f and i are 0, f / (f + i) is not
    check(c, dtype)


def test_the_tape_holds_the_gates(cell, case):
    c = case(cell, 4, 3, 5, 19)
    weights, described = PackedWeights(cell, c.parameters), get_cell(cell)
    result = forward(weights, c.rows(c.x), c.states, Layout.padded(4, 3), tape=True)
    _, _, tape = described.forward(c.parameters, c.x, c.told_apart(c.states))
    compiled = weights.kernel.compiled
    for k, gate in enumerate(described.gates):
        expected = np.concatenate([now.gates[gate] for now in tape])
        first = (compiled.gates_at + k) * 19
        found = result.gates[:, first : first + 19] if compiled.tape else result.h
        assert distance(found, expected) < 1e-12, gate


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_more_rows_and_columns_than_a_panel_of_the_weight_gradients_holds(cell, dtype, case):
    check(case(cell, 30, 10, 300, 133), dtype)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("hidden", HIDDEN)
def test_the_input_product_beforehand_gives_the_same_bits(cell, hidden, dtype, case, monkeypatch):
    lengths = np.array([6, 6, 4, 4, 2, 1, 0])
    layout = Layout.of_lengths(lengths)
    rows = np.array([t * len(lengths) + b for t in range(6) for b in range(len(lengths)) if t < lengths[b]])
    for inputs in (1, 8, 140):  # 140: more than one stretch of k where it has 16 KiB
        c = case(cell, 6, len(lengths), inputs, hidden).to(dtype)
        together, grads_together = run(c, layout, rows)
        assert together.of.fused
        with monkeypatch.context() as patch:
            patch.setattr(kernel, "FUSED_BYTES", 0)
            apart, grads_apart = run(c, layout, rows)
        assert not apart.of.fused
        assert together.h.tobytes() == apart.h.tobytes()
        for a, b in zip(together.last, apart.last, strict=True):
            assert a.tobytes() == b.tobytes()
        for name in grads_together:
            assert grads_together[name].tobytes() == grads_apart[name].tobytes(), name


@pytest.mark.parametrize("with_masks", [False, True], ids=["plain", "masks"])
@pytest.mark.parametrize("reverse", [False, True])
def test_lengths_equal_a_loop_over_sequences(cell, reverse, with_masks, case, masked):
    lengths = np.array([7, 7, 4, 4, 3, 1, 0, 0])
    T, B, H = 7, len(lengths), 19
    c = case(cell, T, B, 3, H)
    c = masked(c, shares=False) if with_masks else c
    layout = Layout.of_lengths(lengths)
    rows = np.array([t * B + b for t in range(T) for b in range(B) if t < lengths[b]])
    result, grads = run(c, layout, rows, reverse=reverse)
    expected = {name: np.zeros_like(value) for name, value in c.parameters.items()}
    h, x_grad = np.zeros((T * B, result.h.shape[1])), np.zeros((T * B, c.x.shape[2]))
    h[rows], x_grad[rows] = result.h, grads["x"]
    h, x_grad = h.reshape(T, B, -1), x_grad.reshape(T, B, -1)
    names = [name for name in ("h0", "c0") if name in grads]
    for b, n in enumerate(lengths):
        one = slice(b, b + 1)
        if n == 0:
            for got, state, grad, name in zip(result.last, c.states, c.grad_last, names, strict=True):
                assert np.array_equal(got[one], state[one])
                assert np.array_equal(grads[name][one], grad[one])
            continue
        step = -1 if reverse else 1
        want, last, want_grads = c.reference(one, n, step)
        assert distance(h[:n, one], want[::step]) < 1e-12
        assert distance(x_grad[:n, one], want_grads["x"][::step]) < 1e-12
        for got, state, name in zip(result.last, last, names, strict=True):
            assert distance(got[one], state) < 1e-12
            assert distance(grads[name][one], want_grads[name]) < 1e-12
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


def test_the_tape_survives_a_backward_pass(cell, case, masked):
    c = masked(case(cell, 5, 3, 2, 9), shares=False)
    weights, layout, x = PackedWeights(cell, c.parameters), Layout.padded(5, 3), c.rows(c.x)
    result = forward(weights, x, c.states, layout, masks=c.packed(), tape=True)
    tape = [getattr(result, name) for name in result.of.shapes]
    kept = [a.copy() for a in tape]
    first = backward(weights, x, result, c.rows(c.grad_h), c.grad_last, layout)
    second = backward(weights, x, result, c.rows(c.grad_h), c.grad_last, layout)
    for name in first:
        assert np.array_equal(first[name], second[name])
    assert all(np.array_equal(a, b) for a, b in zip(kept, tape, strict=True))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_special_values_reach_the_output_as_in_the_reference(cell, value, case):
    c = case(cell, 4, 3, 2, 9)
    c.x[1, 1, 0] = value
    with np.errstate(all="ignore"):
        want = get_cell(cell).forward(c.parameters, c.x, c.told_apart(c.states))[0]
    got = forward(PackedWeights(cell, c.parameters), c.rows(c.x), c.states, Layout.padded(4, 3)).h
    got = got.reshape(want.shape)
    assert np.array_equal(np.isnan(got), np.isnan(want))
    finite = np.isfinite(want)
    assert distance(got[finite], want[finite]) < 1e-12
    assert np.array_equal(got[np.isinf(want)], want[np.isinf(want)])
    assert np.isfinite(got[:, [0, 2]]).all()  # the neighbours notice nothing


# whatever comes in, these states stay within bounds
BOUNDED = [
    *("rnn_tanh", "leaky_rnn", "lstm", "lstm_cifg", "lstmp", "lstm_layer_norm", "janet", "gru", "gru_reset_before"),
    *("gru_layer_norm", "gru1", "gru2", "gru3", "mgu", "fast_grnn", "qrnn"),
]


@pytest.mark.parametrize("name", BOUNDED)
def test_huge_inputs_stay_finite_where_the_state_is_bounded(name, case):
    for dtype in ("float32", "float64"):
        c = case(name, 4, 3, 2, 9).to(dtype)
        c.x[:] = np.where(c.x > 0, 1e20, -1e20)
        if name == "leaky_rnn":
            c.parameters["alpha"][:] = 0.3
        if name.endswith("layer_norm"):  # float32 squares what it normalises
            c.x[:] /= 1e5 if dtype == "float32" else 1
        result, grads = run(c, Layout.padded(4, 3))
        assert np.isfinite(result.h).all()
        assert all(np.isfinite(g).all() for g in grads.values())


def test_no_rows_and_no_sequences(cell, case):
    c = case(cell, 3, 0, 2, 5)
    result, grads = run(c, Layout.padded(3, 0))
    assert result.h.shape == (0, c.grad_h.shape[2])
    assert not grads["weight_ih"].any()
    assert grads["x"].shape == (0, c.x.shape[2])
