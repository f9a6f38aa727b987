"""Exponential smoothing with a damped trend and a season, against statsmodels' state space models."""

import numpy as np
import pytest

from unrolled.statistical.smoothing import Gains, Start, run, squared_errors

GAINS = {
    "level": (0.3, 0.0, 0.2, 0.0),
    "damped trend": (0.5, 0.1, 0.1, 0.9),
    "trend": (0.4, 0.2, 0.3, 1.0),
}


def example(T=40, m=4, seed=0):
    rng = np.random.default_rng(seed)
    season = rng.normal(size=m)
    return rng.normal(size=T).cumsum() + np.resize(season, T), season - season.mean()


def ours(z, season, gains, level=0.3, trend=0.2, bend=0.0):
    start = Start(np.array([level]), np.array([trend]), season[:, None])
    return Gains(*(np.array([gain]) for gain in (*gains, bend))), start


@pytest.mark.parametrize("name", GAINS)
def test_states_and_forecasts_are_those_of_statsmodels(name):
    from statsmodels.tsa.exponential_smoothing.ets import ETSModel

    z, season = example()
    alpha, beta, gamma, phi = GAINS[name]
    gains, start = ours(z, season, GAINS[name])
    states = run(z[:, None], gains, start)
    trended = {"trend": "add", "damped_trend": phi < 1} if phi else {}
    initial = {"initial_level": 0.3, "initial_seasonal": season, **({"initial_trend": 0.2} if phi else {})}
    model = ETSModel(
        z, error="add", seasonal="add", seasonal_periods=4, initialization_method="known", **trended, **initial
    )
    values = {
        "smoothing_level": alpha,
        "smoothing_trend": beta,
        "smoothing_seasonal": gamma,
        "damping_trend": phi,
        "initial_level": 0.3,
        "initial_trend": 0.2,
        **{f"initial_seasonal.{k}": season[::-1][k] for k in range(4)},
    }
    fitted = model.smooth([values[each] for each in model.param_names])
    np.testing.assert_allclose(states.levels[:, 0], fitted.level, rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(states.ahead(np.array([40]), 7)[0], fitted.forecast(7), rtol=1e-10, atol=1e-10)
    total = squared_errors(
        z[:, None], np.array([40]), gains, Start(start.level[None], start.trend[None], start.season[:, None].copy())
    )
    assert total[0, 0] == pytest.approx(float(np.square(fitted.resid).sum()), rel=1e-10)


def test_a_forecast_from_an_earlier_step_knows_nothing_later():
    z, season = example()
    gains, start = ours(z, season, GAINS["damped trend"])
    whole, part = run(z[:, None], gains, start), run(z[:25, None], gains, start)
    assert np.array_equal(whole.ahead(np.array([25]), 9), part.ahead(np.array([25]), 9))


def test_errors_end_with_each_series():
    z, season = example()
    gains, _ = ours(z, season, GAINS["trend"])
    both = np.stack([z, np.where(np.arange(40) < 30, z, 1e9)], axis=1)

    def start(n):
        return Start(np.full((n, 1), 0.3), np.full((n, 1), 0.2), np.repeat(season[:, None, None], n, axis=1))

    short = squared_errors(z[:30, None], np.array([30]), gains, start(1))
    assert squared_errors(both, np.array([40, 30]), gains, start(2))[1, 0] == short[0, 0]


def test_a_bent_trend_is_a_straight_line_of_what_the_logarithm_is_taken_of():
    z, season = example()
    c = 0.2
    line = np.exp(c * 3.0) + 0.07 * np.arange(1, 61)
    z = np.log(line) / c + np.resize(season, 60)
    gains, start = ours(z, season, GAINS["trend"], level=3.0, trend=0.07 / np.exp(c * 3.0) / c, bend=c)
    states = run(z[:40, None], gains, start)
    np.testing.assert_allclose(states.ahead(np.array([40]), 20)[0], z[40:], rtol=1e-12)
    total = squared_errors(
        z[:, None], np.array([60]), gains, Start(start.level[None], start.trend[None], start.season[:, None].copy())
    )
    assert total[0, 0] < 1e-20


def test_a_falling_line_ends_above_zero():
    gains, start = ours(np.zeros(60), np.zeros(1), (0.1, 0.02, 0.0, 1.0), level=0.0, trend=-0.2, bend=1.0)
    states = run(np.zeros((60, 1)), gains, start)
    assert np.abs(states.levels).max() < np.log(2) / 0.1  # it halves at most, and the errors lead it back
    start = Start(start.level, np.array([-0.4]), start.season)
    ahead = run(np.array([[np.log(0.6)]]), gains, start).ahead(np.array([1]), 3)[0]
    assert np.exp(ahead) == pytest.approx([0.2, 0.06, 0.06])
