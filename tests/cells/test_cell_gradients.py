"""The hand-derived gradients of every cell against central differences and torch's autograd, in float64."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from unrolled.cells import ACTIVATIONS, CELLS, Activation

SIZES = [(5, 3, 2, 4), (1, 1, 1, 1), (7, 1, 5, 3), (2, 4, 1, 6), (13, 2, 3, 1)]
OTHER_SIZES = [
    ("lstmp", {"proj_size": 1}), ("lstmp", {"proj_size": 4}), ("qrnn", {"kernel_width": 1}), ("qrnn", {"kernel_width": 2}),
    ("qrnn", {"kernel_width": 7}), ("slstm", {"head_size": 1}), ("slstm", {"head_size": 4}),
]  # fmt: skip


def assert_gradients_equal_central_differences(case, central_difference):
    gradients = case.backward()
    assert set(gradients) == set(case.variables())
    for name, variable in case.variables().items():
        expected = central_difference(case.loss, variable)
        np.testing.assert_allclose(gradients[name], expected, rtol=1e-8, atol=1e-9, err_msg=name)


@pytest.mark.parametrize("cell_name", CELLS)
@pytest.mark.parametrize("sizes", SIZES[:3], ids=str)
def test_gradients_equal_central_differences(cell_name, sizes, make_case, central_difference):
    T, B, I, H = sizes
    case = make_case(cell_name, T=T, B=B, I=I, H=H)
    assert_gradients_equal_central_differences(case, central_difference)


@pytest.mark.parametrize(("cell_name", "own"), OTHER_SIZES, ids=str)
def test_gradients_with_other_sizes_of_a_cells_own(cell_name, own, make_case, central_difference, unroll_on_tensors):
    case = make_case(cell_name, **own)
    assert_gradients_equal_central_differences(case, central_difference)
    leaves = case.leaves()
    case.check_against_autograd(leaves, *unroll_on_tensors(case, leaves))


@pytest.mark.parametrize("cell_name", CELLS)
@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_gradients_equal_autograd_through_the_same_step(cell_name, sizes, make_case, unroll_on_tensors):
    T, B, I, H = sizes
    case = make_case(cell_name, T=T, B=B, I=I, H=H)
    leaves = case.leaves()
    case.check_against_autograd(leaves, *unroll_on_tensors(case, leaves))


@pytest.mark.parametrize("cell_name", CELLS)
def test_zero_parameters_and_inputs_have_the_gradients_of_autograd(cell_name, make_case, unroll_on_tensors):
    """Pre-activations of exactly 0, where every function but the rectifier has a slope."""
    case = make_case(cell_name)
    for name, value in case.params.items():
        value[...] = 1 if name.startswith("weight_ln") else 0
    case.x[...] = 0
    leaves = case.leaves()
    case.check_against_autograd(leaves, *unroll_on_tensors(case, leaves))


@pytest.mark.parametrize("cell_name", CELLS)
def test_the_step_on_tensors_can_be_differentiated_twice(cell_name, make_case, unroll_on_tensors):
    case = make_case(cell_name, T=2, B=1, I=2, H=2)
    leaves = case.leaves()

    def run(*tensors):
        h, states_of_steps = unroll_on_tensors(case, dict(zip(leaves, tensors, strict=True)))
        return h, *states_of_steps[-1]

    assert torch.autograd.gradgradcheck(run, tuple(leaves.values()))


@pytest.mark.parametrize("function", ACTIVATIONS)
@pytest.mark.parametrize("cell_name", [name for name, cell in CELLS.items() if cell.activations])
def test_gradients_with_other_activation_functions(cell_name, function, make_case, unroll_on_tensors):
    case = make_case(cell_name)
    rest = [Activation("softsign"), Activation("scaled_tanh", 1.5, 0.7)]
    chosen = [Activation(function), *rest]
    for turn in range(len(case.cell.activations)):
        turned = [*chosen[-turn:], *chosen[:-turn]] if turn else chosen
        case.cell = CELLS[cell_name].with_activations(*turned[: len(case.cell.activations)])
        leaves = case.leaves()
        case.check_against_autograd(leaves, *unroll_on_tensors(case, leaves))


@pytest.mark.parametrize("cell_name", CELLS)
def test_states_and_their_gradients_have_their_defaults(cell_name, make_case):
    case = make_case(cell_name)
    initial = tuple(
        np.full_like(state, case.cell.initial.get(name, 0))
        for name, state in zip(case.cell.states, case.states, strict=True)
    )
    h, last, tape = case.cell.forward(case.params, case.x)
    expected_h, expected_last, expected_tape = case.cell.forward(case.params, case.x, initial)
    np.testing.assert_array_equal(h, expected_h)
    for state, expected in zip(last, expected_last, strict=True):
        np.testing.assert_array_equal(state, expected)
    gradients = case.cell.backward(case.params, tape, case.grad_h)
    zeros = tuple(np.zeros_like(state) for state in case.states)
    every = None if case.grad_c is None else np.zeros_like(case.grad_c)
    expected = case.cell.backward(case.params, expected_tape, case.grad_h, zeros, grad_c=every)
    assert all(np.all(np.isfinite(gradient)) for gradient in gradients.values())
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
    for state, expected in zip(second_last, last, strict=True):
        np.testing.assert_array_equal(state, expected)

    first_c, second_c = (None, None) if case.grad_c is None else (case.grad_c[:2], case.grad_c[2:])
    second = case.cell.backward(case.params, second_tape, case.grad_h[2:], case.grad_last_states, grad_c=second_c)
    grad_middle = tuple(second[f"{name}0"] for name in case.cell.states)
    first = case.cell.backward(case.params, first_tape, case.grad_h[:2], grad_middle, grad_c=first_c)
    for name in case.params:
        np.testing.assert_allclose(first[name] + second[name], whole[name], rtol=1e-12, atol=1e-13, err_msg=name)
    for name in case.cell.states:
        np.testing.assert_allclose(first[f"{name}0"], whole[f"{name}0"], rtol=1e-14)
    np.testing.assert_allclose(np.concatenate([first["x"], second["x"]]), whole["x"], rtol=1e-14)
