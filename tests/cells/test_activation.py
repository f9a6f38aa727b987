from __future__ import annotations

import mpmath
import numpy as np
import pytest
import torch
from torch.nn import functional as F

from unrolled.cells import ACTIVATIONS, CELLS, Activation, get_cell, log_softmax, relu, sigmoid, softmax, softplus
from unrolled.cells.activation import exp, log_sigmoid, maximum, tanh
from unrolled.errors import InputError

EXTREME = np.array([-1e20, -745.0, -40.0, -1e-9, 0.0, 1e-300, 3.0, 40.0, 745.0, 1e20])
POINTS = np.concatenate([np.linspace(-6, 6, 241) + 0.003, [-30.0, 30.0]])  # none at a kink

# torch's functions, or ONNX's definitions where torch has none
DEFINITIONS = {
    "tanh": lambda a, alpha, beta: torch.tanh(a),
    "sigmoid": lambda a, alpha, beta: torch.sigmoid(a),
    "relu": lambda a, alpha, beta: F.relu(a),
    "identity": lambda a, alpha, beta: a.clone(),
    "hard_sigmoid": lambda a, alpha, beta: torch.clamp(alpha * a + beta, 0, 1),
    "hard_tanh": lambda a, alpha, beta: F.hardtanh(a),
    "leaky_relu": lambda a, alpha, beta: F.leaky_relu(a, alpha),
    "thresholded_relu": lambda a, alpha, beta: F.threshold(a, alpha, 0.0),
    "affine": lambda a, alpha, beta: alpha * a + beta,
    "scaled_tanh": lambda a, alpha, beta: alpha * torch.tanh(beta * a),
    "elu": lambda a, alpha, beta: F.elu(a, alpha),
    "softsign": lambda a, alpha, beta: F.softsign(a),
    "softplus": lambda a, alpha, beta: F.softplus(a, threshold=100),
}
DEFAULTS = {  # of ONNX, and of Keras where that has the function
    "hard_sigmoid": (0.2, 0.5), "leaky_relu": (0.01, 0.0), "thresholded_relu": (1.0, 0.0), "elu": (1.0, 0.0),
    "affine": (1.0, 0.0), "scaled_tanh": (1.0, 1.0),
}  # fmt: skip
OTHERS = [
    Activation("hard_sigmoid", 0.1, 0.3), Activation("hard_sigmoid", -0.4, 0.6), Activation("leaky_relu", 0.3),
    Activation("leaky_relu", 1.5), Activation("thresholded_relu", 0.25), Activation("affine", -2.0, 0.5),
    Activation("affine", 0.0, 0.5), Activation("scaled_tanh", 1.7159, 2 / 3), Activation("scaled_tanh", 2.0, -1.0),
    Activation("elu", 0.4),
]  # fmt: skip
ALL = [*map(Activation, ACTIVATIONS), *OTHERS]
FUNCTIONS = [sigmoid, softplus, relu, softmax, log_softmax, log_sigmoid, tanh, *ALL]


def named(function):
    return function.spec if isinstance(function, Activation) else function.__name__


def test_sigmoid_and_softplus_keep_all_digits():
    points = np.concatenate([np.linspace(-700, 40, 311), [-1e-12, 0.0, 1e-12]])
    with mpmath.workdps(40):
        exact_sigmoid = np.array([float(1 / (1 + mpmath.exp(-mpmath.mpf(a)))) for a in points])
        exact_softplus = np.array([float(mpmath.log1p(mpmath.exp(mpmath.mpf(a)))) for a in points])
    eps = np.finfo(float).eps
    np.testing.assert_allclose(sigmoid(points), exact_sigmoid, rtol=2 * eps)
    np.testing.assert_allclose(softplus(points), exact_softplus, rtol=2 * eps)
    np.testing.assert_allclose(log_sigmoid(-points), -exact_softplus, rtol=2 * eps)
    np.testing.assert_allclose(softplus(torch.tensor(points)).numpy(), exact_softplus, rtol=4 * eps)
    slopes = Activation("softplus").slope(softplus(points))  # of small results as well
    np.testing.assert_allclose(slopes, exact_sigmoid, rtol=4 * eps)


@pytest.mark.parametrize("function", FUNCTIONS, ids=named)
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.longdouble])
def test_extreme_arguments_stay_finite_and_keep_the_dtype(function, dtype):
    largest = np.finfo(dtype).max / 4
    result = function(np.clip(EXTREME, -largest, largest).astype(dtype))
    assert result.dtype == dtype
    assert np.all(np.isfinite(result))
    if isinstance(function, Activation):
        slope = function.slope(result)
        assert slope.dtype == dtype
        assert slope.shape == result.shape
        assert np.all(np.isfinite(slope))


