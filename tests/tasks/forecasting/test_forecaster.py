"""The forecaster from data to forecast: frames of every kind, panels, arrays, histories, horizons, files."""

import subprocess
import sys
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import unrolled
from unrolled import Forecaster
from unrolled.metrics.forecasts import Evaluation

TINY = {"members": 2, "hidden_size": 4, "max_epochs": 6, "random_state": 0}


def monthly(n=60, start="2001-01", scale=100.0):
    t = np.arange(n)
    months = np.datetime64(start, "M") + t
    noise = 0.01 * np.random.default_rng(0).normal(size=n)
    return months, scale * np.exp(0.01 * t + 0.2 * np.sin(2 * np.pi * t / 12) + noise)


@pytest.fixture(scope="module")
def frame():
    months, values = monthly()
    return pl.DataFrame({"month": months.astype("datetime64[D]"), "sold": values})


@pytest.fixture(scope="module")
def fitted(frame):
    return Forecaster(**TINY).fit(frame)


def test_polars_in_polars_out(fitted):
    forecast = fitted.predict()
    assert isinstance(forecast, pl.DataFrame)
    assert forecast.columns == ["month", "sold", "sold_q10", "sold_q90"]
    assert [str(day) for day in forecast["month"].to_list()[::11]] == ["2006-01-01", "2006-12-01"]
    assert (forecast["sold_q10"] <= forecast["sold"]).all()
    assert (forecast["sold"] <= forecast["sold_q90"]).all()


def test_pandas_and_arrow_give_the_same_numbers_in_their_own_kind(frame, fitted):
    expected = fitted.predict()
    from_pandas = Forecaster(**TINY).fit(pd.DataFrame(frame.to_dict(as_series=False))).predict()
    assert isinstance(from_pandas, pd.DataFrame)
    assert from_pandas["sold_q90"].tolist() == expected["sold_q90"].to_list()
    months, values = monthly()
    indexed = pd.DataFrame({"sold": values}, index=pd.DatetimeIndex(months.astype("datetime64[ns]"), name="month"))
    from_index = Forecaster(**TINY).fit(indexed).predict()
    assert from_index.index.name == "month"
    assert from_index["sold"].tolist() == expected["sold"].to_list()
    from_arrow = Forecaster(**TINY).fit(pa.table({"month": months.astype("datetime64[s]"), "sold": values})).predict()
    assert isinstance(from_arrow, pa.Table)
    assert from_arrow["sold"].to_pylist() == expected["sold"].to_list()


def test_arrays_in_arrays_out(tmp_path):
    values = np.stack([monthly()[1], monthly(scale=3.0)[1]])
    forecaster = Forecaster(season_length=12, **TINY).fit(values)
    assert forecaster.predict().shape == (2, 12)
    assert forecaster.predict_quantiles(horizon=5).shape == (2, 5, 3)
    single = Forecaster(season_length=12, **TINY).fit(values[0])
    assert single.predict().shape == (12,)
    assert single.predict(values[1]).shape == (12,)
    forecaster.save(tmp_path / "model")
    np.testing.assert_array_equal(unrolled.load(tmp_path / "model").predict(values), forecaster.predict())


def test_what_was_inferred_is_said(fitted):
    said = " ".join(fitted.inferred_)
    for part in ("time is 'month'", "'sold'", "one row a month", "the season is 12 steps", "on its logarithm"):
        assert part in said


def test_a_growing_seasonal_series_is_forecast_well(frame):
    forecaster = Forecaster(members=2, random_state=0).fit(frame.head(48))
    evaluation = forecaster.evaluate(frame)
    assert evaluation.accuracy["forecast"].mae < 0.25 * evaluation.accuracy["seasonal naive"].mae
    assert forecaster.score(frame) == evaluation.skill > 0.75


def test_validation_is_on_steps_training_never_saw(frame, fitted):
    assert isinstance(fitted.validation_, Evaluation)
    assert 0 <= fitted.validation_.coverage <= 1
    assert fitted.epochs_ <= len(fitted.validation_losses_) == len(fitted.losses_)
    # whatever the tail holds, training until its choice does not change
    spoiled = frame.with_columns(pl.when(pl.int_range(60) < 48).then("sold").otherwise(pl.col("sold") * 3 + 7))
    other = Forecaster(**TINY).fit(spoiled)
    n = min(len(other.losses_), len(fitted.losses_))
    assert other.losses_[:n] == fitted.losses_[:n]
    assert other.validation_losses_ != fitted.validation_losses_


