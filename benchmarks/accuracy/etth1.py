"""Accuracy on ETTh1, seven hourly measurements at an electricity transformer, beside a linear forecast.

    python benchmarks/accuracy/etth1.py FOLDER [--seeds N] [--threads N]

``FOLDER`` holds ``ETTh1.csv.gz`` (Zhou et al. 2021, *Informer*, arXiv 2012.07436). Split and measure are the usual ones:
twelve months of 30 days to learn from, four left out, four to test on; multivariate: all seven columns are forecast 96 hours
ahead from every hour of the test part, and the squared error is of values standardised by mean and deviation of the
training part. Every column is a series of one panel and is forecast from its own past. Nothing but the twelve months is
learned from, of which the forecaster keeps its last tenth back to choose the number of epochs. The small network's sizes
were chosen on the four months in between, which nothing learns from. Shown is the median of the seeds. The linear rows are one
matrix for all columns (ridge.py) and one each.
"""

from __future__ import annotations

import argparse
import gzip
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray
from ridge import Ridge

from unrolled import Forecaster
from unrolled.data.panel import read_panel
from unrolled.tasks.forecasting.history import History
from unrolled.version import library_version

Values = NDArray[np.float64]

DAY, MONTH = 24, 720
TRAIN, TEST, END = 12 * MONTH, 16 * MONTH, 20 * MONTH
WINDOW, HORIZON = 336, 96
SIZES: dict[str, dict[str, Any]] = {
    "Forecaster": {},
    "Forecaster, small": {"hidden_size": 32, "dropout": 0.5, "learning_rate": 0.001, "max_epochs": 12},
}
ROLES = {"target": "y", "series": "series", "time": "hour"}


def read(path: Path) -> pl.DataFrame:
    """Every column as a series: ``series``, ``hour``, ``y``."""
    with gzip.open(path) as file:
        wide = pl.read_csv(file.read()).head(END).with_row_index("hour")
    return wide.drop("date").unpivot(index="hour", variable_name="series", value_name="y")


def origins() -> range:
    """Ends of the histories that forecasts start from."""
    return range(TEST, END - HORIZON + 1)


def forecast(forecaster: Forecaster, history: History) -> Values:
    """Quantiles from every origin ``[origins, N, H, Q]``."""
    made: list[Values] = []
    for end in origins():
        made.append(forecaster.model_.forecast(history.without_last(END - end), HORIZON))
        if sys.stderr.isatty() and len(made) % 50 == 0:
            print(f"\r\x1b[Kforecast {len(made)} of {len(origins())}", end="", file=sys.stderr)
    return np.stack(made)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    frame = read(options.folder / "ETTh1.csv.gz")
    history = History.from_panel(read_panel(frame, **ROLES))
    values = np.stack(history.values)  # [N, T]
    mean, deviation = values[:, :TRAIN].mean(1)[:, None], values[:, :TRAIN].std(1)[:, None]
    z = (values - mean) / deviation
    starts = np.array(origins())
    runs = np.lib.stride_tricks.sliding_window_view(z, HORIZON, axis=1)
    actual = runs[:, starts].transpose(1, 0, 2)  # [origins, N, H]
    windows = np.lib.stride_tricks.sliding_window_view(z, WINDOW, axis=1)[:, starts - WINDOW].transpose(1, 0, 2)
    print(f"unrolled {library_version()}, torch {torch.__version__}, {options.threads} threads, {options.seeds} seeds")
    print(f"{len(z)} columns, {len(starts)} origins, {HORIZON} hours ahead, from {WINDOW}\n")
    print("| method | squared error | range | absolute error | in the 80 % interval | s a seed (of CPU) |")
    print("|---|--:|--:|--:|--:|--:|")
    least = np.inf

    def row(name: str, made: Values, took: str = "") -> None:
        nonlocal least
        error = np.square(made - actual).mean()
        least = min(least, error)
        print(f"| {name} | {error:.3f} | | {np.abs(made - actual).mean():.3f} | | {took} |", flush=True)

    row("last day repeated", np.tile(windows[..., -DAY:], HORIZON // DAY))
    began = time.process_time()
    one = Ridge(list(z[:, :TRAIN]), WINDOW, HORIZON)
    row(
        "linear, one for all",
        np.stack([one(windows[:, i]) for i in range(len(z))], 1),
        f"({time.process_time() - began:.0f})",
    )
    began = time.process_time()
    each = [Ridge([column[:TRAIN]], WINDOW, HORIZON)(windows[:, i]) for i, column in enumerate(z)]
    row("linear, one a column", np.stack(each, 1), f"({time.process_time() - began:.0f})")
    train = frame.filter(pl.col("hour") < TRAIN)
    for name, sizes in SIZES.items():
        squared, absolute, inside = [], [], []
        began, cpu = time.perf_counter(), time.process_time()
        for seed in range(options.seeds):
            forecaster = Forecaster(method="windows", season_length=DAY, horizon=HORIZON, random_state=seed, **sizes)
            quantiles = forecast(forecaster.fit(train, **ROLES), history)
            low, median, high = np.moveaxis((quantiles - mean[..., None]) / deviation[..., None], -1, 0)
            squared.append(float(np.square(median - actual).mean()))
            absolute.append(float(np.abs(median - actual).mean()))
            inside.append(float(((low <= actual) & (actual <= high)).mean()))
        seconds, cpu = (time.perf_counter() - began) / options.seeds, (time.process_time() - cpu) / options.seeds
        if sys.stderr.isatty():
            print("\r\x1b[K", end="", file=sys.stderr)
        losing = "*" if statistics.median(squared) > least else ""
        print(
            f"| {name} | {statistics.median(squared):.3f}{losing} | {min(squared):.3f} to {max(squared):.3f}"
            f" | {statistics.median(absolute):.3f} | {statistics.median(inside):.1%} | {seconds:.0f} ({cpu:.0f}) |",
            flush=True,
        )


if __name__ == "__main__":
    main()
