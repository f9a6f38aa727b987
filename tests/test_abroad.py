"""The benchmark on other packages' data: its split is fair, its sets load, its figures are right, its runs are kept."""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

ACCURACY = Path(__file__).parents[1] / "benchmarks" / "accuracy"
sys.path.insert(0, str(ACCURACY))
import abroad  # noqa: E402
import abroad_forecast  # noqa: E402
import abroad_runs  # noqa: E402
import abroad_series  # noqa: E402
import abroad_split  # noqa: E402
import airline  # noqa: E402

sys.path.remove(str(ACCURACY))


def kinds():
    return {each.name: each.kind for each in abroad_series.SETS}


def test_halves_follow_the_rule():
    assert abroad_split.read_split("forecast") == abroad_split.split(kinds(), abroad_series.KNOWN)


def test_halves_are_balanced_and_the_reported_one_was_not_known():
    halves = abroad_split.read_split("forecast")
    assert len(halves) == len(abroad_series.SETS) >= 40
    counts = Counter((kind, halves[name]) for name, kind in kinds().items())
    assert all(abs(counts[kind, "chosen"] - counts[kind, "reported"]) <= 1 for kind in set(kinds().values()))
    reported = {name for name, half in halves.items() if half == "reported"}
    assert reported.isdisjoint(abroad_series.KNOWN)


def test_known_sets_come_first_and_never_into_the_reported_half():
    made = abroad_split.split({"a": "x", "b": "x", "c": "x", "d": "x", "e": "y"}, ["c", "d"])
    assert made == {"a": "reported", "b": "reported", "c": "chosen", "d": "chosen", "e": "chosen"}


def test_writing_one_split_leaves_the_others(tmp_path, monkeypatch):
    monkeypatch.setattr(abroad_split, "FILE", tmp_path / "split.json")
    abroad_split.write_split("forecast", {"a": "x", "b": "x"})
    abroad_split.write_split("tag", {"c": "x"})
    assert abroad_split.read_split("forecast") == {"a": "chosen", "b": "reported"}
    assert abroad_split.read_split("tag") == {"c": "chosen"}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("each", abroad_series.SETS, ids=lambda each: each.name)
def test_every_set_loads(each):
    try:
        series = list(each.load().values())
    except ModuleNotFoundError as missing:
        pytest.skip(f"{missing.name} is not installed")
    assert all(np.isfinite(values).all() and len(np.unique(values)) > 1 for values in series)
    assert min(map(len, series)) >= 30
    for back, origin in enumerate(reversed(each.origins)):
        for values, history, actual in zip(series, origin.histories, origin.actuals, strict=True):
            assert len(actual) == each.horizon
            left = back * each.horizon
            np.testing.assert_array_equal(np.concatenate([history, actual]), values[: len(values) - left])
    frame = each.frame(each.origins[0].histories)
    assert len(frame) == sum(map(len, each.origins[0].histories))
    assert ("series" in frame.columns) == (len(series) > 1)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("each", abroad_series.SETS, ids=lambda each: each.name)
def test_no_set_is_one_that_other_tables_show(each):
    shown = [values() for values in airline.SERIES.values()]
    try:
        series = each.load().values()
    except ModuleNotFoundError as missing:
        pytest.skip(f"{missing.name} is not installed")
    assert not any(np.array_equal(values, other) for values in series for other in shown)


def test_clocks_step_by_calendar():
    times = abroad_series.quarters("1999-10-01").times(3)
    assert [f"{time:%Y-%m-%d}" for time in times] == ["1999-10-01", "2000-01-01", "2000-04-01"]
    times = abroad_series.half_hours("2021-05-01").times(3)
    assert f"{times[2]:%H:%M}" == "01:00"
    assert abroad_series.NUMBERED.times(2).to_list() == [0, 1]


@pytest.mark.parametrize(("length", "origins"), [(60, 3), (28, 2), (22, 1)])
def test_short_series_have_fewer_origins(length, origins):
    each = abroad_series.SeriesSet("x", "short", abroad_series.NUMBERED, 4, lambda: {"y": np.arange(float(length))})
    assert [len(origin.histories[0]) for origin in each.origins] == [length - 4 * n for n in range(origins, 0, -1)]


def test_gaps_are_filled_by_the_value_before():
    np.testing.assert_array_equal(abroad_series.filled([np.nan, 1, np.nan, 3]), [1, 1, 1, 3])


