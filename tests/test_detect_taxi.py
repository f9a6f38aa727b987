"""The example and the benchmark of the anomaly detector, on a made-up city in place of New York."""

from __future__ import annotations

import gzip
import json
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
WINDOWS = {
    "nyc_taxi": ("2014-09-18 00:00:00.000000", "2014-09-21 00:00:00.000000"),
    "machine_temperature_system_failure": ("2014-09-18 00:00:00.000000", "2014-09-21 00:00:00.000000"),
    "ambient_temperature_system_failure": ("2014-09-18 00:00:00.000000", "2014-09-21 00:00:00.000000"),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Files as the benchmark's archive has them: a rush every day, and in the window half a day with many more."""
    folder = tmp_path_factory.mktemp("nab")
    times = np.datetime64("2014-07-01") + np.arange(90 * 24) * np.timedelta64(1, "h")
    rng = np.random.default_rng(0)
    for name, (start, _) in WINDOWS.items():
        rides = 100 + 50 * np.sin(np.arange(len(times)) * 2 * np.pi / 24) + rng.normal(scale=5, size=len(times))
        rides[np.flatnonzero(times == np.datetime64(start))[0] + 24 + np.arange(12)] += 200
        stamps = [str(time).replace("T", " ") + ":00:00" for time in times.astype("datetime64[h]")]
        lines = [f"{stamp},{value:.0f}" for stamp, value in zip(stamps, rides, strict=True)]
        with gzip.open(folder / f"{name}.csv.gz", "wt") as file:
            file.write("\n".join(["timestamp,value", *lines]) + "\n")
    labels = {f"realKnownCause/{name}.csv": [window] for name, window in WINDOWS.items()}
    (folder / "windows.json").write_text(json.dumps(labels))
    return folder


def test_the_example_runs(folder, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["detect_taxi.py", str(folder), "--small"])
    runpy.run_path(str(ROOT / "examples" / "detect_taxi.py"), run_name="__main__")
    assert "1 of 1 windows found" in capsys.readouterr().out


@pytest.fixture(scope="module")
def anomalies(scripts_of):
    with scripts_of(ROOT / "benchmarks" / "accuracy") as load:
        yield load("anomalies")


def test_the_baseline_is_last_weeks_value(anomalies, folder):
    task = anomalies.read_task(folder, "nyc_taxi")
    baseline, tuned = anomalies.last_week(task, 10_000)
    assert task.before["timestamp"][-1] < WINDOWS["nyc_taxi"][0] <= task.after["timestamp"][0]
    assert [each.found for each in baseline] == [(True,)] * 3
    assert baseline[1].episodes == 2  # a week later the anomaly is what is compared with
    assert baseline[1].false_episodes == 1
    assert baseline[2].threshold == pytest.approx(1.1 * baseline[1].threshold)
    assert anomalies.margin(tuned) >= anomalies.margin(baseline[1])


def test_the_benchmark_prints_a_table(anomalies, folder, monkeypatch, capsys):
    quick = {"members": 1, "hidden_size": 4, "max_epochs": 1}
    whole = anomalies.AnomalyDetector
    monkeypatch.setattr(anomalies, "AnomalyDetector", lambda **options: whole(**options, **quick))
    monkeypatch.setattr(
        sys, "argv", ["anomalies.py", str(folder), "--seeds", "1", "--threads", str(anomalies.torch.get_num_threads())]
    )
    anomalies.main()
    table = [line for line in capsys.readouterr().out.splitlines() if line.startswith("|")]
    assert len(table) == 2 + 3 * 4
    assert len({line.count("|") for line in table}) == 1
