"""Metrics and baselines on numbers worked out by hand."""

import numpy as np
import pytest

from unrolled.metrics.baselines import naive, seasonal_growth, seasonal_naive
from unrolled.metrics.forecast_errors import coverage, mae, mase, rmse, smape
from unrolled.metrics.forecasts import Case, Evaluation, evaluate_cases

ACTUAL, FORECAST = np.array([100.0, 200.0, 0.0, -50.0]), np.array([110.0, 180.0, 0.0, -30.0])


def test_errors_by_hand():
    assert mae(ACTUAL, FORECAST) == (10 + 20 + 0 + 20) / 4
    assert rmse(ACTUAL, FORECAST) == pytest.approx(np.sqrt((100 + 400 + 0 + 400) / 4))
    assert smape(ACTUAL, FORECAST) == pytest.approx(200 / 4 * (10 / 210 + 20 / 380 + 0 + 20 / 80))


def test_mase_by_hand():
    history = np.array([1.0, 4.0, 3.0, 8.0, 2.0])
    assert mase(ACTUAL, FORECAST, history, 1) == 12.5 / ((3 + 1 + 5 + 6) / 4)
    assert mase(ACTUAL, FORECAST, history, 2) == 12.5 / ((2 + 4 + 1) / 3)
    assert mase(ACTUAL, FORECAST, np.ones(5), 1) is None
    assert mase(ACTUAL, FORECAST, history, 5) is None


def test_coverage_includes_the_bounds():
    assert coverage(np.array([1.0, 2.0, 3.0]), np.array([1.0, 0.0, 0.0]), np.array([9.0, 2.0, 2.9])) == 2 / 3


def test_baselines_by_hand():
    history = np.array([1.0, 2.0, 3.0, 2.0, 4.0, 6.0])
    assert naive(history, 2, 3).tolist() == [6.0, 6.0]
    assert seasonal_naive(history, 4, 3).tolist() == [2.0, 4.0, 6.0, 2.0]
    assert seasonal_naive(history, 2, 9).tolist() == [6.0, 6.0]
    assert seasonal_growth(history, 4, 3).tolist() == [4.0, 8.0, 12.0, 8.0]
    assert seasonal_growth(history, 2, 4) is None
    assert seasonal_growth(-history, 2, 3) is None
    assert seasonal_growth(history, 2, 1) is None


@pytest.mark.parametrize("unit", [2.0**-1000, 1e-13, 1.0, 2.0**1000])
def test_a_season_that_repeats_but_for_rounding_has_no_scale_and_no_growth(unit):
    wave = unit * np.sin(2 * np.pi * np.arange(96) / 12)  # sums of a season are some 1e-16, either way
    assert mase(wave[:3], wave[:3] + unit, wave, 12) is None
    assert mase(wave[:3], wave[:3] + unit, wave, 7) is not None
    assert seasonal_growth(wave, 12, 12) is None
    assert seasonal_growth(np.full(4, 1.1 * unit), 2, 2).tolist() == [1.1 * unit] * 2


@pytest.mark.parametrize("unit", [2.0**-1000, 2.0**900])
def test_errors_follow_the_unit(unit):
    assert mae(ACTUAL * unit, FORECAST * unit) == mae(ACTUAL, FORECAST) * unit
    assert rmse(ACTUAL * unit, FORECAST * unit) == rmse(ACTUAL, FORECAST) * unit
    assert smape(ACTUAL * unit, FORECAST * unit) == smape(ACTUAL, FORECAST)
    history = np.array([1.0, 2.0, 3.0, 2.0, 4.0, 6.0])
    assert (seasonal_growth(history * unit, 4, 3) == seasonal_growth(history, 4, 3) * unit).all()


def case(actual, forecast):
    return Case(np.array([1.0, 2.0, 1.0, 3.0]), np.array(actual), np.array(forecast))


def test_evaluation_averages_over_cases():
    first = case([2.0, 3.0], [[1.0, 2.0, 3.0], [1.0, 2.0, 2.5]])
    second = case([5.0, 3.0], [[1.0, 2.0, 3.0], [1.0, 2.0, 4.0]])
    evaluation = evaluate_cases([first, second], 2, (0.1, 0.5, 0.9))
    assert evaluation.accuracy["forecast"].mae == (0 + 1 + 3 + 1) / 4
    assert evaluation.accuracy["seasonal naive"].mae == (1 + 0 + 4 + 0) / 4
    assert evaluation.accuracy["forecast"].mase == pytest.approx(((0.5 / 0.5) + (2 / 0.5)) / 2)
    assert evaluation.coverage == 2 / 4
    assert evaluation.nominal_coverage == pytest.approx(0.8)
    assert evaluation.skill == 1 - 1.25 / 1.25
    assert "50% of the values lie in the 80% interval" in str(evaluation)
    assert str(evaluation).splitlines()[1].split()[:2] == ["forecast", "1.25"]


def test_evaluation_without_interval_growth_or_scale():
    flat = Case(np.zeros(3), np.zeros(2), np.ones((2, 1)))
    evaluation = evaluate_cases([flat], 2, (0.5,))
    assert evaluation.coverage is None
    assert evaluation.nominal_coverage is None
    assert "seasonal naive x growth" not in evaluation.accuracy
    assert evaluation.accuracy["forecast"].mase is None
    assert evaluation.skill == -np.inf
    assert isinstance(evaluation, Evaluation)
    perfect = evaluate_cases([Case(np.zeros(3), np.zeros(2), np.zeros((2, 1)))], 2, (0.5,))
    assert perfect.skill == 1.0
