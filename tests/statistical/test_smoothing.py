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


def ours(z, season, gains, level=0.3, trend=0.2):
    start = Start(np.array([level]), np.array([trend]), season[:, None])
    return Gains(*(np.array([gain]) for gain in gains)), start


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
