"""Conformal factors by hand, and the promise they make on data that come from anywhere."""

import numpy as np
import pytest

from unrolled.codecs.conformal import conformal_factors, scores_needed, widened

LEVELS = (0.1, 0.5, 0.8)


def test_factors_are_order_statistics_of_scores():
    rng = np.random.default_rng(0)
    actual = rng.normal(size=(14, 3))
    median = rng.normal(size=(14, 3))
    quantiles = median[..., None] + np.stack(
        [-rng.uniform(1, 2, (14, 3)), np.zeros((14, 3)), rng.uniform(1, 2, (14, 3))], -1
    )
    factors = conformal_factors(actual, quantiles, LEVELS)
    above = sorted(((actual - median) / (quantiles[..., 2] - median)).ravel())
    below = sorted(((median - actual) / (median - quantiles[..., 0])).ravel())
    assert factors.shape == (3, 3)
    assert factors[:, 2].tolist() == pytest.approx([above[35 - 1]] * 3)  # 43 x 0.8 = 34.4
    assert factors[:, 0].tolist() == pytest.approx([below[39 - 1]] * 3)  # 43 x 0.9 = 38.7
    assert factors[:, 1].tolist() == [1.0] * 3


def test_each_step_has_its_own_factors_from_a_hundred_forecasts_on():
    rng = np.random.default_rng(0)
    actual = rng.normal(size=(100, 2)) * [1.0, 5.0]
    quantiles = np.tile([-1.0, 0.0, 1.0], (100, 2, 1))
    factors = conformal_factors(actual, quantiles, LEVELS)
    assert factors[0, 2] == sorted(actual[:, 0])[81 - 1]  # 101 x 0.8 = 80.8
    assert factors[1, 2] == sorted(actual[:, 1])[81 - 1]
    assert len(set(conformal_factors(actual[:99], quantiles[:99], LEVELS)[:, 2])) == 1


def test_fewest_scores():
    assert scores_needed((0.1, 0.5)) == 9
    assert scores_needed((0.5, 0.99)) == 99
    assert scores_needed((0.5,)) == 1
    nine = np.arange(9.0)[:, None]
    assert conformal_factors(nine, np.tile([-1.0, 0.0, 1.0], (9, 1, 1)), (0.1, 0.5, 0.9))[0, 2] == 8.0


def test_the_promise_holds_whatever_the_model():
    """Of 19 scores and one to come, P(z <= q90) is exactly 18/20 where nothing ties; a wrong model keeps it."""
    rng = np.random.default_rng(0)
    levels, kept = (0.1, 0.5, 0.9), []
    for _ in range(4000):
        scale = rng.uniform(0.5, 4, 20)
        z = rng.gamma(2.0, size=20) * scale
        quantiles = np.stack([0.7 * scale, 0.9 * scale, 1.1 * scale], -1)[:, None]
        factors = conformal_factors(z[:19, None], quantiles[:19], levels)
        low, _, high = widened(quantiles[19:], factors, levels)[0, 0]
        kept.append((low <= z[19], z[19] <= high))
    below, above = np.mean(kept, axis=0)
    assert above == pytest.approx(0.9, abs=0.015)
    assert below == pytest.approx(0.9, abs=0.015)


def test_quantiles_stay_ascending_and_on_their_side_of_the_median():
    quantiles = np.array([[[-2.0, -1.0, 0.0, 1.0, 2.0]]])
    got = widened(quantiles, np.array([[1.0, 3.0, 1.0, 4.0, 0.0]]), (0.1, 0.2, 0.5, 0.8, 0.9))
    assert got.tolist() == [[[-3.0, -3.0, 0.0, 4.0, 4.0]]]


def test_quantiles_without_width_and_a_biased_model():
    flat = np.zeros((9, 1, 3))
    factors = conformal_factors(np.ones((9, 1)), flat, (0.1, 0.5, 0.9))
    assert np.isfinite(factors).all()
    assert np.isfinite(widened(flat, factors, (0.1, 0.5, 0.9))).all()
    # all values above the median: the lower quantile comes no nearer than the median itself
    assert conformal_factors(np.ones((9, 1)), np.tile([-1.0, 0.0, 1.0], (9, 1, 1)), (0.1, 0.5, 0.9))[0, 0] == 0.0
