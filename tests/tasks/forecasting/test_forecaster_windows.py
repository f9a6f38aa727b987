"""The forecaster's other method, its other distribution and its other intervals, from data to forecast."""

import subprocess
import sys

import numpy as np
import polars as pl
import pytest

import unrolled
from unrolled import Forecaster
from unrolled.errors import InputError
from unrolled.tasks.forecasting.history import History
from unrolled.tasks.forecasting.model import PARTS
from unrolled.tasks.forecasting.networks import MANY_WINDOWS

TINY = {"method": "windows", "members": 1, "hidden_size": 4, "max_epochs": 3, "random_state": 0, "season_length": 6}


def panel(N=6, n=120, seed=0, first=0):
    """Series of their own levels, sizes and phases, with a season of six steps."""
    rng = np.random.default_rng(seed)
    t = np.arange(n)
    rows = []
    for i in range(N):
        size = rng.uniform(1, 9)
        wave = np.sin(2 * np.pi * (t + rng.integers(6)) / 6) + 0.3 * rng.normal(size=n) + rng.uniform(-5, 5)
        rows.append(pl.DataFrame({"id": [f"s{first + i}"] * n, "step": t, "y": size * wave}))
    return pl.concat(rows)


ROLES = {"target": "y", "time": "step", "series": "id"}


@pytest.fixture(scope="module")
def fitted():
    return Forecaster(**TINY, horizon=6).fit(panel(), **ROLES)


def test_windows_and_kept_back_steps(fitted):
    assert fitted.method_ == "windows"
    assert fitted.input_window_ == 60  # half the series: ten seasons
    assert (fitted.validation_.cases, fitted.validation_.horizon) == (6 * 3, 6)  # a sixth of the steps
    assert fitted.predict().shape == (36, 5)
    assert any("one row a step" in line for line in fitted.inferred_)


def test_the_tail_kept_back_is_never_trained_on(fitted):
    spoiled = panel().with_columns(pl.when(pl.col("step") < 102).then("y").otherwise(pl.col("y") * 3 + 7))
    other = Forecaster(**TINY, horizon=6).fit(spoiled, **ROLES)
    assert other.losses_ == fitted.losses_
    assert other.validation_losses_ != fitted.validation_losses_
    earlier = panel().with_columns(pl.when(pl.col("step") != 101).then("y").otherwise(pl.col("y") + 1))
    assert Forecaster(**TINY, horizon=6).fit(earlier, **ROLES).losses_ != fitted.losses_


def test_the_method_is_chosen_by_the_data():
    few, many = np.zeros((1, 200)) + np.arange(200), np.zeros((60, 400)) + np.arange(400) % 7
    options = {"season_length": 6, "horizon": 6}
    shape = Forecaster(**options).shape_for
    from unrolled.data.panel import read_panel

    assert shape(read_panel(few)).method == "smoothing"
    assert shape(read_panel(many)).method == "windows"
    assert (shape(read_panel(few)).input_window, shape(read_panel(many)).input_window) == (6, 84)
    assert (shape(read_panel(few)).hidden_size, shape(read_panel(many)).hidden_size) == (16, 128)
    exact = np.zeros((1, MANY_WINDOWS + 84 + 6 - 1)) + np.arange(MANY_WINDOWS + 89) % 7
    assert shape(read_panel(exact)).method == "windows"
    assert shape(read_panel(exact[:, 1:])).method == "smoothing"
    forecaster = Forecaster(**options, hidden_size=2, members=1, max_epochs=1, batch_size=10_000).fit(many)
    assert "there are 18660 windows to learn from: one network reads them without smoothing" in forecaster.inferred_


def test_seasonal_series_are_forecast_better_than_by_repeating():
    data = panel(8, 160)
    forecaster = Forecaster(method="windows", season_length=6, random_state=0, max_epochs=8, hidden_size=8)
    evaluation = forecaster.fit(data.filter(pl.col("step") < 154), **ROLES).evaluate(data)
    assert evaluation.accuracy["forecast"].mae < 0.85 * evaluation.accuracy["seasonal naive"].mae
    assert evaluation.mase == evaluation.accuracy["forecast"].mase < 1
    assert evaluation.smape == evaluation.accuracy["forecast"].smape


def test_a_series_fit_never_saw(fitted):
    stranger = panel(1, 80, seed=9, first=100)
    forecast = fitted.predict(stranger)
    assert forecast["id"].unique().to_list() == ["s100"]
    moved = fitted.predict(stranger.with_columns(pl.col("y") * 3 + 1000))
    np.testing.assert_allclose(moved["y"], forecast["y"] * 3 + 1000, rtol=1e-3)  # the same in other units
    with pytest.raises(InputError, match="series 's100' has 59 rows, which none of network can forecast from"):
        fitted.model_.forecast(History.from_panel(fitted.read(stranger.head(59))), 6, parts=("network",))


