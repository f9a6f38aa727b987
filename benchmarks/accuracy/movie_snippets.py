"""Sentiment of 10,605 snippets of movie reviews, beside bags of words.

    python benchmarks/accuracy/movie_snippets.py FOLDER [--seeds N] [--threads N]

``FOLDER`` is ``hutto_ICWSM_2014``, unpacked from ``additional_resources/hutto_ICWSM_2014.tar.gz`` in the source package of
vaderSentiment (Hutto and Gilbert 2014); its ``movieReviewSnippets_GroundTruth.txt`` has the mean of twenty people's ratings, from
-4 to 4, of snippets that Pang and Lee collected. Two classes: the sign of the rating. Three classes: below -0.5, to 0.5, above.
Each seed is another random split, 80 % to learn from, 10 % to choose the epoch, 10 % to test. The classifier has its default
parameters but for ``max_epochs=10``. Baselines, which learn from 90 %: logistic regression (C = 10) and naive Bayes on TF-IDF of
words and pairs of words (scikit-learn); of seven such pipelines these did best. A star marks a figure below the better
baseline's.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline

from unrolled import SequenceClassifier
from unrolled.metrics.classes import accuracy, macro_f1
from unrolled.version import library_version

WORD = r"(?u)\b\w+\b"  # one letter suffices; scikit-learn's default leaves "I" and "a" out


def snippets(folder: Path) -> tuple[NDArray[np.str_], NDArray[np.float64]]:
    lines = (folder / "movieReviewSnippets_GroundTruth.txt").read_text(encoding="latin-1").splitlines()
    rows = [line.split("\t") for line in lines if line]
    return np.array([row[2] for row in rows]), np.array([float(row[1]) for row in rows])


def splits(count: int, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """What is learned from, the part that chooses the epoch included, and what is tested on."""
    order = np.random.default_rng(seed).permutation(count)
    return order[count // 10 :], order[: count // 10]


def progress(told) -> None:
    if sys.stderr.isatty():
        print(f"\r\x1b[K{told.phase}: step {told.step} of {told.steps}", end="", file=sys.stderr)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    texts, ratings = snippets(options.folder)
    signed = ratings != 0
    problems = {
        "2, by sign": (texts[signed], np.where(ratings[signed] > 0, "positive", "negative")),
        "3, by ±0.5": (texts, np.select([ratings < -0.5, ratings > 0.5], ["negative", "positive"], "neutral")),
    }
    print(
        f"unrolled {library_version()}, torch {torch.__version__}, {options.threads} threads, mean of {options.seeds} splits\n"
    )
    print("| classes | snippets | | accuracy | by split | macro F1 | s a split |")
    print("|---|--:|---|--:|--:|--:|--:|")
    for name, (X, y) in problems.items():
        models = {
            "TF-IDF, logistic regression": lambda seed: make_pipeline(
                TfidfVectorizer(ngram_range=(1, 2), token_pattern=WORD, sublinear_tf=True),
                LogisticRegression(C=10, max_iter=1000),
            ),
            "TF-IDF, naive Bayes": lambda seed: make_pipeline(
                TfidfVectorizer(ngram_range=(1, 2), token_pattern=WORD), MultinomialNB()
            ),
            "SequenceClassifier": lambda seed: SequenceClassifier(
                max_epochs=10, validation_fraction=1 / 9, random_state=seed, callback=progress
            ),
        }
        best = 0.0
        for title, model in models.items():
            began, found = time.perf_counter(), []
            for seed in range(options.seeds):
                train, test = splits(len(X), seed)
                said = model(seed).fit(X[train], y[train]).predict(X[test])
                found.append((accuracy(y[test], said), macro_f1(y[test], said)))
            if sys.stderr.isatty():
                print("\r\x1b[K", end="", file=sys.stderr)
            right, f1 = np.mean(found, axis=0)
            star = "*" if right < best else ""
            best = max(best, right)
            each = ", ".join(f"{one:.3f}" for one, _ in found)
            seconds = (time.perf_counter() - began) / options.seeds
            print(
                f"| {name} | {len(X)} | {title} | {right:.4f}{star} | {each} | {f1:.4f} | {seconds:.0f} |", flush=True
            )


if __name__ == "__main__":
    main()
