"""Autoregression: coefficients that are known, differences that are needed, and the recurrence written out."""

import numpy as np
import pytest

from unrolled.data.airline import PASSENGERS
from unrolled.statistical.autoregression import autoregression, continued


def simulated(weights, T=2000, seed=0):
    rng = np.random.default_rng(seed)
    z = np.zeros(T)
    for t in range(len(weights), T):
        z[t] = sum(w * z[t - k] for k, w in enumerate(weights, 1)) + rng.normal()
    return z


def test_the_coefficients_of_a_stationary_process_are_found():
    found = autoregression(simulated([0.5, 0.3]), 1)
    assert found[1:3] == pytest.approx([0.5, 0.3], abs=0.06)
    assert abs(found[3:]).max(initial=0.0) < 0.06


def test_they_are_those_of_statsmodels_least_squares():
    from statsmodels.tsa.ar_model import AutoReg

    z = simulated([0.9, -0.8], T=400, seed=3)
    found = autoregression(z, 1)
    lags = len(found) - 1
    # ours starts every regression at the row that the longest needs, and shrinks by a thousandth
    expected = AutoReg(z[24 - lags :], lags).fit().params
    assert found == pytest.approx(expected, abs=5e-3)


def test_a_random_walk_is_differenced_and_a_season_is_too():
    walk = autoregression(np.random.default_rng(1).normal(size=300).cumsum(), 1)
    assert walk[1:].sum() == pytest.approx(1.0)
    t = np.arange(120.0)
    z = 0.05 * t + np.sin(2 * np.pi * t / 12) + 0.01 * np.random.default_rng(2).normal(size=120)
    ahead = continued(z[None], autoregression(z, 12)[None], 24)[0]
    assert np.abs(ahead - 0.05 * np.arange(120, 144) - np.sin(2 * np.pi * t[:24] / 12)).max() < 0.1


def test_a_series_differenced_twice_has_no_constant():
    found = autoregression(np.log(PASSENGERS), 12)
    polynomial = np.r_[1.0, -found[1:]]
    assert abs(polynomial.sum()) < 1e-9
    assert abs(polynomial @ np.arange(len(polynomial))) < 1e-9  # 1 is a double root
    assert found[0] == 0.0


def test_the_recurrence_is_the_equation():
    rng = np.random.default_rng(0)
    z, coefficients = rng.normal(size=(2, 9)), rng.normal(size=(2, 4)) / 3
    for n in range(2):
        path = list(z[n])
        for _ in range(5):
            path.append(coefficients[n, 0] + sum(coefficients[n, k] * path[-k] for k in (1, 2, 3)))
        assert continued(z, coefficients, 5)[n] == pytest.approx(path[9:], rel=1e-12)


def test_before_a_short_series_comes_its_first_value():
    coefficients = np.array([[0.0, 0.25, 0.25, 0.5]])
    assert continued(np.array([[2.0, 4.0]]), coefficients, 1).tolist() == [[0.25 * 4 + 0.25 * 2 + 0.5 * 2]]


@pytest.mark.parametrize("length", [1, 2, 5, 7])
def test_a_series_too_short_to_regress_repeats_its_last_value(length):
    assert autoregression(np.arange(float(length)), 4).tolist() == [0.0, 1.0]