def test_a_forecast_is_the_same_alone_and_beside_others(fitted):
    data = panel()
    together = fitted.predict_quantiles(data)
    for i in (0, 5):
        alone = fitted.predict_quantiles(data.filter(pl.col("id") == f"s{i}"))
        np.testing.assert_array_equal(alone[0], together[i])


def test_beyond_the_horizon_forecasts_are_fed_back(fitted):
    near, far = fitted.predict_quantiles(), fitted.predict_quantiles(horizon=15)
    np.testing.assert_array_equal(far[:, :6], near)
    assert (far[:, 6, 2] - far[:, 6, 0] > far[:, 5, 2] - far[:, 5, 0]).all()


def covariates(n=150, seed=0):
    """Sales that a promotion known ahead raises and yesterday's signal moves; the kind of shop means nothing."""
    rng = np.random.default_rng(seed)
    rows = []
    for i in range(6):
        promotion, signal = (rng.random(n) < 0.3).astype(float), rng.normal(size=n)
        y = 20 + 5 * promotion + 2 * np.r_[0, signal[:-1]] + 0.3 * rng.normal(size=n)
        columns = {"step": np.arange(n), "y": y, "promotion": promotion, "signal": signal, "kind": [i % 2] * n}
        rows.append(pl.DataFrame({"id": [f"s{i}"] * n, **columns}))
    return pl.concat(rows)


def test_covariates_help(tmp_path):
    data = covariates()
    options = {
        "method": "windows", "horizon": 1, "input_window": 8, "random_state": 0, "hidden_size": 8, "members": 1,
        "max_epochs": 8, "batch_size": 64, "learning_rate": 0.01, "dropout": 0.0, "refit": False,
    }  # fmt: skip
    errors = {}
    for name, told in {
        "none": {},
        "future": {"future": ["promotion"]},
        "all": {"future": ["promotion"], "past": ["signal"], "static": ["kind"], "distribution": "student_t"},
    }.items():
        forecaster = Forecaster(**options, distribution=told.pop("distribution", "quantiles"))
        forecaster.fit(data.filter(pl.col("step") < 140), **ROLES, **told)
        ends = [data.filter(pl.col("step") < end) for end in range(141, 151)]
        errors[name] = np.mean([forecaster.evaluate(end).accuracy["forecast"].mae for end in ends])
    assert errors["future"] < 0.8 * errors["none"]
    assert errors["all"] < 0.6 * errors["future"]
    ahead = data.filter(pl.col("step") == 140).select("id", "step", "promotion")
    expected = forecaster.predict(future=ahead)
    forecaster.save(tmp_path / "model")
    assert unrolled.load(tmp_path / "model").predict(future=ahead).equals(expected)


def diverging(names, rng):
    """Series that look alike for twelve steps and then go up or down, by kind."""
    rows = []
    for i, name in enumerate(names):
        y = 100 + rng.normal(scale=0.5, size=20) + (1 if i % 2 else -1) * np.maximum(np.arange(20) - 11, 0)
        rows.append(pl.DataFrame({"step": np.arange(20), "id": [name] * 20, "y": y, "kind": [i % 2] * 20}))
    return pl.concat(rows)


def test_static_covariates_tell_series_apart(network_error):
    rng = np.random.default_rng(0)
    seen, new = diverging([f"s{i}" for i in range(24)], rng), diverging([f"new{i}" for i in range(20)], rng)
    options = {
        "method": "windows",
        "horizon": 8,
        "input_window": 10,
        "members": 1,
        "hidden_size": 16,
        "random_state": 0,
    }
    options |= {"max_epochs": 40, "batch_size": 8, "learning_rate": 0.01}
    blind = network_error(Forecaster(**options).fit(seen.drop("kind"), **ROLES), new.drop("kind"))
    seeing = network_error(Forecaster(**options).fit(seen, **ROLES, static=["kind"]), new)
    assert seeing < 0.7 * blind


@pytest.mark.parametrize("method", ["smoothing", "windows"])
def test_conformal_intervals_hold_what_they_promise(method):
    """Of series that grew restless after most of what the network learns from; 4 x 300 values came."""
    deviation = np.where(np.arange(48) < 28, 1.0, 4.0)
    values = 50 + deviation * np.random.default_rng(0).normal(size=(300, 48))
    inside = {}
    for intervals in ("model", "conformal"):
        forecaster = Forecaster(
            method=method, intervals=intervals, members=1, hidden_size=2, max_epochs=1, horizon=4, input_window=8,
            batch_size=300, random_state=0, refit=False, oldest_weight=1.0, learning_rate=1e-4,
        )  # fmt: skip
        low, _, high = np.moveaxis(forecaster.fit(values[:, :44]).predict_quantiles(), -1, 0)
        inside[intervals] = ((low <= values[:, 44:]) & (values[:, 44:] <= high)).mean()
        stretched = method == "windows" and intervals == "conformal"
        assert (forecaster.model_.factors is not None) == stretched
    assert inside["model"] < 0.65
    assert inside["conformal"] == pytest.approx(0.8, abs=0.05)


