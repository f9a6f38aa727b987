"""Forecasts do not depend on the unit, and hold on constant, near-constant, zero and extreme values."""

import numpy as np
import polars as pl
import pytest

import unrolled
from unrolled import Forecaster, InputError

TINY = {"members": 1, "hidden_size": 4, "max_epochs": 4, "random_state": 0}
METHODS = pytest.mark.parametrize("method", ["smoothing", "windows"])


def seasonal(n=96, seed=0):
    """With changes of sign, so that the logarithm is out of the question."""
    t = np.arange(n)
    return 3 * np.sin(2 * np.pi * t / 12) + 0.02 * t + 0.3 * np.random.default_rng(seed).normal(size=n)


def growing(n=96):
    t = np.arange(n)
    return 50 * np.exp(0.02 * t + 0.4 * np.sin(2 * np.pi * t / 12) + 0.05 * np.random.default_rng(0).normal(size=n))


def quantiles(data, **options):
    return Forecaster(**{**TINY, "season_length": 12, **options}).fit(data).predict_quantiles(horizon=15)


@METHODS
@pytest.mark.parametrize("power", [-997, -43, 900])
def test_a_unit_of_a_power_of_two_changes_no_bit(method, power):
    counts = np.random.default_rng(1).poisson(0.3, size=96).astype(float)
    data, unit = np.stack([seasonal(), seasonal(seed=1) - 1e3, counts]), 2.0**power
    expected = quantiles(data, method=method)
    assert np.array_equal(quantiles(data * unit, method=method), expected * unit)


@METHODS
@pytest.mark.parametrize("unit", [1e-300, 1e-13, 1e-11, 1e3, 1e300])
def test_a_unit_of_a_power_of_ten_changes_no_more_than_rounding(method, unit):
    for data in (seasonal(), growing()):
        expected = quantiles(data, method=method)
        np.testing.assert_allclose(quantiles(data * unit, method=method) / unit, expected, rtol=1e-3, atol=1e-2)


@METHODS
def test_units_of_covariates_change_no_bit(method):
    rng = np.random.default_rng(0)
    data = pl.DataFrame({"y": seasonal(), "past": rng.normal(size=96), "ahead": rng.random(96)})
    told = {"target": "y", "past": ["past"], "future": ["ahead"]}
    found = []
    for unit in (1.0, 2.0**-40, 2.0**500):
        frame = data.with_columns(pl.col("past") * unit, pl.col("ahead") * unit)
        forecaster = Forecaster(**TINY, season_length=12, method=method).fit(frame, **told)
        found.append(forecaster.predict(future=frame.tail(12).select("ahead"))["y"].to_list())
    assert found[0] == found[1] == found[2]


def test_float32_and_whole_numbers_are_forecast_as_float64():
    for data in (seasonal(), growing()):
        single = data.astype(np.float32)
        assert np.array_equal(quantiles(single), quantiles(single.astype(np.float64)))
        np.testing.assert_allclose(quantiles(single), quantiles(data), rtol=1e-3, atol=1e-2)
    whole = np.round(30 * seasonal()).astype(np.int8)
    assert np.array_equal(quantiles(whole), quantiles(whole.astype(np.float64)))
    large = (2.0**62 + 2.0**50 * np.round(seasonal())).astype(np.int64)
    assert abs(quantiles(large) - 2.0**62).max() < 10 * 2.0**50


@METHODS
@pytest.mark.parametrize("value", [0.0, 5.0, 0.1, 0.001, -1e-13, 1e300])
@pytest.mark.parametrize("intervals", ["model", "conformal"])
def test_a_series_that_never_changed_is_forecast_as_its_value_with_all_quantiles(method, value, intervals, tmp_path):
    data = np.stack([growing(), np.full(96, value), seasonal()])
    options = {**TINY, "season_length": 12, "method": method, "intervals": intervals}
    with pytest.warns(UserWarning, match="series '1': every value is the same, so the forecast will be that value"):
        forecaster = Forecaster(**options).fit(data)
    assert (forecaster.predict_quantiles(horizon=30)[1] == value).all()
    forecaster.save(tmp_path / "model")
    loaded = unrolled.load(tmp_path / "model")
    assert np.array_equal(loaded.predict_quantiles(), forecaster.predict_quantiles())
    longer = np.concatenate([data, data[:, -12:]], axis=1)
    assert (forecaster.predict_quantiles(longer)[1] == value).all()
    assert np.isfinite(forecaster.validation_losses_).all()


@METHODS
def test_series_that_never_changed_say_nothing_of_the_intervals_of_others(method):
    data = np.concatenate([[growing(), seasonal()], np.full((18, 96), 3.0)])
    with pytest.warns(UserWarning, match="'4' and 15 more: every value is the same"):
        found = quantiles(data, method=method, intervals="conformal")
    assert (found[:2, :, 2] > found[:2, :, 0]).all()
    with pytest.warns(UserWarning, match="every value is the same"):
        found = quantiles(data[1:], method="smoothing", intervals="conformal", horizon=8)
    assert (found[0, :, 2] > found[0, :, 0]).all()


def test_a_series_alone_that_never_changed():
    for value in (0.0, 14.62):
        with pytest.warns(UserWarning, match="the series: every value is the same"):
            forecaster = Forecaster(**TINY).fit(np.full(60, value))
        assert (forecaster.predict_quantiles(horizon=20) == value).all()


