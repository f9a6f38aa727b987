"""Bad, odd and extreme inputs of the cells."""

from __future__ import annotations

import re

import numpy as np
import pytest

from unrolled.cells import CELLS, get_cell
from unrolled.errors import InputError

UNBOUNDED = [
    "rnn_relu", "rnn_identity", "irnn", "indrnn", "li_gru", "min_gru", "min_lstm", "sru", "sru_highway",
]  # fmt: skip
BOUNDED = [name for name in CELLS if name not in UNBOUNDED]


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.longdouble])
@pytest.mark.parametrize("cell_name", CELLS)
def test_every_result_keeps_the_dtype_and_its_precision(cell_name, dtype, make_case):
    case, exact = make_case(cell_name, dtype=dtype), make_case(cell_name, dtype=np.longdouble)
    h, last, tape = case.forward()
    gradients = case.backward()
    arrays = [h, *last, *tape[0].before, *tape[0].after, *tape[0].gates.values(), *gradients.values()]
    h, last, tape = case.cell.forward(case.params, case.x)
    arrays += [h, *last, *case.cell.backward(case.params, tape, case.grad_h).values()]
    assert {array.dtype for array in arrays} == {np.dtype(dtype)}

    tolerance = 100 * np.finfo(dtype).eps
    for name, expected in exact.backward().items():
        error = np.linalg.norm((gradients[name] - expected).astype(float)) / np.linalg.norm(expected.astype(float))
        assert error <= tolerance, name


@pytest.mark.parametrize("cell_name", CELLS)
def test_empty_batch_gives_empty_states_and_zero_gradients(cell_name, make_case):
    case = make_case(cell_name, T=4, B=0, I=2, H=3)
    h, last, _ = case.forward()
    assert h.shape == (4, 0, case.grad_h.shape[2])
    assert [state.shape for state in last] == [state.shape for state in case.states]
    gradients = case.backward()
    for name, variable in case.variables().items():
        np.testing.assert_array_equal(gradients[name], np.zeros_like(variable))


def bound(case):
    """What ``|h|`` stays below however large the input is, candidates being within 1."""
    first = np.max(np.abs(case.states[0]))
    if case.cell.name == "janet":  # (1 - σ(s-1)) / (1 - σ(s)) is at most e
        return np.e + first
    if case.cell.name == "fast_grnn":  # σ(ν) comes on top of a weighted mean, every step
        return 1 + first + len(case.x)
    if case.cell.name == "lstmp":
        return np.max(np.sum(np.abs(case.params["weight_hr"]), 1))
    return 1 + first


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("cell_name", BOUNDED)
def test_huge_inputs_and_weights_stay_finite(cell_name, dtype, make_case):
    case = make_case(cell_name, dtype=dtype)
    if cell_name == "leaky_rnn":
        case.params["alpha"] = np.array([0.1, 0.3, 0.9, 1.0], dtype)
    huge = 1e15 if "layer_norm" in cell_name else 1e20  # a variance squares it, and float32 ends at 3e38
    case.x[0], case.x[1], case.x[2, :, 0] = huge, -huge, huge
    h, last, _ = case.forward()
    assert np.max(np.abs(h)) <= bound(case)
    for name, array in {"h": h, "last": last[-1], **case.backward()}.items():
        assert np.all(np.isfinite(array)), name


@pytest.mark.parametrize("cell_name", UNBOUNDED)
def test_cells_without_a_squashed_candidate_grow_with_the_input_and_stay_finite(cell_name, make_case):
    case = make_case(cell_name)
    case.x[0], case.x[1], case.x[2, :, 0] = 1e20, -1e20, 1e20
    h, last, _ = case.forward()
    assert np.max(np.abs(h)) > 1e18
    for name, array in {"h": h, "last": last[-1], **case.backward()}.items():
        assert np.all(np.isfinite(array)), name


@pytest.mark.parametrize("cell_name", CELLS)
def test_nan_in_one_row_stays_in_that_row_and_reaches_the_parameters(cell_name, make_case):
    case = make_case(cell_name)
    case.x[1, 0, 0] = np.nan
    h, last, _ = case.forward()
    assert np.all(np.isnan(h[1:, 0]))
    assert np.all(np.isfinite(h[0]))
    assert np.all(np.isfinite(h[:, 1:]))
    assert np.all(np.isnan(last[0][0]))
    gradients = case.backward()
    assert np.all(np.isfinite(gradients["x"][:, 1:]))
    assert np.all(np.isnan(gradients["weight_ih"][:, 0]))
    if "weight_hh" in case.params:
        assert np.all(np.isnan(gradients["weight_hh"]))
    if cell_name != "rnn_identity":
        assert np.all(np.isnan(gradients["x"][1:, 0]))
        for name in case.params:
            assert np.any(np.isnan(gradients[name])), name


