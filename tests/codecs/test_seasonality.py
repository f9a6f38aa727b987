"""Initial level and profile against statsmodels' classical decomposition and exact constructions."""

import numpy as np
import pytest

from unrolled.codecs.seasonality import initial_states


@pytest.mark.parametrize("season", [3, 4, 7, 12])
def test_exact_on_a_line_plus_a_profile(season):
    rng = np.random.default_rng(season)
    profile = rng.normal(size=season)
    profile -= profile.mean()
    t = np.arange(6 * season)
    level, found = initial_states(2.0 + 0.25 * (t + 1) + profile[t % season], season)
    np.testing.assert_allclose(found, profile, atol=1e-12)
    assert level == pytest.approx(2.0, abs=1e-12)


@pytest.mark.parametrize("season", [3, 12])
def test_profile_is_that_of_seasonal_decompose(season):
    from statsmodels.tsa.seasonal import seasonal_decompose

    z = np.random.default_rng(0).normal(size=4 * season).cumsum()
    expected = seasonal_decompose(z, model="additive", period=season).seasonal[:season]
    np.testing.assert_allclose(initial_states(z, season)[1], expected, atol=1e-12)


def test_short_series_and_no_season():
    level, profile = initial_states(np.array([1.0, 2.0, 6.0]), 3)
    assert level == 3.0
    assert profile.tolist() == [0.0, 0.0, 0.0]
    assert initial_states(np.array([4.0, 9.0]), 1)[0] == 4.0