def test_measures_by_hand():
    origin = abroad_series.Origin([np.array([0.0, 2.0, 4.0])], [np.array([5.0, 9.0])])
    found = abroad_forecast.judge([origin], [[np.array([[4.0, 6.0, 7.0], [4.0, 6.0, 7.0]])]], 1)
    assert found["mase"] == pytest.approx((1 + 3) / 2 / 2)
    assert found["coverage"] == 0.5
    assert found["interval_score"] == pytest.approx((3 + (3 + 10 * 2)) / 2 / 2)
    assert found["origins"] == [{key: found[key] for key in ("mase", "coverage", "interval_score")}]


def test_a_history_that_repeats_itself_is_left_out():
    steady, growing = np.ones(5), np.arange(5.0)
    origin = abroad_series.Origin([steady, growing], [np.ones(1), np.array([6.0])])
    found = abroad_forecast.judge([origin], [[np.zeros((1, 3)), np.array([[3.0, 4.0, 5.0]])]], 1)
    assert found["mase"] == 2


def test_the_report_counts_what_is_lost():
    def runs(*errors, inside=0.8):
        return [{"mase": error, "coverage": inside, "interval_score": 4 * error} for error in errors]

    ets, better = {"AutoETS": runs(1.0), "Theta": runs(4.0)}, {"SeasonalNaive": runs(2.0), "Naive": runs(2.0)}
    found = {
        "lynx": {"unrolled": runs(1, 0.5, 0.4), **ets, **better},
        "nile": {"unrolled": runs(2, inside=0.5), **ets, **better},
    }
    text = abroad_forecast.report(found)
    assert "| lynx | seasonless | 0.500 | 1.000 | 4.000 | 2.000 | 2.000 | 0.50 | 80% | 2.00 | 0.50 |" in text
    assert "| nile | seasonless | 2.000* |" in text
    assert "| unrolled | 1.000 | 65% | 50% of sets | 4.00 |" in text
    assert "MASE 1.000, interval score 1.000." in text
    assert "1 of 2 sets (nile)" in text


def test_runs_are_kept_and_not_repeated(tmp_path):
    called = []

    def measure(each, seed):
        called.append((each, seed))
        return {"seed": seed}

    methods = {"own": abroad_runs.Method(measure, seeded=True), "other": abroad_runs.Method(measure)}
    task = SimpleNamespace(SETS={"a": "A", "b": "B"}, METHODS=methods)
    file = tmp_path / "runs.json"
    abroad_runs.complete(task, ["a"], 1, file)
    assert called == [("A", 0), ("A", 0)]
    found = abroad_runs.complete(task, ["a", "b"], 2, file)
    assert called[2:] == [("A", 1), ("B", 0), ("B", 1), ("B", 0)]
    assert found["b"] == {"own": [{"seed": 0}, {"seed": 1}], "other": [{"seed": 0}]}
    assert json.loads(file.read_text()) == found


@pytest.fixture
def synthetic(monkeypatch):
    """One set of the list, with values of its own, forecast by a network that learns next to nothing."""
    values = np.tile([1.0, 2.0, 3.0, 2.0], 12) + np.random.default_rng(0).normal(scale=0.1, size=48)
    each = abroad_series.SeriesSet("uk_gas", "short", abroad_series.quarters("1960-01-01"), 4, lambda: {"y": values})
    monkeypatch.setattr(abroad_forecast, "SETS", {"uk_gas": each})
    whole = abroad_forecast.Forecaster
    least = {"members": 1, "hidden_size": 2, "max_epochs": 1}
    monkeypatch.setattr(abroad_forecast, "Forecaster", lambda **given: whole(**given, **least))
    own = abroad_forecast.METHODS["unrolled"]
    monkeypatch.setattr(abroad_forecast, "METHODS", dict.fromkeys(abroad_forecast.METHODS, own))
    return each


def test_the_script_runs_what_is_named(synthetic, monkeypatch, tmp_path, capsys):
    file = tmp_path / "runs.json"
    monkeypatch.setattr(sys, "argv", ["abroad.py", "forecast", "--only", "uk_gas", "--seeds", "1", "--json", str(file)])
    abroad.main()
    assert "| uk_gas | short |" in capsys.readouterr().out
    (run,) = json.loads(file.read_text())["uk_gas"]["unrolled"]
    assert len(run["origins"]) == 3
    assert 0 <= run["coverage"] <= 1


def test_the_script_refuses_what_is_no_set(synthetic, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["abroad.py", "forecast", "--only", "uk_gas", "gsa"])
    with pytest.raises(SystemExit):
        abroad.main()
    assert "no set gsa; the sets are uk_gas" in capsys.readouterr().err