def test_without_refit_the_tail_stays_unseen(frame, fitted):
    forecaster = Forecaster(**TINY, refit=False).fit(frame)
    assert forecaster.predict()["month"][0].isoformat() == "2006-01-01"
    assert forecaster.losses_ == fitted.losses_
    tail = frame.with_columns(pl.when(pl.int_range(60) < 48).then("sold").otherwise(pl.col("sold") * 1.1))
    other = Forecaster(**TINY, refit=False).fit(tail)
    if other.epochs_ == forecaster.epochs_:
        one, two = (each.model_.network.tensors["members.0.head.weight"] for each in (other, forecaster))
        assert (one == two).all()


def test_short_series_are_judged_by_less_than_a_horizon(frame):
    forecaster = Forecaster(**TINY).fit(frame.head(30))
    assert forecaster.validation_.horizon == 6 == forecaster.validation_.cases
    assert forecaster.validation_losses_ == []
    assert forecaster.epochs_ == TINY["max_epochs"]


def test_series_too_short_for_a_network_are_forecast_without_one(frame):
    forecaster = Forecaster(**TINY).fit(frame.head(14))
    assert forecaster.model_.network is None
    assert forecaster.parts_["network"] == 0
    assert sum(forecaster.parts_.values()) == pytest.approx(1)
    assert any("there is no network" in sentence for sentence in forecaster.inferred_)
    assert forecaster.predict().height == 8


def test_the_same_seed_gives_the_same_bits(frame, fitted):
    again = Forecaster(**TINY).fit(frame)
    assert again.predict().equals(fitted.predict())
    assert again.losses_ == fitted.losses_
    assert not Forecaster(**{**TINY, "random_state": 1}).fit(frame).predict().equals(fitted.predict())
    drawn = Forecaster(**{**TINY, "random_state": None}).fit(frame)
    repeated = Forecaster(**{**TINY, "random_state": drawn.seed_}).fit(frame)
    assert repeated.predict().equals(drawn.predict())


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru_reset_before"])
def test_every_cell_and_depth(frame, cell, tmp_path):
    forecaster = Forecaster(**TINY, cell=cell, num_layers=2).fit(frame)
    forecaster.save(tmp_path / "model")
    assert unrolled.load(tmp_path / "model").predict().equals(forecaster.predict())


def test_beyond_the_horizon_forecasts_are_fed_back(fitted):
    near, far = fitted.predict_quantiles(), fitted.predict_quantiles(horizon=30)
    assert far.shape == (1, 30, 3)
    np.testing.assert_array_equal(far[:, :12], near)
    width = np.log(far[0, :, 2] / far[0, :, 0])
    assert width[12] > width[11]  # what is fed back is uncertain itself
    assert width[24] > width[23]


def test_a_new_history_of_the_same_series(frame, fitted):
    months, values = monthly(72)
    longer = pl.DataFrame({"month": months.astype("datetime64[D]"), "sold": values})
    assert str(fitted.predict(longer)["month"][0]) == "2007-01-01"
    # known from its start, the old rows say the same whether or not they come with new ones
    assert fitted.predict(longer.head(60)).equals(fitted.predict())
    later = fitted.predict(longer.tail(40))
    assert str(later["month"][0]) == "2007-01-01"
    truth = monthly(84)[1][72:]
    assert np.abs(later["sold"].to_numpy() / truth - 1).mean() < 0.1


def test_a_panel_of_series_of_their_own_lengths():
    rows = []
    for name, n, scale in (("north", 60, 100.0), ("south", 45, 5.0)):
        months, values = monthly(n, scale=scale)
        rows.append(pl.DataFrame({"month": months.astype("datetime64[D]"), "shop": [name] * n, "sold": values}))
    panel = pl.concat(rows).sample(fraction=1.0, shuffle=True, seed=0)
    forecaster = Forecaster(**TINY, batch_size=1, quantiles=(0.05, 0.5)).fit(panel)
    forecast = forecaster.predict()
    assert forecast.columns == ["month", "shop", "sold", "sold_q5"]
    assert forecast.group_by("shop", maintain_order=True).len()["len"].to_list() == [12, 12]
    assert str(forecast.filter(pl.col("shop") == "south")["month"][0]) == "2004-10-01"
    only = forecaster.predict(panel.filter(pl.col("shop") == "south"))
    assert only.equals(forecast.filter(pl.col("shop") == "south"))
    stranger = rows[0].with_columns(pl.lit("west").alias("shop"), pl.col("sold") * 7)
    assert forecaster.predict(stranger)["shop"].unique().to_list() == ["west"]


