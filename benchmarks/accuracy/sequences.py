"""Accuracy of the sequence classifier on three sets of the UEA and UCR archives, beside nearest neighbours.

    python benchmarks/accuracy/sequences.py FOLDER [--sets NAME ...] [--seeds N] [--threads N]

``FOLDER`` holds ``NAME/NAME_TRAIN.ts`` and ``NAME_TEST.ts``, as the package aeon has them in ``aeon/datasets/data``. Training and
test part are the archive's; parameters are the defaults for every set. Shown is the median of the seeds. The baseline
needs no learning: the nearest training sequence, by Euclidean distance of standardised channels, sequences stretched to the
longest one's length. Figures of others: echo-state network and ResNet for JapaneseVowels as in the archive's literature,
InceptionTime (Fawaz et al. 2020, arXiv 1909.04939) for the others.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from unrolled import SequenceClassifier
from unrolled.data.ts import read_ts
from unrolled.version import library_version

OTHERS = {
    "JapaneseVowels": "echo-state 0.965, ResNet 0.992",
    "BasicMotions": "InceptionTime 1.000",
    "ArrowHead": "InceptionTime 0.863",
}


def stretched(sequences: list[NDArray[np.float64]], steps: int) -> NDArray[np.float64]:
    """All sequences with as many steps, by linear interpolation, as rows."""
    at = np.linspace(0, 1, steps)
    rows = [[np.interp(at, np.linspace(0, 1, len(x)), channel) for channel in x.T] for x in sequences]
    return np.array(rows).reshape(len(sequences), -1)


def nearest_neighbour(train: list, y: NDArray[np.str_], test: list) -> NDArray[np.str_]:
    """The label of the training sequence that is nearest to each."""
    steps = np.concatenate(train)
    mean, deviation = steps.mean(0), steps.std(0)
    longest = max(map(len, train))
    a, b = (stretched([(x - mean) / deviation for x in part], longest) for part in (test, train))
    return y[((a[:, None] - b) ** 2).sum(2).argmin(1)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--sets", nargs="+", choices=list(OTHERS), default=list(OTHERS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print(
        f"unrolled {library_version()}, torch {torch.__version__}, {options.threads} threads, {options.seeds} seeds\n"
    )
    print("| set | train, test, classes | accuracy, median | range | nearest neighbour | others | s a seed |")
    print("|---|---|--:|--:|--:|---|--:|")
    for name in options.sets:
        (X, y), (X_test, y_test) = (read_ts(options.folder / name / f"{name}_{part}.ts") for part in ("TRAIN", "TEST"))
        began, found = time.perf_counter(), []
        for seed in range(options.seeds):
            found.append(SequenceClassifier(random_state=seed).fit(X, y).score(X_test, y_test))
            if sys.stderr.isatty():
                print(f"\r\x1b[K{name}, seed {seed}: {found[-1]:.4f}", end="", file=sys.stderr)
        seconds = (time.perf_counter() - began) / options.seeds
        baseline = float((nearest_neighbour(X, y, X_test) == y_test).mean())
        if sys.stderr.isatty():
            print("\r\x1b[K", end="", file=sys.stderr)
        losing = "*" if statistics.median(found) < baseline else ""
        print(
            f"| {name} | {len(X)}, {len(X_test)}, {len(set(y))} | {statistics.median(found):.4f}{losing} "
            f"| {min(found):.4f} to {max(found):.4f} | {baseline:.4f} | {OTHERS[name]} | {seconds:.0f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
