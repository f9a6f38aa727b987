"""Bad input of a forecaster: one error that names the culprit, and an earlier fit left as it was."""

from pathlib import Path

import msgspec
import numpy as np
import polars as pl
import pytest

import unrolled
from unrolled import Forecaster
from unrolled.errors import InputError, ModelFileError, TrainingError
from unrolled.runtime.model_file import read_model, write_model
from unrolled.tasks.forecasting.history import History

TINY = {"members": 1, "hidden_size": 2, "max_epochs": 2, "random_state": 0, "horizon": 4, "input_window": 4}
VALUES = np.sin(np.arange(40.0)) + 3
FRAME = pl.DataFrame({"step": np.arange(40), "y": VALUES, "price": np.arange(40) % 5})


@pytest.fixture(scope="module")
def fitted():
    return Forecaster(**TINY).fit(FRAME, target="y", time="step", future=["price"])


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"cell": "gruu"}, "cell is 'gruu', expected one of rnn, rnn_tanh"),
        ({"hidden_size": 0}, "hidden_size is 0, expected at least 1"),
        ({"hidden_size": 2.5}, "hidden_size"),
        ({"hidden_size": True}, "hidden_size"),
        ({"num_layers": -1}, "num_layers is -1"),
        ({"members": 0}, "members is 0"),
        ({"horizon": 0}, "horizon is 0, expected at least 1$"),
        ({"input_window": 0}, "input_window is 0"),
        ({"season_length": -4}, "season_length is -4"),
        ({"quantiles": (0.1, 1.0)}, r"quantiles is \(0.1, 1.0\), expected numbers between 0 and 1"),
        ({"quantiles": (0.1, 0.1)}, "quantiles .* expected different"),
        ({"quantiles": 0.5}, "quantiles is 0.5"),
        ({"quantiles": "half"}, "quantiles"),
        ({"dropout": 1.0}, "dropout is 1.0, expected from 0 to below 1"),
        ({"oldest_weight": 0.0}, "oldest_weight is 0.0, expected above 0, at most 1"),
        ({"learning_rate": 0.0}, "learning_rate is 0.0, expected above 0"),
        ({"learning_rate": float("nan")}, "learning_rate is nan"),
        ({"clip_norm": float("inf")}, "clip_norm is inf"),
        ({"random_state": -1}, "random_state is -1"),
        ({"missing": "guess"}, "missing is 'guess'"),
    ],
)
def test_parameters(params, message):
    with pytest.raises(InputError, match=message):
        Forecaster(**{**TINY, **params}).fit(VALUES)


def test_numpy_numbers_are_parameters_too():
    forecaster = Forecaster(
        **{**TINY, "hidden_size": np.int64(2), "dropout": np.float32(0), "quantiles": [np.float64(0.2)]}
    )
    assert forecaster.fit(VALUES).quantiles_ == (0.2, 0.5)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (np.r_[VALUES, np.nan], "nan at"),
        (np.r_[VALUES, np.inf], "inf at"),
        (np.array([]), "0 time steps"),
        (np.array([1.0]), "1 time steps, need at least 2"),
        (pl.DataFrame({"y": [1.0]}), "has 1 row, need at least 2"),
        (pl.DataFrame({"step": np.r_[np.arange(39), 3], "y": VALUES}), "duplicate"),
        (pl.DataFrame({"step": np.r_[np.arange(39), 50], "y": VALUES}), "39"),
        (pl.DataFrame({"step": np.arange(40), "y": ["a"] * 40}), "number"),
        ("no-such-file.csv", "no-such-file.csv: no such file"),
    ],
)
def test_data(data, message):
    with pytest.raises(InputError, match=message):
        Forecaster(**TINY).fit(data)


def test_a_short_series_of_a_panel_is_forecast_too():
    panel = pl.DataFrame(
        {
            "step": [*range(40), *range(5), 7],
            "id": ["long"] * 40 + ["brief"] * 5 + ["new"],
            "y": np.r_[VALUES[:40], np.arange(5.0), 3.0],
        }
    )
    with pytest.warns(UserWarning, match="series 'new': every value is the same"):
        forecaster = Forecaster(**TINY).fit(panel, target="y", time="step", series="id")
    found = forecaster.predict_quantiles()
    assert found.shape == (3, 4, 3)
    assert np.isfinite(found).all()
    assert forecaster.model_.network.learned == [forecaster.model_.trained.names.index("long")]
    brief = found[forecaster.model_.trained.names.index("brief")]
    assert (np.diff(brief, axis=1) > 0).all()
    assert 3 < brief[0, 1] < 7


