from __future__ import annotations

import numpy as np
import pytest
import torch

from unrolled.cells import sgd_step
from unrolled.errors import InputError


def test_step_equals_torch_and_leaves_the_parameters_alone():
    rng = np.random.default_rng(0)
    params = {"weight": rng.normal(size=(3, 2)), "bias": rng.normal(size=3)}
    grads = {"bias": rng.normal(size=3), "weight": rng.normal(size=(3, 2)), "x": rng.normal(size=4)}
    before = {name: value.copy() for name, value in params.items()}

    tensors = {name: torch.tensor(value, requires_grad=True) for name, value in params.items()}
    for name, tensor in tensors.items():
        tensor.grad = torch.tensor(grads[name])
    torch.optim.SGD(tensors.values(), lr=0.3).step()

    stepped = sgd_step(params, grads, 0.3)
    assert list(stepped) == ["weight", "bias"]
    for name in params:
        np.testing.assert_allclose(stepped[name], tensors[name].detach().numpy(), rtol=1e-15)
        np.testing.assert_array_equal(params[name], before[name])


@pytest.mark.parametrize("learning_rate", [0.1, np.float64(0.1)])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.longdouble])
def test_dtype_is_kept(dtype, learning_rate):
    ones = {"w": np.ones(2, dtype)}
    assert sgd_step(ones, ones, learning_rate)["w"].dtype == dtype


def test_bad_input_is_refused():
    ones = {"w": np.ones(2)}
    with pytest.raises(InputError, match="no gradient for w; gradients given: v"):
        sgd_step(ones, {"v": np.ones(2)}, 0.1)
    with pytest.raises(InputError, match=r"w has shape \(3,\), expected \(2,\)"):
        sgd_step(ones, {"w": np.ones(3)}, 0.1)
    with pytest.raises(InputError, match="gradient of w has dtype float32, but w has float64"):
        sgd_step(ones, {"w": np.ones(2, np.float32)}, 0.1)
    for learning_rate in (0, -0.1, np.nan, np.inf):
        with pytest.raises(InputError, match="learning_rate must be a positive number"):
            sgd_step(ones, ones, learning_rate)