@METHODS
def test_a_series_that_changes_after_training_is_forecast_from_what_it_does_then(method, tmp_path):
    data = np.stack([growing(), np.zeros(96)])
    with pytest.warns(UserWarning, match="every value is the same"):
        forecaster = Forecaster(**TINY, season_length=12, method=method, refit=False).fit(data)
    opened = np.concatenate([data, np.stack([growing()[-24:], 100 + 10 * seasonal(24)])], axis=1)
    found = forecaster.predict_quantiles(opened)
    assert np.isfinite(found).all()
    assert (found[1, :, 2] > found[1, :, 0]).all()
    assert found[1].max() > 10
    assert forecaster.evaluate(opened).accuracy["forecast"].mae < 200


@METHODS
def test_a_series_that_changes_once_in_the_steps_kept_back(method, tmp_path):
    data = np.stack([growing(), np.r_[np.full(95, 5.0), 6.0]])
    for refit in (True, False):
        forecaster = Forecaster(**TINY, season_length=12, method=method, refit=refit).fit(data)
        assert np.isfinite(forecaster.validation_losses_).all()
        found = forecaster.predict_quantiles()
        assert np.isfinite(found).all()
        assert abs(found[1] - 5.5).max() < 5
        forecaster.save(tmp_path / "model")
        assert np.array_equal(unrolled.load(tmp_path / "model").predict_quantiles(), found)


@METHODS
@pytest.mark.parametrize("spoiled", [0.0, -3.0])
def test_a_value_without_a_logarithm_in_the_steps_kept_back(method, spoiled):
    data = growing()
    assert Forecaster(**TINY, season_length=12, method=method).fit(data).model_.scalings[0].log
    data[-3] = spoiled
    forecaster = Forecaster(**TINY, season_length=12, method=method).fit(data)
    assert np.isfinite(forecaster.validation_losses_).all()
    assert not forecaster.model_.scalings[0].log
    assert np.isfinite(forecaster.predict_quantiles()).all()


@METHODS
def test_a_value_without_a_logarithm_that_comes_later(method):
    data = growing(108)
    forecaster = Forecaster(**TINY, season_length=12, method=method).fit(data[:96])
    data[100] = 0
    with pytest.raises(InputError, match=r"modelled on its logarithm, but holds 0 at row 100 \(counted from 0\)"):
        forecaster.predict(data)
    assert np.isfinite(forecaster.evaluate(data).accuracy["forecast"].mae)  # only compared with
    data[[90, 100]] = data[[100, 90]]
    with pytest.raises(InputError, match="modelled on its logarithm, but holds 0 at row 90"):
        forecaster.evaluate(data)
    data[[90, 100]] = data[[100, 90]]  # after the first origin of a backtest
    for refit in (False, True):
        result = Forecaster(**TINY, season_length=12, method=method, horizon=4).backtest(data, windows=3, refit=refit)
        assert np.isfinite(result.forecasts).all()
        assert np.isfinite(result.accuracy["forecast"].mae)


@METHODS
@pytest.mark.parametrize("noise", [0, 1e-11, 1e-6])
@pytest.mark.parametrize("years", [2, 4])
@pytest.mark.parametrize("distribution", ["quantiles", "student_t"])
def test_years_that_are_almost_equal(method, noise, years, distribution):
    rng = np.random.default_rng(0)
    year = 100 + 10 * rng.normal(size=12)
    for level in (year, np.exp(year / 20)):
        data = np.tile(level, years) * (1 + noise * rng.normal(size=12 * years))
        found = quantiles(data, method=method, distribution=distribution)[0]
        np.testing.assert_allclose(found[:12, 1], level, rtol=0.05, atol=0.05 * np.ptp(level))


@METHODS
def test_a_tail_far_above_what_was_learned_first_can_be_learned_from(method):
    """Quantiles of what is left over that lie a hundred and more units apart: the head's first bias must be finite."""
    rng = np.random.default_rng(0)
    data = np.r_[1e-6 * rng.normal(size=90), 10 + rng.normal(size=30)]
    found = quantiles(data, method=method)
    assert np.isfinite(found).all()
    assert abs(found).max() < 1e3


@METHODS
def test_a_far_value_in_the_history_leaves_a_forecast(method):
    forecaster = Forecaster(**TINY, season_length=12, method=method).fit(seasonal())
    for far in (1e30, -1e300):
        data = seasonal(120)
        data[-1] = far
        assert np.isfinite(forecaster.predict_quantiles(data)).all()
    data = seasonal()
    data[50] = 1e12
    with pytest.warns(
        UserWarning, match=r"the series: 1e\+12 at row 50 \(counted from 0\) is so far from the other values"
    ):
        assert np.isfinite(quantiles(data, method=method)).all()


def test_a_covariate_that_never_changed_means_nothing_when_it_does():
    data = pl.DataFrame({"y": growing(), "price": np.full(96, 1.1), "tax": np.full(96, 1e-13)})
    forecaster = Forecaster(**TINY, season_length=12).fit(data, target="y", future=["price"], past=["tax"])
    forecasts = []
    for price in (1.1, 1.2, 1e9, -1.0):
        forecasts.append(forecaster.predict(future=pl.DataFrame({"price": np.full(12, price)}))["y"].to_list())
    assert forecasts == forecasts[:1] * 4


@pytest.mark.parametrize("dates", [None, "D"])
def test_a_season_that_no_calendar_names_is_found_and_said(dates):
    wave = np.sin(2 * np.pi * np.arange(220) / 20)
    data = wave[:200]
    if dates is not None:
        data = pl.DataFrame({"day": np.datetime64("2024-01-01") + np.arange(200), "level": data})
    forecaster = Forecaster(**TINY).fit(data)
    assert (forecaster.season_length_, forecaster.horizon_) == (20, 20)
    assert "the season is 20 steps, after which the values repeat; season_length= sets another" in forecaster.inferred_
    assert abs(forecaster.predict_quantiles()[0] - wave[200:, None]).max() < 1e-3
    assert Forecaster(**TINY, season_length=1).fit(data).season_length_ == 1