def test_backtest_never_shows_what_came_after(frame):
    forecaster = Forecaster(**TINY, input_window=6, horizon=3)
    result = forecaster.backtest(frame, windows=3, step=4)
    assert not hasattr(forecaster, "model_")
    assert result.cases == 3
    assert result.forecasts.columns == ["window", "month", "sold_actual", "sold", "sold_q10", "sold_q90"]
    assert result.forecasts["window"].to_list() == [1] * 3 + [2] * 3 + [3] * 3
    assert (
        result.forecasts["sold_actual"].to_list()
        == frame["sold"].to_list()[49:52] + frame["sold"].to_list()[53:56] + frame["sold"].to_list()[57:]
    )
    by_hand = Forecaster(**TINY, input_window=6, horizon=3).fit(frame.head(49))
    assert by_hand.predict()["sold"].to_list() == result.forecasts["sold"].to_list()[:3]
    assert by_hand.predict(frame.head(53))["sold"].to_list() == result.forecasts["sold"].to_list()[3:6]
    again = forecaster.backtest(frame, windows=2, step=4, refit=True)
    assert (
        again.forecasts["sold"][3]
        == Forecaster(**TINY, input_window=6, horizon=3).fit(frame.head(57)).predict()["sold"][0]
    )
    assert "2 forecasts of 3 steps" in str(again)


def test_backtest_of_a_panel_names_the_series(frame):
    panel = pl.concat([frame.with_columns(pl.lit(name).alias("shop")) for name in ("a", "b")])
    forecasts = Forecaster(**TINY, horizon=2).backtest(panel, windows=2).forecasts
    assert forecasts["shop"].to_list() == ["a", "a", "b", "b"] * 2
    sold = frame["sold"].to_list()
    assert forecasts["sold_actual"].to_list() == sold[56:58] * 2 + sold[58:] * 2


def test_backtest_of_arrays():
    values = monthly()[1]
    assert Forecaster(**TINY, horizon=4).backtest(values, windows=2).forecasts.shape == (2, 4)
    assert Forecaster(**TINY, horizon=4).backtest(np.stack([values, values]), windows=2).forecasts.shape == (2, 2, 4)


def test_covariates_known_ahead_help():
    rng = np.random.default_rng(0)
    promotion = (rng.random(132) < 0.3).astype(float)
    sold = 20 + 10 * promotion + rng.normal(size=132)
    days = np.datetime64("2020-01-01") + np.arange(132)
    data = pl.DataFrame({"day": days, "sold": sold, "promotion": promotion})
    options = {"members": 2, "horizon": 12, "random_state": 0}
    blind = Forecaster(**options).fit(data.head(120), target="sold")
    seeing = Forecaster(**options).fit(data.head(120), target="sold", future=["promotion"])
    ahead = data.tail(12).select("day", "promotion")
    forecast = seeing.predict(future=ahead)
    error = np.abs(forecast["sold"].to_numpy() - sold[120:]).mean()
    assert error < 0.5 * np.abs(blind.predict()["sold"].to_numpy() - sold[120:]).mean()
    assert error < 2
    # rows before the forecast may be there too, the rest is not needed
    assert seeing.predict(future=data.select("day", "promotion").tail(20)).equals(forecast)
    assert seeing.evaluate(data).accuracy["forecast"].mae == pytest.approx(error)


def test_past_covariates_help():
    rng = np.random.default_rng(0)
    signal = rng.normal(size=240)
    sold = np.concatenate([[0.0], 3 * signal[:-1]]) + 0.3 * rng.normal(size=240) + 50  # yesterday's signal sells today
    data = pl.DataFrame({"step": np.arange(240), "sold": sold, "signal": signal})
    options = {"members": 1, "horizon": 1, "input_window": 4, "random_state": 0, "dropout": 0.0, "learning_rate": 0.03}
    blind = Forecaster(**options).backtest(data.drop("signal"), windows=20)
    fitted = Forecaster(**{**options, "max_epochs": 1}).fit(data.head(200), target="sold", past=["signal"])
    seeing = fitted.set_params(max_epochs=100).backtest(data, windows=20)
    assert seeing.accuracy["forecast"].mae < 0.7 * blind.accuracy["forecast"].mae


