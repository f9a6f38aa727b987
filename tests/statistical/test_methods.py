"""The statistical methods together: what each is for, and that a series alone is the series in a panel."""

import numpy as np
import pytest

from unrolled.statistical.methods import METHODS, SMOOTHING, StatisticalMethods


def fitted(z, season, log_scales=0.0):
    return StatisticalMethods.fit(z, season, np.full(len(z), log_scales))


def panel():
    rng = np.random.default_rng(0)
    t = np.arange(96.0)
    return [
        np.sin(2 * np.pi * t / 12) + 0.1 * rng.normal(size=96),
        0.1 * t + 0.1 * rng.normal(size=96),
        rng.normal(size=40).cumsum(),
        rng.normal(size=7),
        np.array([3.0]),
    ]


def test_a_series_has_the_same_bits_alone_and_in_a_panel():
    z = panel()
    together = fitted(z, 12, 0.1)
    forecasts = together.forecast(z, 15)
    for n, series in enumerate(z):
        alone = fitted([series], 12, 0.1)
        assert np.array_equal(alone.forecast([series], 15)[:, 0], forecasts[:, n])
        transferred = together.transferred([(n, True)], [series], np.array([0.1]))
        assert np.array_equal(transferred.forecast([series], 15)[:, 0], forecasts[:, n])


def test_forecasts_from_earlier_origins_see_nothing_later():
    z = panel()[:3]
    methods = fitted(z, 12)
    before = [np.array([20, 12, 5]), np.array([1, 1, 1])]
    rolled = methods.forecasts(z, 6, before)
    spoiled = [np.r_[series[: len(series) - n], np.full(n, 1e6)] for series, n in zip(z, before[0], strict=True)]
    start = fitted(z, 12).forecasts(spoiled, 6, before)[0]
    # what theta and trend start from is of the whole series; all else is of the past
    for name in ("seasonal median", "level", "autoregression"):
        assert np.array_equal(rolled[0, METHODS.index(name)], start[METHODS.index(name)])


def test_what_each_method_is_for():
    t = np.arange(60.0)
    line = fitted([2.0 + 0.5 * t], 1).forecast([2.0 + 0.5 * t], 4)[:, 0]
    assert line[METHODS.index("trend")] == pytest.approx(2.0 + 0.5 * np.arange(60, 64), abs=1e-6)
    noise = np.random.default_rng(0).normal(size=400)
    level = fitted([noise], 1)
    assert level.gains[0, SMOOTHING.index("level"), 0] <= 0.05
    assert level.speeds()[0][0] <= 0.1
    assert np.abs(level.forecast([noise], 1)[1, 0, 0] - noise.mean()) < 0.3
    walk = noise.cumsum()
    assert fitted([walk], 1).speeds()[0][0] >= 0.75
    season = np.tile([0.0, 5.0, 1.0], 10)
    season[-2] = 99.0  # a holiday
    median = fitted([season], 3).forecast([season], 3)[METHODS.index("seasonal median"), 0]
    assert median.tolist() == [0.0, 5.0, 1.0]


def test_a_season_is_chosen_only_where_there_is_one():
    t = np.arange(120)
    with_season = np.sin(2 * np.pi * t / 12)
    without = np.random.default_rng(0).normal(size=120)
    seasonal = fitted([with_season, without], 12).seasonal[SMOOTHING.index("level")]
    assert seasonal.tolist() == [True, False]


def test_a_series_that_is_not_known_gets_what_the_middle_one_has():
    z = [np.random.default_rng(n).normal(size=80) for n in range(3)]
    methods = fitted(z, 1)
    chosen = methods.transferred([(None, False), (1, True)], [z[0], z[1]], np.zeros(2))
    alphas = methods.gains[0, 0]
    assert chosen.gains[0, 0].tolist() == [sorted(alphas)[1], alphas[1]]
    assert np.array_equal(chosen.coefficients[1], methods.coefficients[1])


def test_an_autoregression_of_another_series_varies_around_the_mean_of_this_one():
    rng = np.random.default_rng(0)
    methods = fitted([rng.normal(size=200)], 1)
    other = 1000 + rng.normal(size=100)
    ahead = methods.transferred([(None, False)], [other], np.zeros(1)).forecast([other], 5)
    assert np.abs(ahead[METHODS.index("autoregression")] - 1000).max() < 2


def test_a_trend_is_straight_in_the_units_of_a_series_that_is_modelled_on_its_logarithm():
    t = np.arange(80)
    y, scale = 10 * (20 + t) * np.exp(0.3 * np.sin(2 * np.pi * t / 4)), 0.2
    z = np.log(y[:60]) / scale
    trend = METHODS.index("trend")
    straight, curved = (np.exp(scale * fitted([z], 4, c).forecast([z], 20)[trend, 0]) for c in (scale, 0.0))
    assert straight == pytest.approx(y[60:], rel=0.01)
    assert np.abs(curved - y[60:]).max() > 5 * np.abs(straight - y[60:]).max()


def test_the_scale_of_a_new_series_bends_its_trend():
    z = [0.1 * np.arange(40.0)] * 2
    methods = fitted(z, 1, 0.5).transferred([(0, True), (None, False)], z, np.array([0.5, 0.0]))
    ahead = methods.forecast(z, 5)[METHODS.index("trend")]
    assert np.diff(ahead[1]) == pytest.approx(0.1, abs=1e-6)
    assert (np.diff(ahead[0], 2) < -1e-3).all()