@pytest.mark.parametrize("function", FUNCTIONS, ids=named)
def test_nan_in_gives_nan_out(function):
    result = function(np.array([np.nan, 1.0]))
    assert np.isnan(result[0])
    if isinstance(function, Activation) and function.name not in ("identity", "affine"):  # their slope is a constant
        assert np.isnan(function.slope(result)[0])


def test_infinities_have_their_limits():
    inf = np.array([-np.inf, np.inf])
    np.testing.assert_array_equal(sigmoid(inf), [0, 1])
    np.testing.assert_array_equal(softplus(inf), [0, np.inf])
    np.testing.assert_array_equal(softplus(torch.tensor(inf)), [0, np.inf])
    np.testing.assert_array_equal(log_sigmoid(inf), [-np.inf, 0])


def test_softmax_equals_torch():
    q = np.random.default_rng(0).normal(scale=20, size=(4, 3, 5))
    np.testing.assert_allclose(softmax(q), torch.softmax(torch.tensor(q), -1).numpy(), rtol=1e-13)
    np.testing.assert_allclose(log_softmax(q), torch.log_softmax(torch.tensor(q), -1).numpy(), atol=1e-15)
    np.testing.assert_allclose(softmax(q).sum(-1), 1, rtol=1e-15)


@pytest.mark.parametrize("function", [sigmoid, tanh, relu, exp, log_sigmoid, softplus], ids=lambda f: f.__name__)
def test_functions_of_tensors_equal_those_of_arrays(function):
    tensor = torch.tensor(POINTS, requires_grad=True)
    result = function(tensor)
    np.testing.assert_allclose(result.detach().numpy(), function(POINTS), rtol=1e-15)
    assert torch.autograd.gradcheck(function, (tensor[::40].detach().requires_grad_(),))


def test_maximum_of_tensors_and_arrays():
    a, b = POINTS, POINTS[::-1].copy()
    np.testing.assert_array_equal(maximum(a, b), np.where(a > b, a, b))
    np.testing.assert_array_equal(maximum(torch.tensor(a), torch.tensor(b)), maximum(a, b))


@pytest.mark.parametrize("activation", ALL, ids=lambda a: a.spec)
def test_values_and_slopes_are_those_of_torch_or_onnx(activation):
    a = torch.tensor(POINTS, requires_grad=True)
    expected = DEFINITIONS[activation.name](a, activation.alpha, activation.beta)
    y = activation(POINTS)
    np.testing.assert_allclose(y, expected.detach().numpy(), rtol=1e-14, atol=1e-15)
    expected.sum().backward()
    np.testing.assert_allclose(activation.slope(y), a.grad.numpy(), rtol=1e-12, atol=1e-15)

    tensor = torch.tensor(POINTS, requires_grad=True)
    result = activation(tensor)
    np.testing.assert_allclose(result.detach().numpy(), y, rtol=1e-15)
    result.sum().backward()
    np.testing.assert_allclose(tensor.grad.numpy(), a.grad.numpy(), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("name", [name for name in ACTIVATIONS if "relu" not in name])  # theirs have none at 0
def test_slope_at_0_on_arrays_and_through_tensors(name, central_difference):
    activation, zero = Activation(name), np.zeros(1)
    slope = activation.slope(activation(zero))
    np.testing.assert_allclose(slope, central_difference(lambda: activation(zero).item(), zero, step=1e-6), atol=1e-5)
    tensor = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    activation(tensor).sum().backward()
    np.testing.assert_allclose(tensor.grad.numpy(), slope, rtol=1e-15)


def test_kinks_have_the_slope_of_the_flat_side_and_leaky_ones_that_above():
    kinks = {"relu": [0], "hard_sigmoid": [-2.5, 2.5], "hard_tanh": [-1, 1], "thresholded_relu": [1]}
    for name, points in kinks.items():
        activation = Activation(name)
        np.testing.assert_array_equal(activation.slope(activation(np.array(points, float))), 0)
    assert Activation("leaky_relu").slope(np.zeros(1)) == 1


def test_the_functions_and_their_default_constants():
    assert set(ACTIVATIONS) == set(DEFINITIONS)
    for name in ACTIVATIONS:
        activation = Activation(name)
        assert (activation.alpha, activation.beta) == DEFAULTS.get(name, (0.0, 0.0))


@pytest.mark.parametrize("activation", ALL, ids=lambda a: a.spec)
def test_spec_is_read_back(activation):
    assert Activation.parse(activation.spec) == activation
    assert (activation.spec == activation.name) == (activation == Activation(activation.name))
    named = get_cell("rnn_tanh").with_activations(activation)
    assert get_cell(named.spec) == named
    assert named.activations == (activation,)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("gelu",), "unknown activation function 'gelu'; known: tanh, sigmoid, relu,"),
        (("tanh", 0.5), "activation function tanh has no alpha, got 0.5"),
        (("leaky_relu", 0.1, 0.2), "activation function leaky_relu has no beta, got 0.2"),
        (("identity", None, 1.0), "activation function identity has no beta, got 1.0"),
        *((("leaky_relu", alpha), "leaky_relu needs alpha above 0") for alpha in (0.0, -0.1, float("nan"))),
        (("thresholded_relu", 0.0), "thresholded_relu needs alpha above 0, got 0.0"),
        (("scaled_tanh", -1.0, 1.0), "scaled_tanh needs alpha above 0, got -1.0"),
        (("elu", 0.0), "elu needs alpha above 0, got 0.0"),
    ],
)
def test_refused_constants(arguments, message):
    with pytest.raises(InputError, match=message):
        Activation(*arguments)