def test_a_failed_fit_changes_nothing(fitted):
    forecaster = Forecaster(**TINY).fit(VALUES)
    before = forecaster.predict()
    with pytest.raises(InputError):
        forecaster.fit(VALUES[:1])
    np.testing.assert_array_equal(forecaster.predict(), before)


@pytest.mark.parametrize("use", [lambda f: f.predict(), lambda f: f.evaluate(VALUES), lambda f: f.save("model")])
def test_not_fitted(use):
    with pytest.raises(InputError, match="not fitted yet; call fit"):
        use(Forecaster())


def test_unknown_parameter():
    with pytest.raises(InputError, match="Forecaster has no parameter 'epochs'; it has cell, hidden_size, "):
        Forecaster().set_params(epochs=3)


@pytest.mark.parametrize("horizon", [0, -1, 1.5, True, "12"])
def test_horizon(fitted, horizon):
    with pytest.raises(InputError, match="horizon is"):
        fitted.predict(horizon=horizon)


def ahead(start, n, **columns):
    return pl.DataFrame({"step": np.arange(start, start + n), "price": np.ones(n), **columns})


@pytest.mark.parametrize(
    ("future", "message"),
    [
        (None, "learned from 'price', known ahead: give future=, a frame with 4 rows"),
        (ahead(40, 3), "future= has 3 rows for the series after its history, need 4"),
        (ahead(41, 8), "future= has no row at 40, the first step after the history of the series, which ends at 39"),
        (pl.DataFrame({"step": [40, 41, 42, 43], "cost": [1.0] * 4}), "no column 'price'"),
        (ahead(40, 4).with_columns(price=pl.Series([1.0, None, 1.0, 1.0])), "price"),
    ],
)
def test_known_ahead(fitted, future, message):
    with pytest.raises(InputError, match=message):
        fitted.predict(future=future)


def test_known_ahead_without_time_stamps_starts_at_the_first_row():
    data = FRAME.drop("step")
    forecaster = Forecaster(**TINY).fit(data, target="y", future=["price"])
    four = pl.DataFrame({"price": [1.0, 2.0, 3.0, 4.0]})
    assert forecaster.predict(future=four).columns == ["y", "y_q10", "y_q90"]
    with pytest.raises(InputError, match="future= has 3 rows for the series after its history, need 4"):
        forecaster.predict(future=four.head(3))


def test_exploding_training_stops_and_an_earlier_fit_remains():
    forecaster = Forecaster(**{**TINY, "max_epochs": 30}).fit(VALUES)
    before = forecaster.predict()
    with pytest.raises(TrainingError, match=r"training stopped at step .* parameter .* lower learning_rate"):
        forecaster.set_params(learning_rate=1e7).fit(VALUES)
    np.testing.assert_array_equal(forecaster.predict(), before)


def test_known_ahead_of_a_panel_names_the_series():
    rows = [FRAME.with_columns(pl.lit(name).alias("id")) for name in ("a", "b")]
    forecaster = Forecaster(**TINY).fit(pl.concat(rows), target="y", time="step", series="id", future=["price"])
    with pytest.raises(InputError, match="future= has no rows for series 'b'"):
        forecaster.predict(future=ahead(40, 4).with_columns(pl.lit("a").alias("id")))


def test_what_is_not_wanted_is_not_ignored(fitted):
    with pytest.raises(InputError, match="fit had no columns known ahead"):
        Forecaster(**TINY).fit(VALUES).predict(future=ahead(40, 4))
    with pytest.raises(InputError, match="an array has no covariates, but the forecaster learned from price"):
        fitted.predict(VALUES)


def test_a_history_too_short_for_the_network_is_forecast_without_it(fitted):
    found = fitted.predict(FRAME.head(3), future=ahead(3, 4))
    assert np.isfinite(found["y"].to_numpy()).all()
    with pytest.raises(InputError, match="the series has 3 rows, which none of network can forecast from"):
        fitted.model_.forecast(History.from_panel(fitted.read(FRAME.head(3))), 4, parts=("network",))
    with pytest.raises(InputError, match="the series has 4 rows; need at least 5: one to forecast from"):
        fitted.evaluate(FRAME.head(4))


