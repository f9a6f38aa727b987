"""The forecasting benchmarks on small files in the form of the real ones: their baselines are right and their tables whole."""

from __future__ import annotations

import csv
import gzip
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from sklearn.linear_model import Ridge as SklearnRidge

ACCURACY = Path(__file__).parents[1] / "benchmarks" / "accuracy"


@pytest.fixture(scope="module")
def scripts(scripts_of):
    """Load a script."""
    with scripts_of(ACCURACY) as load:
        yield load


@pytest.fixture(autouse=True)
def threads():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def quick(script, monkeypatch):
    """Forecasters of the script that learn next to nothing."""
    whole = script.Forecaster
    least = {"members": 1, "hidden_size": 2, "max_epochs": 1}
    monkeypatch.setattr(script, "Forecaster", lambda **given: whole(**{"method": "windows", **given, **least}))


def table(capsys):
    rows = [line for line in capsys.readouterr().out.splitlines() if line.startswith("|")]
    assert len({row.count("|") for row in rows}) == 1
    return {row.split("|")[1].strip(): [cell.strip() for cell in row.split("|")[2:]] for row in rows}


@pytest.mark.parametrize("last", [True, False])
def test_ridge_is_scikit_learns(scripts, last):
    rng = np.random.default_rng(0)
    series = [rng.normal(size=n).cumsum() for n in (40, 33)]
    found = scripts("ridge").Ridge(series, 5, 3, last=last)
    runs = np.concatenate([np.lib.stride_tricks.sliding_window_view(values, 8) for values in series])
    level = runs[:, 4:5] if last else runs[:, :5].mean(1, keepdims=True)
    x = np.c_[runs[:, :5] - level, np.ones(len(runs))]
    alpha = 1e-3 * np.trace(x.T @ x) / 6
    expected = SklearnRidge(alpha=alpha, fit_intercept=False, solver="cholesky").fit(x, runs[:, 5:] - level)
    np.testing.assert_allclose(found(runs[:, :5]), expected.predict(x) + level, rtol=1e-7)


@pytest.mark.parametrize(("frequency", "steps", "horizon", "repeated", "last"), [
    ("hourly", 800, 48, {"last day repeated": 24, "last week repeated": 168}, "last day repeated"),
    ("weekly", 150, 13, {"last week repeated": 1, "last year repeated": 52}, "last year repeated"),
])  # fmt: skip
def test_m4(scripts, monkeypatch, tmp_path, capsys, frequency, steps, horizon, repeated, last):
    script = scripts("m4")
    rng = np.random.default_rng(0)
    t = np.arange(steps)
    season = repeated[last]
    series = {f"x{i}": 20 + np.sin(2 * np.pi * t / season) + rng.normal(scale=0.1, size=steps) for i in range(3)}
    for part, some in (("train", slice(0, -horizon)), ("test", slice(-horizon, None))):
        with gzip.open(tmp_path / f"{frequency.title()}-{part}.csv.gz", "wt", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["V1", "V2"])
            writer.writerows([name, *values[some], "", ""] for name, values in series.items())
    assert len(script.read(tmp_path / f"{frequency.title()}-train.csv.gz")["x1"]) == steps - horizon
    quick(script, monkeypatch)
    monkeypatch.setattr(
        sys, "argv", ["m4.py", frequency, str(tmp_path), "--seeds", "1", "--threads", "1", "--only", "windows"]
    )
    script.main()
    rows = table(capsys)
    assert list(rows)[2:] == [
        *repeated, "linear, one for all", "Forecaster, windows", "Forecaster, windows, network alone",
    ]  # fmt: skip
    before = np.stack([np.resize(values[-horizon - season : -horizon], horizon) for values in series.values()])
    truth = np.stack([values[-horizon:] for values in series.values()])
    assert float(rows[last][0]) == pytest.approx((200 * np.abs(before - truth) / (before + truth)).mean(), abs=1e-3)


def test_etth1(scripts, monkeypatch, tmp_path, capsys):
    script = scripts("etth1")
    for name, value in {"MONTH": 60, "TRAIN": 720, "TEST": 900, "END": 1010}.items():
        monkeypatch.setattr(script, name, value)
    rng = np.random.default_rng(0)
    hours = np.arange(1100)
    columns = {
        name: np.sin(2 * np.pi * hours / 24) * size + rng.normal(size=1100) for name, size in (("a", 3), ("OT", 9))
    }
    text = pl.DataFrame({"date": [f"row {i}" for i in hours], **columns}).write_csv()
    (tmp_path / "ETTh1.csv.gz").write_bytes(gzip.compress(text.encode()))
    quick(script, monkeypatch)
    monkeypatch.setattr(sys, "argv", ["etth1.py", str(tmp_path), "--seeds", "1", "--threads", "1"])
    script.main()
    rows = table(capsys)
    assert list(rows)[2:] == ["last day repeated", "linear, one for all", "linear, one a column", *script.SIZES]
    errors = []
    for values in columns.values():
        z = (values - values[:720].mean()) / values[:720].std()
        errors += [np.square(np.tile(z[end - 24 : end], 4) - z[end : end + 96]).mean() for end in range(900, 915)]
    assert float(rows["last day repeated"][0]) == pytest.approx(np.mean(errors), abs=1e-3)