@pytest.mark.parametrize("cell_name", CELLS)
def test_views_and_read_only_arrays_give_the_same_and_nothing_is_written(cell_name, make_case):
    case = make_case(cell_name)
    expected = case.backward()
    case.x = np.ascontiguousarray(case.x[::-1])[::-1]
    case.params = {name: np.asfortranarray(value) for name, value in case.params.items()}
    before = {name: value.copy() for name, value in case.variables().items()}
    for array in (*case.variables().values(), case.grad_h, *case.grad_last_states):
        array.setflags(write=False)
    for name, gradient in case.backward().items():
        np.testing.assert_allclose(gradient, expected[name], rtol=1e-14, atol=1e-15, err_msg=name)
    for name, value in case.variables().items():
        np.testing.assert_array_equal(value, before[name])


@pytest.mark.parametrize("cell_name", CELLS)
def test_two_backward_calls_agree_whatever_happens_to_the_arrays_between(cell_name, make_case):
    case = make_case(cell_name)
    h, last, tape = case.forward()
    first = case.cell.backward(case.params, tape, case.grad_h, case.grad_last_states)
    for array in (h, *last, case.x, *case.states):
        array[:] = 7
    for gradient in first.values():
        gradient *= 1
    second = case.cell.backward(case.params, tape, case.grad_h, case.grad_last_states)
    for name in first:
        np.testing.assert_array_equal(first[name], second[name], err_msg=name)


def change(case, what):
    """Damage one argument of `forward`; the message must match the pattern returned."""
    params, f32 = case.params, np.float32
    if what == "T = 0":
        case.x = case.x[:0]
        return r"x has shape \(0, 3, 2\), expected \(T, B, I\) with at least one time step"
    if what == "x 2-D":
        case.x = case.x[:, 0]
        return r"x has shape \(5, 2\), expected \(T, B, I\)"
    if what == "x list":
        case.x = case.x.tolist()
        return "x is a list, expected a NumPy array"
    if what == "x integer":
        case.x = case.x.astype(int)
        return "x has dtype int64, expected a float dtype"
    if what == "input size":
        case.x = np.ones((5, 3, 6))
        return r"weight_ih has shape \(12, 2\), expected \(12, 6\)"
    if what == "dtype":
        params["weight_hh"] = params["weight_hh"].astype(f32)
        return "weight_hh has dtype float32, but x has float64"
    if what == "missing":
        del params["bias_hh"]
        return "parameters of gru: missing bias_hh; expected exactly weight_ih, weight_hh, bias_ih, bias_hh"
    if what == "unknown":
        params["weight"] = params["bias_ih"]
        return "unknown weight; expected exactly"
    if what == "bias 2-D":
        params["bias_ih"] = params["bias_ih"][None]
        return r"bias_ih has shape \(1, 12\), expected \(G\*H\)"
    if what == "weights of another cell":
        params.update(weight_ih=np.ones((16, 2)), bias_ih=np.ones(16))
        return r"weight_ih has shape \(16, 2\), expected \(12, 2\); bias_ih has shape \(16,\), expected \(12,\)"
    if what == "one state too many":
        case.states = case.states * 2
        return r"gru has 1 state\(s\) \('h',\), got 2"
    if what == "batch of the state":
        case.states = (case.states[0][:2],)
        return r"initial h has shape \(2, 4\), expected \(3, 4\)"
    if what == "dtype of the state":
        case.states = (case.states[0].astype(f32),)
        return "initial h has dtype float32, but x has float64"
    raise AssertionError(what)


@pytest.mark.parametrize(
    "what",
    [
        *("T = 0", "x 2-D", "x list", "x integer", "input size", "dtype", "missing", "unknown", "bias 2-D"),
        *("weights of another cell", "one state too many", "batch of the state", "dtype of the state"),
    ],
)
def test_forward_refuses_naming_the_culprit_and_both_sizes(what, make_case):
    case = make_case("gru")
    pattern = change(case, what)
    with pytest.raises(InputError, match=pattern):
        case.forward()


