"""The scale of a series: chosen by hand-checked rules, undone exactly."""

import numpy as np
import pytest

from unrolled.codecs.scaling import SeriesScaling, Standardization, prefers_log

T = np.arange(60)
WAVE = np.sin(2 * np.pi * T / 12)


@pytest.mark.parametrize(
    ("y", "log"),
    [
        (np.exp(0.03 * T + 0.3 * WAVE), True),
        (100 + T + 10 * WAVE, False),
        (np.full(60, 7.0), False),
        (WAVE, False),
        (np.exp(0.03 * T + 0.3 * WAVE) - 1.1, False),
        (np.array([1.0, 2.0, 3.0]), True),
        (np.array([10.0, 11.0, 12.0]), False),
    ],
)
def test_logarithm_is_for_series_that_vary_with_their_level(y, log):
    assert prefers_log(y, 12) is log


def test_scale_is_the_mean_seasonal_change():
    y = np.array([1.0, 5.0, 2.0, 8.0, -4.0, 9.0])
    scaling = SeriesScaling.fit(y, 2)
    assert scaling == SeriesScaling(log=False, scale=(1 + 3 + 6 + 1) / 4)
    assert SeriesScaling.fit(y, 10).scale == np.abs(np.diff(y)).mean()  # no whole season: single steps


@pytest.mark.parametrize("value", [0.0, 5.0, 0.1, 1e9])
def test_constant_series_have_scale_one(value):
    assert SeriesScaling.fit(np.full(30, value), 12) == SeriesScaling(log=False, scale=1.0)


@pytest.mark.parametrize("log", [True, False])
def test_inverse_undoes(log):
    y = np.random.default_rng(0).uniform(1, 100, 50)
    scaling = SeriesScaling.fit(y, 4, log=log)
    np.testing.assert_allclose(scaling.inverse(scaling.transform(y)), y, rtol=1e-13)


def test_inverse_stays_finite():
    assert np.isfinite(SeriesScaling(log=True, scale=1.0).inverse(np.array([1e9, -1e9]))).all()


def test_standardization():
    x = np.array([1.0, 3.0])
    assert Standardization.fit(x).transform(x).tolist() == [-1.0, 1.0]
    assert Standardization.fit(np.array([4.0, 4.0])) == Standardization(4.0, 1.0)