def diverging(names, rng):
    """Series of 14 steps that look alike for 6 and then go up or down, by kind."""
    rows = []
    for i, name in enumerate(names):
        slope = 1 if i % 2 else -1
        values = 100 + rng.normal(scale=0.5, size=14) + slope * np.maximum(np.arange(14) - 5, 0)
        rows.append(pl.DataFrame({"step": np.arange(14), "id": [name] * 14, "y": values, "kind": [i % 2] * 14}))
    return pl.concat(rows)


def test_static_covariates_tell_series_apart(network_error):
    rng = np.random.default_rng(0)
    seen, new = diverging([f"s{i}" for i in range(24)], rng), diverging([f"new{i}" for i in range(20)], rng)
    options = {"members": 1, "horizon": 8, "input_window": 4, "random_state": 0, "max_epochs": 40, "batch_size": 6}
    roles = {"target": "y", "series": "id", "time": "step"}
    blind = network_error(Forecaster(**options).fit(seen.drop("kind"), **roles), new.drop("kind"))
    seeing = network_error(Forecaster(**options).fit(seen, **roles, static=["kind"]), new)
    assert seeing < 0.7 * blind


NO_TORCH = """
import sys
sys.modules["torch"] = None
import numpy as np, unrolled
forecaster = unrolled.load(sys.argv[1])
np.save(sys.argv[2], forecaster.predict_quantiles(horizon=20))
assert type(forecaster) is unrolled.Forecaster
assert forecaster.predict().columns[0] == "month"
try:
    forecaster.fit(np.arange(99.0))
except unrolled.MissingExtraError as error:
    assert "pip install '.[train]'" in str(error), error
else:
    raise AssertionError
"""


def test_a_process_without_torch_predicts_the_same_bits(fitted, tmp_path):
    fitted.save(tmp_path / "model")
    command = [sys.executable, "-c", NO_TORCH, str(tmp_path / "model"), str(tmp_path / "out.npy")]
    subprocess.run(command, check=True)
    np.testing.assert_array_equal(np.load(tmp_path / "out.npy"), fitted.predict_quantiles(horizon=20))


def test_a_saved_forecaster_is_the_same_in_everything(fitted, frame, tmp_path):
    fitted.save(tmp_path / "model")
    loaded = unrolled.load(tmp_path / "model")
    assert loaded.get_params() == fitted.get_params()
    for name in ("inferred_", "validation_", "losses_", "validation_losses_", "epochs_", "seed_", "columns_"):
        assert getattr(loaded, name) == getattr(fitted, name), name
    assert loaded.predict(frame, horizon=15).equals(fitted.predict(frame, horizon=15))
    loaded.save(tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == (tmp_path / "model").read_bytes()


def test_covariates_survive_the_file(tmp_path):
    steps = np.arange(40)
    data = pl.DataFrame({"step": steps, "y": np.sin(steps) + 5, "a": np.cos(steps), "b": steps % 3, "c": [1.5] * 40})
    forecaster = Forecaster(**TINY, horizon=4)
    forecaster.fit(data, target="y", time="step", past=["a"], future=["b"], static=["c"])
    ahead = pl.DataFrame({"step": np.arange(40, 52), "b": np.arange(40, 52) % 3})
    forecaster.save(tmp_path / "model")
    expected = forecaster.predict(future=ahead, horizon=10)
    assert unrolled.load(tmp_path / "model").predict(future=ahead, horizon=10).equals(expected)
    assert expected["step"].to_list() == list(range(40, 50))


def test_a_constant_series_warns_and_stays_constant():
    with pytest.warns(UserWarning, match="every value is the same"):
        forecaster = Forecaster(**TINY).fit(np.full(40, 7.0))
    np.testing.assert_allclose(forecaster.predict_quantiles(horizon=20), 7.0, atol=0.1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Forecaster(**TINY).fit(np.r_[np.full(39, 7.0), 7.5])


def test_a_season_longer_than_half_the_series_is_left_out(frame):
    forecaster = Forecaster(**TINY).fit(frame.head(20))
    assert (forecaster.season_length_, forecaster.horizon_, forecaster.input_window_) == (1, 8, 8)
    assert "the season of 12 steps is left out: no series is two seasons long" in forecaster.inferred_


def test_progress_is_told(frame):
    told = []
    Forecaster(**{**TINY, "callback": told.append}).fit(frame)
    assert {progress.phase for progress in told} == {"validating", "training"}
    assert told[0].step == 1
