"""Accuracy on hourly or weekly series of the M4 competition, one forecaster for all, beside methods without learning.

    python benchmarks/accuracy/m4.py hourly|weekly FOLDER [--seeds N] [--threads N] [--only NAME ...]

``FOLDER`` holds ``Hourly-train.csv.gz`` and ``Hourly-test.csv.gz`` of the competition (Makridakis, Spiliotis, Assimakopoulos
2020, doi 10.1016/j.ijforecast.2019.04.014), or the same of ``Weekly``. A forecast of 48 hours or 13 weeks from the end of each
training series is compared with the test part, which nothing was chosen on: window, sizes and learning rate were chosen on the
last 48 hours of the hourly training part. sMAPE and MASE are the competition's. The linear row is one matrix for all series
(ridge.py), on windows of two weeks, as long as the network's, or of a year. The weekly forecaster is given weekly dates and
finds the season itself. Shown is the median of the seeds; "network alone" are the same forecasters without their statistical
parts. The published figure is the competition's.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import statistics
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray
from ridge import Ridge

from unrolled import Forecaster
from unrolled.codecs.scaling import SeriesScaling
from unrolled.metrics.baselines import seasonal_naive
from unrolled.metrics.forecasts import Case, Evaluation, evaluate_cases
from unrolled.tasks.forecasting.model import PARTS
from unrolled.version import library_version

Values = NDArray[np.float64]

DAY, WEEK, YEAR = 24, 168, 52
ROLES = {"target": "y", "series": "series", "time": "time"}
FITS: dict[str, dict[str, Any]] = {
    "windows": {},
    "student_t": {"distribution": "student_t"},
    "smoothing": {"method": "smoothing"},
}


@dataclass(frozen=True)
class Frequency:
    """Series of one frequency.

    Attributes:
        file: how the names of their files begin.
        season: season length given to the forecaster; None where it has dates to find it by.
        scale: season length of the competition's MASE.
        window: steps that the linear forecast reads.
        repeated: the last steps that a forecast without learning repeats, by its name.
        published: what the competition found.
    """

    file: str
    season: int | None
    scale: int
    horizon: int
    window: int
    repeated: dict[str, int]
    published: str = ""

    def times(self, steps: int) -> NDArray[Any]:
        """Numbers, or weekly dates."""
        numbers = np.arange(steps)
        return numbers if self.season else np.datetime64("1970-01-05") + 7 * numbers


FREQUENCIES = {
    "hourly": Frequency(
        "Hourly", DAY, DAY, 48, 336, {"last day repeated": DAY, "last week repeated": WEEK},
        "Published: the winner, ES-RNN, had a sMAPE of 9.328.",
    ),
    "weekly": Frequency("Weekly", None, 1, 13, YEAR, {"last week repeated": 1, "last year repeated": YEAR}),
}  # fmt: skip


def read(path: Path) -> dict[str, Values]:
    """The series by name; rows are filled up with blanks."""
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        _, *rows = csv.reader(file)
    return {row[0]: np.array([float(cell) for cell in row[1:] if cell]) for row in rows}


def linear(train: list[Values], frequency: Frequency) -> Values:
    """Forecasts ``[N, H]`` of one matrix for all series."""
    window = frequency.window
    scalings = [SeriesScaling.fit(values, frequency.scale) for values in train]
    z = [scaling.transform(values) for scaling, values in zip(scalings, train, strict=True)]
    ahead = Ridge(z, window, frequency.horizon, last=False)(np.stack([values[-window:] for values in z]))
    return np.stack([scaling.inverse(row) for scaling, row in zip(scalings, ahead, strict=True)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("frequency", choices=FREQUENCIES)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only", nargs="+", choices=list(FITS), default=list(FITS)[:2])
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    frequency = FREQUENCIES[options.frequency]
    horizon = frequency.horizon
    train, test = (read(options.folder / f"{frequency.file}-{part}.csv.gz") for part in ("train", "test"))
    past, ahead = list(train.values()), list(test.values())
    frame = pl.concat(
        pl.DataFrame({"series": [name] * len(values), "time": frequency.times(len(values)), "y": values})
        for name, values in train.items()
    )
    print(f"unrolled {library_version()}, torch {torch.__version__}, {options.threads} threads, {options.seeds} seeds")
    print(
        f"{len(past)} {options.frequency} series of {min(map(len, past))} to {max(map(len, past))} values, {horizon} ahead\n"
    )
    print("| method | sMAPE | range | MASE | in the 80 % interval | s a seed (of CPU) |")
    print("|---|--:|--:|--:|--:|--:|")

    def judged(quantiles: Values, levels: tuple[float, ...]) -> Evaluation:
        cases = [Case(*case) for case in zip(past, ahead, quantiles, strict=True)]
        return evaluate_cases(cases, frequency.scale, levels)

    least = np.inf
    began = time.perf_counter()
    baselines = {
        **{
            name: np.stack([seasonal_naive(values, horizon, steps) for values in past])
            for name, steps in frequency.repeated.items()
        },
        "linear, one for all": linear(past, frequency),
    }
    seconds = time.perf_counter() - began
    for name, forecast in baselines.items():
        found = judged(forecast[:, :, None], (0.5,))
        least = min(least, found.smape)
        took = f"{seconds:.0f}" if name.startswith("linear") else ""
        print(f"| {name} | {found.smape:.3f} | | {found.mase:.3f} | | {took} |", flush=True)
    for name in options.only:
        rows: dict[str, list[Evaluation]] = {f"Forecaster, {name}": [], f"Forecaster, {name}, network alone": []}
        began, cpu = time.perf_counter(), time.process_time()
        for seed in range(options.seeds):
            parameters = {**FITS[name], "season_length": frequency.season, "horizon": horizon}
            forecaster = Forecaster(**parameters, random_state=seed).fit(frame, **ROLES)
            model = forecaster.model_
            for row, parts in zip(rows, (PARTS, ("network",)), strict=True):
                forecasts = model.forecast(model.trained, horizon, parts=parts)
                rows[row].append(judged(forecasts, forecaster.quantiles_))
                if sys.stderr.isatty():
                    print(f"\r\x1b[K{row}, seed {seed}: {rows[row][-1].smape:.3f}", end="", file=sys.stderr)
        seconds = (time.perf_counter() - began) / options.seeds
        cpu = (time.process_time() - cpu) / options.seeds
        if sys.stderr.isatty():
            print("\r\x1b[K", end="", file=sys.stderr)
        for row, results in rows.items():
            errors = [found.smape for found in results]
            losing = "*" if statistics.median(errors) > least else ""
            inside = [found.coverage or 0.0 for found in results]
            print(
                f"| {row} | {statistics.median(errors):.3f}{losing} | {min(errors):.3f} to {max(errors):.3f}"
                f" | {statistics.median([found.mase or np.nan for found in results]):.3f}"
                f" | {statistics.median(inside):.1%} | {seconds:.0f} ({cpu:.0f}) |",
                flush=True,
            )
    if frequency.published:
        print(f"\n{frequency.published}")


if __name__ == "__main__":
    main()
