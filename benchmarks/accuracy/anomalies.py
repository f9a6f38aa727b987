"""Anomalies in three labelled series of the Numenta Anomaly Benchmark, beside the residual of last week.

    python benchmarks/accuracy/anomalies.py FOLDER [--methods NAME ...] [--seeds N] [--every STEPS] [--threads N]

``FOLDER`` holds ``nyc_taxi.csv.gz``, ``machine_temperature_system_failure.csv.gz``,
``ambient_temperature_system_failure.csv.gz`` with the columns ``timestamp`` and ``value``, and ``windows.json``, as NAB has
them in ``data/realKnownCause`` and ``labels/combined_windows.json``. Everything is learned and calibrated on what lies before
the first labelled window, with the defaults of ``AnomalyDetector`` for every series (which were chosen with these series and
labels in view: docs/detecting.md says what was compared), but for ``--every``, the steps in which one false alarm is accepted;
the rest is scored, step by step. Alarms within a day are one episode; an episode that overlaps a labelled window finds it, any
other is false.
Shown are found windows and false episodes, of the middle seed by found windows less false episodes, at the threshold and at
0.9 and 1.1 times the threshold, and the share of the steps that lie in episodes.

The baseline is ``|y[t] - y[t - week]|``, with its threshold from the same steps in the same way (the last 30 % before the first
window), and "tuned": with the threshold that does best on the labelled part itself, of those whose episodes last no
longer than the windows, which nobody can know beforehand.
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray

from unrolled import AnomalyDetector
from unrolled.codecs.episodes import episodes
from unrolled.codecs.tail import calibrate
from unrolled.data.csv import read_csv
from unrolled.metrics.alarms import AlarmEvaluation, compare_alarms
from unrolled.version import library_version

SERIES = ("nyc_taxi", "machine_temperature_system_failure", "ambient_temperature_system_failure")
FACTORS = (0.9, 1.0, 1.1)


class Task(NamedTuple):
    """A series cut before its first window."""

    before: pl.DataFrame
    after: pl.DataFrame
    windows: list[tuple[str, str]]


def read_task(folder: Path, name: str) -> Task:
    """The series, each time stamp once (machine_temperature has twelve twice, when the clock was put back), and its windows."""
    with tempfile.TemporaryDirectory() as place:
        file = Path(place) / f"{name}.csv"
        file.write_bytes(gzip.decompress((folder / f"{name}.csv.gz").read_bytes()))
        frame = read_csv(file).unique("timestamp", keep="first", maintain_order=True).sort("timestamp")
    labelled = json.loads((folder / "windows.json").read_text())[f"realKnownCause/{name}.csv"]
    windows = [(start, end) for start, end in labelled]
    before = frame["timestamp"] < windows[0][0]
    return Task(frame.filter(before), frame.filter(~before), windows)


def with_share(evaluation: AlarmEvaluation) -> str:
    return f"{counts(evaluation)} | {evaluation.alarmed:.1%}"


def counts(evaluation: AlarmEvaluation) -> str:
    return f"{sum(evaluation.found)}, {evaluation.false_episodes}"


def margin(evaluation: AlarmEvaluation) -> int:
    return sum(evaluation.found) - evaluation.false_episodes


def ours(task: Task, method: str, seed: int, every: int) -> list[AlarmEvaluation]:
    """At each factor times the threshold."""
    detector = AnomalyDetector(
        method=method, missing="interpolate", merge="1d", false_alarm_every=every, random_state=seed
    ).fit(task.before)
    thresholds = [detector.threshold_ * factor for factor in FACTORS]
    return [detector.evaluate(task.after, task.windows, threshold=level) for level in thresholds]


def last_week(task: Task, every: int) -> tuple[list[AlarmEvaluation], AlarmEvaluation]:
    """The baseline, calibrated as ours is, and tuned."""
    stamps, y = on_grid(pl.concat([task.before, task.after]))
    day = round(np.timedelta64(1, "D") / (stamps[1] - stamps[0]))
    error = np.full(len(y), np.nan)
    error[7 * day :] = abs(y[7 * day :] - y[: -7 * day])
    n = int(np.searchsorted(stamps, np.datetime64(task.before["timestamp"][-1]), "right"))
    calibration = error[n - round(0.3 * n) : n]
    threshold = calibrate(calibration[~np.isnan(calibration)], every, day).threshold
    bounds = np.array(task.windows, "datetime64[us]")
    windows = (
        np.stack([np.searchsorted(stamps, bounds[:, 0]), np.searchsorted(stamps, bounds[:, 1], "right") - 1], 1) - n
    )

    def at(level: float) -> AlarmEvaluation:
        return compare_alarms(episodes(error[n:] > level, day), windows, level, len(error) - n)

    levels = np.quantile(error[n:], np.linspace(0.5, 1, 1001)[:-1])
    labelled = float((windows[:, 1] - windows[:, 0] + 1).sum() / (len(error) - n))
    tuned = max((each for each in map(at, levels) if each.alarmed <= labelled), key=margin)
    return [at(threshold * factor) for factor in FACTORS], tuned


def on_grid(frame: pl.DataFrame) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """Stamps at even steps, gaps filled by a line as in the detector."""
    stamps, y = np.array(frame["timestamp"].to_list(), "datetime64[s]"), frame["value"].to_numpy()
    even = np.arange(stamps[0], stamps[-1] + 1, np.median(np.diff(stamps)))
    return even, np.interp(even.astype(float), stamps.astype(float), y)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument(
        "--methods", nargs="+", choices=["forecast", "reconstruction"], default=["forecast", "reconstruction"]
    )
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--every", type=int, default=AnomalyDetector().false_alarm_every)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print(
        f"unrolled {library_version()}, torch {torch.__version__}, {options.threads} threads, {options.seeds} seeds\n"
    )
    print("| series | windows | method | found, false | in episodes | at 0.9 | at 1.1 | all seeds | s a seed |")
    print("|---|--:|---|--:|--:|--:|--:|---|--:|")
    for name in SERIES:
        task = read_task(options.folder, name)
        baseline, tuned = last_week(task, options.every)
        for method in options.methods:
            began, found = time.perf_counter(), []
            for seed in range(options.seeds):
                found.append(ours(task, method, seed, options.every))
                if sys.stderr.isatty():
                    print(f"\r\x1b[K{name}, {method}, seed {seed}: {counts(found[-1][1])}", end="", file=sys.stderr)
            seconds = (time.perf_counter() - began) / options.seeds
            if sys.stderr.isatty():
                print("\r\x1b[K", end="", file=sys.stderr)
            middle = sorted(found, key=lambda each: margin(each[1]))[len(found) // 2]
            losing = "*" if margin(middle[1]) < margin(baseline[1]) else ""
            every = "; ".join(counts(each[1]) for each in found)
            row = f"{counts(middle[1])}{losing} | {middle[1].alarmed:.1%} | {counts(middle[0])} | {counts(middle[2])}"
            print(f"| {name} | {len(task.windows)} | {method} | {row} | {every} | {seconds:.0f} |", flush=True)
        low, _, high = map(counts, baseline)
        print(
            f"| {name} | {len(task.windows)} | last week, calibrated | {with_share(baseline[1])} | {low} | {high} | | |"
        )
        print(f"| {name} | {len(task.windows)} | last week, tuned | {with_share(tuned)} | | | | |", flush=True)


if __name__ == "__main__":
    main()
