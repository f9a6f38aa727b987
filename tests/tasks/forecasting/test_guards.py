"""Series that lead forecasts astray: counts, closures, shifts of level, growth on a logarithmic scale, a handful of values."""

import numpy as np
import pytest

from unrolled import Forecaster

SMALL = {"members": 1, "hidden_size": 4, "max_epochs": 5, "random_state": 0}
WEEK = np.array([10.0, 11.0, 12.0, 12.0, 14.0, 20.0, 18.0])


def quantiles(values, **parameters):
    return Forecaster(**SMALL, **parameters).fit(values).predict_quantiles()[0]


@pytest.mark.parametrize("rate", [0.3, 2.0])
def test_counts_stay_at_or_above_zero(rate):
    found = quantiles(np.random.default_rng(0).poisson(rate, 120).astype(float), horizon=20, quantiles=(0.01, 0.1, 0.9))
    assert found.min() >= 0
    assert found[:, -1].min() > 0


def test_what_may_be_negative_is():
    assert quantiles(np.random.default_rng(0).normal(size=80), horizon=6)[:, 0].max() < 0


def test_a_shift_of_level_is_seen():
    rng = np.random.default_rng(0)
    found = quantiles(np.r_[100 + rng.normal(size=100), 200 + rng.normal(size=25)], horizon=8)
    assert np.abs(found[:, 1] - 200).max() < 10


@pytest.mark.parametrize("closed", [slice(60, 80), slice(6, None, 7)], ids=["for three weeks", "on Sundays"])
def test_closures_leave_the_week_as_it_is(closed):
    values = 10 * WEEK[np.arange(140) % 7] + np.random.default_rng(0).normal(size=140)
    values[closed] = 0.0
    found = quantiles(values, season_length=7, horizon=7)
    expected = 10 * WEEK
    expected[6] = 0.0 if values[-1] == 0 else expected[6]
    assert np.abs(found[:, 1] - expected).max() < 15


def test_growth_on_a_logarithmic_scale_does_not_run_away():
    t = np.arange(30)
    values = np.exp(0.2 * t + 0.02 * np.random.default_rng(0).normal(size=30))
    found = quantiles(values, horizon=30)
    assert found[:, 1].max() < values[-1] * np.exp(1.5 * 0.2 * 31)
    assert np.isfinite(found).all()


@pytest.mark.parametrize("length", [2, 3, 4, 5, 8, 13])
def test_a_handful_of_values_has_a_forecast_with_an_interval(length):
    values = np.array([3.0, 5.0, 4.0, 6.0, 5.0, 7.0, 6.0, 8.0, 7.0, 9.0, 8.0, 10.0, 9.0])[:length]
    found = quantiles(values, horizon=6)
    assert found.shape == (6, 3)
    assert (np.diff(found, axis=1) > 0).all()
    assert values.min() / 3 < found[0, 1] < 3 * values.max()


def test_less_history_makes_a_wider_interval():
    values = np.random.default_rng(1).normal(size=200)
    width = [np.ptp(quantiles(values[-n:], horizon=6), axis=1).mean() for n in (10, 200)]
    assert width[0] > width[1]
