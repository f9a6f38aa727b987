from __future__ import annotations

import mpmath
import numpy as np
import pytest
import torch

from unrolled.cells import log_softmax, relu, sigmoid, softmax, softplus

EXTREME = np.array([-1e20, -745.0, -40.0, -1e-9, 0.0, 1e-300, 3.0, 40.0, 745.0, 1e20])


def test_sigmoid_and_softplus_keep_all_digits():
    points = np.concatenate([np.linspace(-700, 40, 311), [-1e-12, 0.0, 1e-12]])
    with mpmath.workdps(40):
        exact_sigmoid = np.array([float(1 / (1 + mpmath.exp(-mpmath.mpf(a)))) for a in points])
        exact_softplus = np.array([float(mpmath.log1p(mpmath.exp(mpmath.mpf(a)))) for a in points])
    eps = np.finfo(float).eps
    np.testing.assert_allclose(sigmoid(points), exact_sigmoid, rtol=2 * eps)
    np.testing.assert_allclose(softplus(points), exact_softplus, rtol=2 * eps)


@pytest.mark.parametrize("function", [sigmoid, softplus, relu, softmax, log_softmax])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.longdouble])
def test_extreme_arguments_stay_finite_and_keep_the_dtype(function, dtype):
    largest = np.finfo(dtype).max / 2
    result = function(np.clip(EXTREME, -largest, largest).astype(dtype))
    assert result.dtype == dtype
    assert np.all(np.isfinite(result))


@pytest.mark.parametrize("function", [sigmoid, softplus, relu, softmax, log_softmax])
def test_nan_in_gives_nan_out(function):
    assert np.isnan(function(np.array([np.nan, 1.0]))[0])


def test_infinities_have_their_limits():
    inf = np.array([-np.inf, np.inf])
    np.testing.assert_array_equal(sigmoid(inf), [0, 1])
    np.testing.assert_array_equal(softplus(inf), [0, np.inf])


def test_softmax_equals_torch():
    q = np.random.default_rng(0).normal(scale=20, size=(4, 3, 5))
    np.testing.assert_allclose(softmax(q), torch.softmax(torch.tensor(q), -1).numpy(), rtol=1e-13)
    np.testing.assert_allclose(log_softmax(q), torch.log_softmax(torch.tensor(q), -1).numpy(), atol=1e-15)
    np.testing.assert_allclose(softmax(q).sum(-1), 1, rtol=1e-15)