def test_cells_take_as_many_functions_as_they_leave_free():
    with pytest.raises(InputError, match=r"lstm leaves 3 activation function\(s\) free, got 1"):
        get_cell("lstm").with_activations(Activation("relu"))
    with pytest.raises(InputError, match=r"mgu leaves 0 activation function\(s\) free, got 1"):
        get_cell("mgu").with_activations(Activation("relu"))
    with pytest.raises(InputError, match=r"mgu leaves 0 activation function\(s\) free, got 0"):
        get_cell("mgu").with_activations(clip=1.0)
    for clip in (0.0, -1.0, float("nan")):
        with pytest.raises(InputError, match="clip must be above 0"):
            get_cell("gru").with_activations(Activation("sigmoid"), Activation("tanh"), clip=clip)
    with pytest.raises(InputError, match="unknown activation function 'swish'"):
        get_cell("rnn_tanh[swish]")


@pytest.mark.parametrize("cell_name", [name for name, cell in CELLS.items() if cell.activations])
def test_the_cells_own_functions_make_the_cell_itself_and_others_another_spec(cell_name):
    cell = get_cell(cell_name)
    assert cell.with_activations(*cell.activations) is cell
    others = tuple(Activation("softsign") for _ in cell.activations)
    changed = cell.with_activations(*others, clip=2.5)
    assert changed.spec == f"{cell_name}[{';'.join(['softsign'] * len(others))}|2.5]"
    assert get_cell(changed.spec) == changed
    assert changed.with_activations(*cell.activations).activations == cell.activations


@pytest.mark.parametrize("cell_name", [name for name, cell in CELLS.items() if cell.activations])
def test_clip_bounds_the_arguments_and_has_no_backward_pass(cell_name, make_case):
    case = make_case(cell_name)
    plain, _, _ = case.forward()
    cell, functions = case.cell, case.cell.activations
    case.cell = cell.with_activations(*functions, clip=1e6)
    np.testing.assert_array_equal(case.forward()[0], plain)
    case.cell = cell.with_activations(*functions, clip=0.25)
    _, _, tape = case.forward()
    bound = np.array([-0.25, 0.25])
    for gate in cell.gates:
        bounds = {tuple(sorted(function(bound))) for function in functions}
        values = [now.gates[gate] for now in tape]
        inside = [low - 1e-15 <= np.min(values) and np.max(values) <= high + 1e-15 for low, high in bounds]
        assert any(inside), gate
    with pytest.raises(InputError, match=rf"{cell_name} with clip=0.25 has no backward pass: clip the gradients"):
        case.backward()


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("rnn_tanh[affine:x]", "'affine:x': expected a name, or name:alpha or name:alpha:beta"),
        ("rnn_tanh[affine:1:2:3]", "expected a name, or name:alpha or name:alpha:beta"),
        ("rnn_tanh[affine:nan:0]", "affine needs finite constants, got nan and 0"),
        ("rnn_tanh[affine:1:1e999]", "affine needs finite constants, got 1.0 and inf"),
        ("rnn_tanh[tanh:1:2]", "activation function tanh has no alpha, got 1.0"),
        ("rnn_tanh[tanh", "expected a name, or name.function;...."),
        ("rnn_tanh[]", "unknown activation function ''"),
        ("gru[tanh;tanh|x]", "expected a name, or name.function;...."),
        ("gru[tanh;tanh|nan]", "clip must be above 0, got nan"),
    ],
)
def test_specs_that_are_none(spec, message):
    with pytest.raises(InputError, match=message):
        get_cell(spec)
