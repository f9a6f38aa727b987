"""exp, sigmoid and tanh against mpmath-grade references, in units in the last place."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest

from unrolled.errors import InputError
from unrolled.kernels.arrays import elementary

BOUNDS = {"exp": 1.0, "sigmoid": 2.0, "tanh": 2.0}


def reference(function, x):
    """In float64 from NumPy; sigmoid in the form that keeps small values."""
    with np.errstate(all="ignore"):
        if function == "sigmoid":
            e = np.exp(-np.abs(x))
            return np.where(x < 0, e, 1) / (1 + e)
        return getattr(np, function)(x)


def ulps(got, want):
    """Error in units of the last place of float32 around the true value, subnormals included."""
    want32 = want.astype(np.float32)
    unit = np.spacing(np.abs(want32)).astype(np.float64)
    return np.abs(got.astype(np.float64) - want) / unit


@pytest.mark.parametrize("function", BOUNDS)
def test_float32_over_all_magnitudes(function):
    """Every 211th of all finite floats, and every float around the thresholds."""
    bits = np.arange(0, 0x7F800000, 211, dtype=np.uint32)
    edges = np.array([88.72284, 88.7, 103.97208, 87.33655, 10.0, 9.01, 0.34657359], np.float32).view(np.uint32)
    bits = np.concatenate([bits, *(np.arange(e - 2000, e + 2000, dtype=np.uint32) for e in edges)])
    x = bits.view(np.float32)
    for signed in (x, -x):
        want = reference(function, signed.astype(np.float64))
        with np.errstate(over="ignore"):
            fits = np.isfinite(want.astype(np.float32))
        got = elementary(function, signed)
        with np.errstate(over="ignore"):
            assert ulps(got[fits], want[fits]).max() <= BOUNDS[function]
        assert np.isinf(got[~fits]).all()


@pytest.mark.parametrize("function", BOUNDS)
def test_float64_on_a_sample(function):
    rng = np.random.default_rng(1)
    x = np.concatenate([rng.normal(size=400) * 10.0 ** rng.uniform(-300, 2.9, 400), rng.uniform(-745, 709, 300)])
    x = np.concatenate([x, rng.uniform(-20, 20, 600)])
    got = elementary(function, x)
    exact = {
        "exp": mpmath.exp,
        "tanh": mpmath.tanh,
        "sigmoid": lambda v: 1 / (1 + mpmath.exp(-v)),
    }[function]
    with mpmath.workdps(40):
        for value, result in zip(x, got, strict=True):
            want = exact(mpmath.mpf(float(value)))
            unit = np.spacing(abs(float(want))) or 5e-324
            if np.isfinite(float(want)):
                assert abs(mpmath.mpf(float(result)) - want) / mpmath.mpf(float(unit)) <= BOUNDS[function], value


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_limits_and_nan(dtype):
    x = np.array([np.inf, -np.inf, np.nan, 0.0, -0.0], dtype)
    assert np.array_equal(elementary("exp", x), np.array([np.inf, 0, np.nan, 1, 1], dtype), equal_nan=True)
    assert np.array_equal(elementary("sigmoid", x), np.array([1, 0, np.nan, 0.5, 0.5], dtype), equal_nan=True)
    tanh = elementary("tanh", x)
    assert np.array_equal(tanh, np.array([1, -1, np.nan, 0, 0], dtype), equal_nan=True)
    assert np.signbit(tanh[4])
    assert not np.signbit(tanh[3])


def test_bad_arguments():
    with pytest.raises(InputError, match="function 'cosh': expected one of exp, sigmoid, tanh"):
        elementary("cosh", np.zeros(3))
    with pytest.raises(InputError, match="int64: expected float32 or float64"):
        elementary("exp", np.zeros(3, np.int64))
