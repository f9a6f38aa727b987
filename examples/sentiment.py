"""Does the critic like the film? The sentiment of single sentences of reviews, in two classes and in three.

    python examples/sentiment.py movieReviewSnippets_GroundTruth.txt [--small]

The file has 10,605 sentences and the mean of what 20 people or more said of each, from -4 to 4 (Hutto, Gilbert 2014,
*VADER*). It is in the source archive of the package vaderSentiment (pip download --no-deps --no-binary :all:
vaderSentiment), there in additional_resources/hutto_ICWSM_2014.tar.gz. Two classes: above and below zero. Three:
neutral is from -0.5 to 0.5. A tenth of the sentences, drawn once, is the test. The baselines are the commonest class
and naive Bayes on words and pairs of words (scikit-learn).

Run in full, about 3 minutes on one core of a shared machine, it printed:

    negative or positive: 9512 sentences to learn from, 1056 to test

    commonest class       0.490
    naive Bayes           0.793
    SequenceClassifier    0.807 of the sentences are right

    negative or neutral or positive: 9545 sentences to learn from, 1060 to test

    commonest class       0.470
    naive Bayes           0.774
    SequenceClassifier    0.749 of the sentences are right

    positive  A film of rare beauty.
    negative  It never finds its feet, and neither do we.
    negative  The film lasts two hours.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline

from unrolled import SequenceClassifier


def compare(texts: np.ndarray, y: np.ndarray, small: bool) -> SequenceClassifier:
    """Train on nine tenths of the texts, print what is right in the rest."""
    test, train = np.split(np.random.default_rng(0).permutation(len(texts)), [len(texts) // 10])
    train = train[:1500] if small else train
    X, X_test = texts[train].tolist(), texts[test].tolist()
    classes, counts = np.unique(y[train], return_counts=True)
    print(f"{' or '.join(classes)}: {len(train)} sentences to learn from, {len(test)} to test\n")
    print(f"{'commonest class':<22}{np.mean(y[test] == classes[counts.argmax()]):.3f}")
    bayes = make_pipeline(CountVectorizer(ngram_range=(1, 2)), MultinomialNB()).fit(X, y[train])
    print(f"{'naive Bayes':<22}{bayes.score(X_test, y[test]):.3f}")
    classifier = SequenceClassifier(members=1 if small else 3, max_epochs=5 if small else 8, random_state=0).fit(
        X, y[train]
    )
    print(f"{'SequenceClassifier':<22}{classifier.score(X_test, y[test]):.3f} of the sentences are right\n")
    return classifier


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--small", action="store_true", help="less of everything, a few seconds")
    options = parser.parse_args()
    rows = [line.split("\t") for line in options.file.read_text(encoding="utf-8").splitlines()]
    texts, ratings = np.array([row[2] for row in rows]), np.array([float(row[1]) for row in rows])

    sided = ratings != 0
    compare(texts[sided], np.where(ratings > 0, "positive", "negative")[sided], options.small)
    three = np.select([ratings > 0.5, ratings < -0.5], ["positive", "negative"], "neutral")
    classifier = compare(texts, three, options.small)
    for text in ("A film of rare beauty.", "It never finds its feet, and neither do we.", "The film lasts two hours."):
        print(f"{classifier.predict([text])[0]:<9} {text}")


if __name__ == "__main__":
    main()