def test_forward_refuses_what_only_some_cells_can_get_wrong(make_case):
    case = make_case("sru")
    with pytest.raises(InputError, match="sru needs input_size = hidden_size, got 3 and 4"):
        case.cell.forward({**case.params, "weight_ih": np.ones((12, 3))}, np.ones((5, 3, 3)))
    with pytest.raises(InputError, match=r"weight_ch has shape \(4,\), expected \(8,\)"):
        case.cell.forward({**case.params, "weight_ch": np.ones(4)}, case.x)
    case = make_case("qrnn")  # kernel width 3
    with pytest.raises(InputError, match=r"initial window has shape \(3, 2\), expected \(3, 4\)"):
        case.cell.forward(case.params, case.x, (case.states[0], case.states[1][:, :2]))
    with pytest.raises(InputError, match=r"weight_ih has shape \(12, 5\), expected \(12, 4\)"):
        case.cell.forward({**case.params, "weight_ih": np.ones((12, 5))}, case.x)
    with pytest.raises(InputError, match=r"qrnn has 2 state\(s\) \('c', 'window'\), got 1"):
        case.cell.forward(case.params, case.x, case.states[:1])
    case = make_case("fast_grnn")
    with pytest.raises(InputError, match=r"zeta has shape \(4,\), expected \(1,\)"):
        case.cell.forward({**case.params, "zeta": np.ones(4)}, case.x)
    case = make_case("gru3")
    with pytest.raises(InputError, match=r"gru3: unknown bias_hh; expected exactly weight_ih, weight_hh, bias_ih"):
        case.cell.forward({**case.params, "bias_hh": np.ones(12)}, case.x)


def test_backward_refuses_naming_the_culprit_and_both_sizes(make_case):
    case = make_case("lstm")
    _, _, tape = case.forward()

    def refused(
        message, grad_h=case.grad_h, grad_last=case.grad_last_states, tape=tape, params=case.params, grad_c=None
    ):
        with pytest.raises(InputError, match=re.escape(message)):
            case.cell.backward(params, tape, grad_h, grad_last, grad_c=grad_c)

    refused("grad_h has shape (4, 3, 4), expected (5, 3, 4)", grad_h=case.grad_h[1:])
    refused("grad_h has dtype float32, but x has float64", grad_h=case.grad_h.astype("f4"))
    refused("gradient of last c has shape (1, 4), expected (3, 4)", grad_last=(np.ones((3, 4)), np.ones((1, 4))))
    refused("grad_c has shape (5, 3, 1), expected (5, 3, 4)", grad_c=case.grad_h[..., :1])
    refused("lstm has 2 state(s) ('h', 'c'), got 1", grad_last=(np.ones((3, 4)),))
    refused(
        "weight_ih has dtype float32, but x has float64", params={k: v.astype("f4") for k, v in case.params.items()}
    )
    refused("the tape is not one that lstm.forward returned", tape=())
    refused("the tape is not one that lstm.forward returned", tape=make_case("gru").forward()[2])
    gru = make_case("gru")
    with pytest.raises(InputError, match=re.escape("gru has the states ('h',): grad_c must be None")):
        gru.cell.backward(gru.params, gru.forward()[2], gru.grad_h, grad_c=gru.grad_h)


@pytest.mark.parametrize("cell_name", CELLS)
def test_tape_shows_every_gate_of_every_step(cell_name, make_case):
    case = make_case(cell_name)
    h, last, tape = case.forward()
    for t, now in enumerate(tape):
        assert all(now.gates[gate].shape == (3, 4) for gate in case.cell.gates)
        np.testing.assert_array_equal(now.h, h[t])
        np.testing.assert_array_equal(now.x, case.x[t])
        for before, after in zip(now.before, case.states if t == 0 else tape[t - 1].after, strict=True):
            np.testing.assert_array_equal(before, after)
    for state, end in zip(tape[-1].after, last, strict=True):
        np.testing.assert_array_equal(state, end)


def test_tape_shows_how_an_lstms_memory_came_about(make_case):
    case = make_case("lstm")
    h, (h_last, c_last), tape = case.forward()
    for t, now in enumerate(tape):
        gates, (h_now, c_now) = now.gates, now.after
        np.testing.assert_array_equal(now.x, case.x[t])
        np.testing.assert_array_equal(h_now, h[t])
        np.testing.assert_allclose(c_now, gates["f"] * now.before[1] + gates["i"] * gates["g"], rtol=1e-15)
        assert set(gates) == set(get_cell("lstm").gates)
    np.testing.assert_array_equal(tape[-1].after, (h_last, c_last))