def test_conformal_factors_stretch_the_networks_own_quantiles(fitted):
    forecaster = Forecaster(**TINY, horizon=6, intervals="model").fit(panel(), **ROLES)
    own, stretched = forecaster.predict_quantiles(), fitted.predict_quantiles()
    np.testing.assert_allclose(stretched[..., 1], own[..., 1], rtol=1e-12)
    factors = fitted.model_.factors
    assert factors.shape == (6, 3)
    assert np.ptp(factors, axis=0).max() == 0  # eighteen forecasts are too few for a factor a step
    for scaling, before, after in zip(fitted.model_.scalings, own, stretched, strict=True):
        z = scaling.transform(before)
        expected = z[:, 1] + factors[:, 2] * (z[:, 2] - z[:, 1])
        np.testing.assert_allclose(scaling.transform(after[:, 2]), expected, rtol=1e-9)
    assert forecaster.validation_.accuracy == fitted.validation_.accuracy


def test_intervals_that_too_little_is_kept_back_for_are_wider_and_not_refused():
    values = np.sin(np.arange(30.0)) + 0.1 * np.random.default_rng(0).normal(size=30)
    options = {**TINY, "horizon": 6, "input_window": 6, "quantiles": (0.01,), "method": "windows"}
    forecaster = Forecaster(**options).fit(values)
    assert forecaster.model_.factors is None
    assert (forecaster.predict_quantiles()[0, :, 0] < forecaster.predict_quantiles()[0, :, 1]).all()


NO_TORCH = """
import sys
sys.modules["torch"] = None
import numpy as np, unrolled
forecaster = unrolled.load(sys.argv[1])
np.save(sys.argv[2], forecaster.predict_quantiles(horizon=20))
"""


@pytest.mark.parametrize("method", ["smoothing", "windows"])
def test_a_process_without_torch_predicts_the_same_bits(method, tmp_path):
    options = {**TINY, "method": method, "distribution": "student_t", "intervals": "conformal", "horizon": 6}
    forecaster = Forecaster(**options).fit(panel(3), **ROLES)
    forecaster.save(tmp_path / "model")
    command = [sys.executable, "-c", NO_TORCH, str(tmp_path / "model"), str(tmp_path / "out.npy")]
    subprocess.run(command, check=True)
    np.testing.assert_array_equal(np.load(tmp_path / "out.npy"), forecaster.predict_quantiles(horizon=20))
    loaded = unrolled.load(tmp_path / "model")
    assert loaded.get_params() == forecaster.get_params()
    assert (loaded.method_, loaded.validation_) == (method, forecaster.validation_)
    loaded.save(tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == (tmp_path / "model").read_bytes()


def test_backtest_keeps_the_method_and_shows_nothing_of_what_came():
    data = panel(3, 100)
    result = Forecaster(**TINY, horizon=6).backtest(data, windows=2)
    by_hand = Forecaster(**TINY, horizon=6, input_window=48).fit(data.filter(pl.col("step") < 88), **ROLES)
    first = result.forecasts.filter(pl.col("window") == 1)
    assert first["y"].to_list() == by_hand.predict()["y"].to_list()


def test_the_forecast_of_some_of_the_parts(fitted):
    model = fitted.model_
    alone = model.forecast(model.trained, 6, parts=("trend",))[..., 1]
    by_hand = model.methods.forecast(
        [scaling.transform(values) for scaling, values in zip(model.scalings, model.trained.values, strict=True)], 6
    )[PARTS.index("trend")]
    expected = [scaling.inverse(z) for scaling, z in zip(model.scalings, by_hand, strict=True)]
    np.testing.assert_allclose(alone, expected, rtol=1e-9)
    assert not np.array_equal(alone, model.forecast(model.trained, 6)[..., 1])


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"method": "global"}, "method is 'global', expected one of auto, smoothing, windows"),
        ({"distribution": "normal"}, "distribution is 'normal', expected one of quantiles, student_t"),
        ({"intervals": "wide"}, "intervals is 'wide', expected one of model, conformal"),
        ({"oldest_weight": 2.0}, "oldest_weight is 2.0"),
        ({"batch_size": 0}, "batch_size is 0"),
    ],
)
def test_parameters(params, message):
    with pytest.raises(InputError, match=message):
        Forecaster(**{**TINY, **params}).fit(np.arange(100.0))