def test_backtest_arguments():
    with pytest.raises(InputError, match="windows is 0"):
        Forecaster(**TINY).backtest(VALUES, windows=0)
    with pytest.raises(InputError, match="step is -1"):
        Forecaster(**TINY).backtest(VALUES, step=-1)
    with pytest.raises(InputError, match="has 40 rows; 9 windows 4 steps apart need at least 44"):
        Forecaster(**TINY).backtest(VALUES, windows=9)


def test_a_log_scale_needs_positive_values():
    growing = np.exp(0.1 * np.arange(48)) * (1 + 0.2 * (np.arange(48) % 4))
    forecaster = Forecaster(**TINY, season_length=4).fit(growing)
    assert forecaster.model_.scalings[0].log
    with pytest.raises(InputError, match="modelled on its logarithm, but holds -1 at row 2"):
        forecaster.predict(np.r_[1.0, 2.0, -1.0, np.arange(1.0, 40.0)])


def test_a_file_of_another_task(tmp_path):
    class Config(msgspec.Struct):
        pass

    write_model(tmp_path / "model", "dreamer", Config(), {"x": np.ones(1)})
    with pytest.raises(ModelFileError, match=r"holds a model for the task 'dreamer'; this version knows .*forecaster"):
        unrolled.load(tmp_path / "model")


def test_a_file_with_wrong_tensors_lists_them_all(fitted, tmp_path):
    fitted.save(tmp_path / "model")
    model_file = read_model(tmp_path / "model")
    tensors = dict(model_file.tensors)
    del tensors["smoothing.alpha"]
    tensors["members.0.head.bias"] = np.ones(3, np.float32)
    tensors["surplus"] = np.ones(1)
    write_model(tmp_path / "broken", "forecaster", fitted._config, tensors)
    with pytest.raises(ModelFileError, match=r"missing tensors: 'smoothing.alpha'.*'surplus'.*members.0.head.bias"):
        unrolled.load(tmp_path / "broken")


def test_saving_over_what_was_read(tmp_path, monkeypatch):
    """Whatever file the estimator has read, by whatever name, is kept."""
    monkeypatch.chdir(tmp_path)
    rows = "".join(f"{2015 + i // 12}-{i % 12 + 1:02d},{100 + i + i % 12}\n" for i in range(60))
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text("month,sales\n" + rows)
    Path("hard.csv").hardlink_to("a.csv")
    forecaster = Forecaster(members=1, max_epochs=1, hidden_size=4, random_state=0).fit("a.csv")
    forecaster.save("b.csv")  # not read yet
    Path("b.csv").write_text("month,sales\n" + rows)
    forecaster.predict(Path("b.csv"))
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    for name in ("../a.csv", "../hard.csv", tmp_path / "b.csv"):
        with pytest.raises(InputError, match=r"cannot write .*: it is the input .*\.csv, which would be lost"):
            forecaster.save(name)
    assert (tmp_path / "a.csv").read_text() == (tmp_path / "b.csv").read_text() == "month,sales\n" + rows
    forecaster.save("model")
    copy = unrolled.load("model")
    copy.save("model")  # a model may be saved over itself


def test_far_horizons_are_counted(fitted):
    """FAULTS 19: an error before the work."""
    short = Forecaster(**{**TINY, "horizon": 1}).fit(VALUES)
    assert len(short.predict(horizon=300)) == 300
    with pytest.raises(InputError, match=r"horizon is 1,000,000,000, at most 2,000: the forecaster learned 1 steps"):
        short.predict(horizon=10**9)
    with pytest.raises(
        InputError, match="horizon is 1,000,000,000, at most 2,000 where the longest series has 40 rows"
    ):
        Forecaster(**{**TINY, "horizon": 10**9}).fit(VALUES)
    years = pl.DataFrame({"year": [f"{year}-01-01" for year in range(1980, 2180, 5)], "y": VALUES})
    forecaster = Forecaster(**TINY).fit(years)
    with pytest.raises(
        InputError, match="1,999 steps, one row every 5 years, after 2175-01-01 lead beyond the year 9999"
    ):
        forecaster.predict(horizon=1999)
