"""Output layer, losses and whole networks against central differences and torch's autograd, in float64."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from unrolled.cells import (
    CELLS,
    OutputLayer,
    binary_cross_entropy,
    categorical_cross_entropy,
    half_squared_error,
)
from unrolled.errors import InputError

PAIRS = {
    "linear": half_squared_error,
    "sigmoid": binary_cross_entropy,
    "softmax": categorical_cross_entropy,
}
TORCH_ACTIVATIONS = {"linear": lambda q: q, "sigmoid": torch.sigmoid, "softmax": lambda q: torch.softmax(q, -1)}


def torch_loss(activation, q, y):
    """The sum over steps, rows and outputs, from the logits."""
    if activation == "linear":
        return torch.nn.functional.mse_loss(q, y, reduction="sum") / 2
    if activation == "sigmoid":
        return torch.nn.functional.binary_cross_entropy_with_logits(q, y, reduction="sum")
    return torch.nn.functional.cross_entropy(q.flatten(0, -2), y.flatten(0, -2), reduction="sum")


def targets(activation, shape, rng):
    if activation == "linear":
        return rng.normal(size=shape)
    if activation == "sigmoid":
        return rng.uniform(size=shape).round(1)
    return rng.dirichlet(np.ones(shape[-1]), size=shape[:-1])


@pytest.fixture(params=PAIRS)
def network(request):
    """An output layer with random parameters, hidden states and targets, all sizes different."""
    rng = np.random.default_rng(3)
    params = {"weight": rng.normal(size=(5, 4)), "bias": rng.normal(size=5)}
    return request.param, params, rng.normal(size=(3, 2, 4)), targets(request.param, (3, 2, 5), rng)


def test_forward_and_loss_equal_torch(network):
    activation, params, h, y = network
    prediction, tape = OutputLayer(activation).forward(params, h)
    q = torch.nn.functional.linear(*(torch.tensor(array) for array in (h, params["weight"], params["bias"])))
    np.testing.assert_allclose(tape.q, q.numpy(), rtol=1e-13)
    np.testing.assert_allclose(prediction, TORCH_ACTIVATIONS[activation](q).numpy(), rtol=1e-13)
    error, grad_q = PAIRS[activation](tape.q, y)
    assert error.shape == (3, 2)
    np.testing.assert_allclose(error.sum(), torch_loss(activation, q, torch.tensor(y)).item(), rtol=1e-13)
    np.testing.assert_allclose(grad_q, prediction - y, rtol=1e-15)


def test_gradients_equal_central_differences(network, central_difference):
    activation, params, h, y = network
    output, loss_of = OutputLayer(activation), PAIRS[activation]

    def loss():
        return loss_of(output.forward(params, h)[1].q, y)[0].sum()

    _, tape = output.forward(params, h)
    gradients = output.backward(params, tape, loss_of(tape.q, y)[1])
    assert set(gradients) == {"h", "weight", "bias"}
    for name, variable in {"h": h, **params}.items():
        np.testing.assert_allclose(gradients[name], central_difference(loss, variable), rtol=1e-8, atol=1e-9)


def test_any_gradient_of_the_prediction_goes_back_through_the_activation(network):
    activation, params, h, _ = network
    prediction, tape = OutputLayer(activation).forward(params, h)
    grad_prediction = np.random.default_rng(4).normal(size=prediction.shape)
    q = torch.tensor(tape.q, requires_grad=True)
    TORCH_ACTIVATIONS[activation](q).backward(torch.tensor(grad_prediction))
    grad_q = OutputLayer(activation).activation_backward(tape, grad_prediction)
    np.testing.assert_allclose(grad_q, q.grad.numpy(), rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("activation", PAIRS)
@pytest.mark.parametrize("cell_name", CELLS)
def test_a_whole_networks_gradients(cell_name, activation, make_case, central_difference):
    """The full set of the texts: V, b_y, W, U, b, the initial states and x, with a loss at every step."""
    rng = np.random.default_rng(5)
    case, output, loss_of = make_case(cell_name, T=3, B=2, I=2, H=4), OutputLayer(activation), PAIRS[activation]
    V = {"weight": rng.normal(size=(3, case.grad_h.shape[2])), "bias": rng.normal(size=3)}
    y = targets(activation, (3, 2, 3), rng)

    def loss():
        h, _, _ = case.forward()
        return loss_of(output.forward(V, h)[1].q, y)[0].sum()

    h, _, tape = case.forward()
    _, output_tape = output.forward(V, h)
    _, grad_q = loss_of(output_tape.q, y)
    gradients = output.backward(V, output_tape, grad_q)
    gradients.update(case.cell.backward(case.params, tape, gradients.pop("h")))
    variables = {**case.variables(), **V}
    assert set(gradients) == set(variables)
    for name, variable in variables.items():
        expected = central_difference(loss, variable)
        np.testing.assert_allclose(gradients[name], expected, rtol=1e-8, atol=1e-8, err_msg=name)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.longdouble])
def test_every_result_keeps_the_dtype(network, dtype):
    activation, params, h, y = network
    params, h, y = {name: value.astype(dtype) for name, value in params.items()}, h.astype(dtype), y.astype(dtype)
    prediction, tape = OutputLayer(activation).forward(params, h)
    error, grad_q = PAIRS[activation](tape.q, y)
    gradients = OutputLayer(activation).backward(params, tape, grad_q)
    grad_q_again = OutputLayer(activation).activation_backward(tape, prediction)
    arrays = [prediction, tape.q, error, grad_q, grad_q_again, *gradients.values()]
    assert {array.dtype for array in arrays} == {np.dtype(dtype)}


def test_cross_entropies_of_saturated_predictions_are_exact():
    q, y = np.array([[[-800.0]], [[800.0]]]), np.array([[[1.0]], [[1.0]]])
    error, grad_q = binary_cross_entropy(q, y)
    np.testing.assert_array_equal(error.ravel(), [800, 0])
    np.testing.assert_array_equal(grad_q.ravel(), [-1, 0])
    error, _ = binary_cross_entropy(np.array([40.0]), np.array([1.0]))
    np.testing.assert_allclose(error, np.exp(-40), rtol=1e-15)

    q, y = np.array([[1e20, -1e20, 0.0]]), np.eye(3)[[1]]
    error, grad_q = categorical_cross_entropy(q, y)
    np.testing.assert_array_equal(error, [2e20])
    np.testing.assert_array_equal(grad_q, [[1, -1, 0]])


@pytest.mark.parametrize("activation", PAIRS)
def test_empty_batch_and_nan(activation):
    params = {"weight": np.ones((2, 3)), "bias": np.zeros(2)}
    prediction, tape = OutputLayer(activation).forward(params, np.empty((4, 0, 3)))
    error, grad_q = PAIRS[activation](tape.q, np.empty((4, 0, 2)))
    assert (prediction.shape, error.shape) == ((4, 0, 2), (4, 0))
    np.testing.assert_array_equal(OutputLayer(activation).backward(params, tape, grad_q)["weight"], 0)

    _, tape = OutputLayer(activation).forward(params, np.array([[np.nan, 0.0, 0.0], [0.0, 0.0, 0.0]]))
    error, grad_q = PAIRS[activation](tape.q, np.array([[1.0, 0.0], [1.0, 0.0]]))
    np.testing.assert_array_equal(np.isnan(error), [True, False])
    np.testing.assert_array_equal(np.isnan(grad_q), [[True, True], [False, False]])


def test_bad_input_is_refused_naming_both_sides():
    output, h = OutputLayer("linear"), np.ones((2, 1, 3))
    params = {"weight": np.ones((4, 3)), "bias": np.ones(4)}
    _, tape = output.forward(params, h)
    y = np.ones((2, 1, 4))

    with pytest.raises(InputError, match="unknown activation 'tanh'; known: linear, sigmoid, softmax"):
        OutputLayer("tanh")
    with pytest.raises(InputError, match="parameters of the output layer: missing bias; unknown V"):
        output.forward({"weight": params["weight"], "V": params["bias"]}, h)
    with pytest.raises(InputError, match=r"weight has shape \(4, 3\), expected \(4, 5\) \(h has hidden size 5"):
        output.forward(params, np.ones((2, 1, 5)))
    with pytest.raises(InputError, match=r"bias has shape \(3,\), expected \(4,\)"):
        output.forward({**params, "bias": np.ones(3)}, h)
    with pytest.raises(InputError, match=r"weight has shape \(4,\) and h \(2, 1, 3\), expected \(O, H\)"):
        output.forward({**params, "weight": np.ones(4)}, h)
    with pytest.raises(InputError, match="weight has dtype float64, but h has float32"):
        output.forward(params, h.astype("f4"))
    with pytest.raises(InputError, match=r"grad_q has shape \(2, 4\), expected \(2, 1, 4\)"):
        output.backward(params, tape, y[:, 0])
    with pytest.raises(InputError, match=r"grad_prediction has shape \(1, 1, 4\), expected \(2, 1, 4\)"):
        output.activation_backward(tape, y[:1])
    for loss_of in PAIRS.values():
        with pytest.raises(InputError, match=r"y has shape \(2, 1, 3\), expected \(2, 1, 4\)"):
            loss_of(tape.q, h)
        with pytest.raises(InputError, match="y has dtype int64, expected a float dtype"):
            loss_of(tape.q, y.astype(int))
    with pytest.raises(InputError, match=r"between 0 and 1, got values from 2.0 to 2.0"):
        binary_cross_entropy(tape.q, 2 * y)
    with pytest.raises(InputError, match=r"probability distribution .* sums from 4.0 to 4.0"):
        categorical_cross_entropy(tape.q, y)
    with pytest.raises(InputError, match=r"values from -1.0 to 2.0 and sums from 1.0 to 1.0"):
        categorical_cross_entropy(np.zeros(2), np.array([-1.0, 2.0]))
    with pytest.raises(InputError, match="probability distribution"):
        categorical_cross_entropy(np.zeros(2), np.array([np.nan, 1.0]))
