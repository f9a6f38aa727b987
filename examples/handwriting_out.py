"""Handwriting out: from a letter to the strokes of a pen, and a word written several times.

    python examples/handwriting_out.py [--small] [--svg word.svg]

Seven letters are written below as a few points each. Many hands are made of them: points between these, slanted, stretched and
with a tremor. The generator learns which way the pen goes next, and where it is lifted: a mixture of Gaussians over the next
position for each step, and a chance that the letter has ended. What it draws is read by a classifier that has learned from other
hands, at several temperatures: the lower, the more each letter looks like the usual one.

Run in full, about 15 seconds on one core, it printed what follows.

    700 letters to learn from

    written by new hands    1.000 are read rightly
    drawn, temperature 1.0  0.990 are read rightly
    drawn, temperature 0.5  1.000 are read rightly
    drawn, temperature 0.2  1.000 are read rightly
    chance                  0.143
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from unrolled import SequenceClassifier, SequenceGenerator
from unrolled.charts.chart import Chart
from unrolled.charts.strokes import strokes_figure

LETTERS = {  # strokes as points (x, y), y upwards; the small letters are 10 high
    "u": [[(0, 10), (0, 3), (2, 0), (5, 0), (7, 3), (7, 10)], [(7, 6), (7, 0), (8, 0)]],
    "n": [[(0, 10), (0, 0)], [(0, 7), (2, 10), (5, 10), (7, 7), (7, 0)]],
    "r": [[(0, 10), (0, 0)], [(0, 7), (2, 10), (5, 9)]],
    "o": [[(4, 10), (1, 8), (0, 5), (1, 2), (4, 0), (7, 2), (8, 5), (7, 8), (4, 10)]],
    "l": [[(0, 20), (0, 2), (1, 0), (3, 0)]],
    "e": [[(0, 5), (7, 5), (7, 8), (4, 10), (1, 8), (0, 5), (1, 2), (4, 0), (7, 2)]],
    "d": [[(7, 8), (4, 10), (1, 8), (0, 5), (1, 2), (4, 0), (7, 3)], [(7, 20), (7, 0)]],
}
SPACING = 2.5  # from one point to the next


def written(letter: str, rng: np.random.Generator) -> np.ndarray:
    """A letter by one of many hands, ``[T, 3]``: x, y, and whether the pen is lifted after the point."""
    slant, stretch = 0.15 * rng.normal() + 0.2, 1 + 0.1 * rng.normal(size=2)
    rows = []
    for stroke in LETTERS[letter]:
        corners = np.array(stroke, float) * stretch + 0.3 * rng.normal(size=2)
        corners[:, 0] += slant * corners[:, 1]
        way = np.append(0, np.cumsum(np.hypot(*np.diff(corners, axis=0).T)))
        count = max(2, round(way[-1] / SPACING))
        points = np.stack([np.interp(np.linspace(0, way[-1], count), way, axis) for axis in corners.T], axis=1)
        points += 0.2 * rng.normal(size=points.shape)
        rows.append(np.column_stack([points, np.arange(count) == count - 1]))
    return np.concatenate(rows)


def hands(count: int, seed: int) -> tuple[list[np.ndarray], list[str]]:
    """So many of each letter."""
    rng, y = np.random.default_rng(seed), list(LETTERS) * count
    return [written(letter, rng) for letter in y], y


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--small", action="store_true", help="less of everything, a few seconds")
    parser.add_argument("--svg", type=Path, help="a picture of the word")
    options = parser.parse_args()
    X, y = hands(40 if options.small else 100, seed=0)
    print(f"{len(X)} letters to learn from\n")
    generator = SequenceGenerator(
        positions=True, hidden_size=48 if options.small else 96, batch_size=20, max_epochs=10 if options.small else 30, dropout=0,
        components=5, learning_rate=0.01, validation_fraction=0, random_state=0,
    ).fit(X, y)  # fmt: skip
    classifier = SequenceClassifier(members=1, max_epochs=10 if options.small else 20, random_state=0)
    classifier.fit(*hands(30 if options.small else 60, seed=1))

    def show(name: str, pieces: list[np.ndarray], asked: list[str]) -> None:
        read = classifier.predict([piece if len(piece) else np.zeros((1, 3)) for piece in pieces])
        print(f"{name:<24}{np.mean(read == np.array(asked)):.3f} are read rightly")

    show("written by new hands", *hands(30, seed=2))
    asked = list(LETTERS) * (5 if options.small else 30)
    for temperature in (1.0, 0.5, 0.2):
        drawn = generator.generate(condition=asked, temperature=temperature, seed=0)
        show(f"drawn, temperature {temperature}", drawn, asked)
    print(f"{'chance':<24}{1 / len(LETTERS):.3f}")
    if options.svg:
        pieces = generator.generate(condition=list("unrolled") * 4, temperature=0.3, seed=1)
        Chart(strokes_figure(pieces, label="unrolled, four times", upwards=True)).save(options.svg)


if __name__ == "__main__":
    main()
