"""Exponential smoothing against statsmodels' Holt-Winters, its gradients against finite differences."""

import numpy as np
import pytest

from unrolled.codecs.smoothing import smooth, smooth_backward


def example(seed=0, T=30, C=3, m=4):
    rng = np.random.default_rng(seed)
    return (
        rng.normal(size=(T, C)),
        rng.uniform(0.1, 0.9, C),
        rng.uniform(0.1, 0.9, C),
        rng.normal(size=C),
        rng.normal(size=(m, C)),
    )


def test_recurrence_is_holt_winters_of_statsmodels():
    from statsmodels.tsa.holtwinters import ExponentialSmoothing

    z, alpha, gamma, level, season = example(T=40)
    levels, seasonals = smooth(z, alpha, gamma, level, season)
    for c in range(z.shape[1]):
        model = ExponentialSmoothing(
            z[:, c],
            seasonal="add",
            seasonal_periods=4,
            initialization_method="known",
            initial_level=level[c],
            initial_seasonal=season[:, c],
        )
        # theirs multiplies the seasonal error by one constant, ours by gamma (1 - alpha)
        fitted = model.fit(
            smoothing_level=alpha[c], smoothing_seasonal=gamma[c] * (1 - alpha[c]), optimized=False, remove_bias=False
        )
        np.testing.assert_allclose(levels[:, c], fitted.level, rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(seasonals[4:, c], fitted.season, rtol=1e-12, atol=1e-12)
        # for the fourth step theirs takes the seasonal from before the last update
        ahead = levels[-1, c] + seasonals[-4:-1, c]
        np.testing.assert_allclose(ahead, fitted.forecast(3), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("m", [1, 4])
def test_gradients_are_those_of_finite_differences(m):
    arguments = example(T=11, m=m)
    rng = np.random.default_rng(1)
    levels, seasonals = smooth(*arguments)
    grad_levels, grad_seasonals = rng.normal(size=levels.shape), rng.normal(size=seasonals.shape)
    z, alpha, gamma, level, _ = arguments
    gradients = smooth_backward(z, alpha, gamma, level, levels, seasonals, grad_levels, grad_seasonals)

    def objective(changed):
        new_levels, new_seasonals = smooth(*changed)
        return (new_levels * grad_levels).sum() + (new_seasonals * grad_seasonals).sum()

    for position, gradient in enumerate(gradients):
        expected = np.empty_like(gradient)
        for index in np.ndindex(*gradient.shape):
            sides = []
            for step in (1e-6, -1e-6):
                changed = [argument.copy() for argument in arguments]
                changed[position][index] += step
                sides.append(objective(changed))
            expected[index] = (sides[0] - sides[1]) / 2e-6
        np.testing.assert_allclose(gradient, expected, rtol=1e-6, atol=1e-7)


def test_limits_of_the_speeds():
    z, _, gamma, level, season = example()
    frozen, _ = smooth(z, np.zeros(3), np.zeros(3), level, season)
    np.testing.assert_array_equal(frozen, np.broadcast_to(level, z.shape))
    followed, seasonals = smooth(z, np.ones(3), gamma, level, season)
    np.testing.assert_allclose(followed + seasonals[: len(z)], z, atol=1e-12)
