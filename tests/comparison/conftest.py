from __future__ import annotations

import numpy as np
import pytest

from unrolled.comparison import Part, classify_task, forecast_task, generate_task, tag_task


@pytest.fixture(scope="session")
def series():
    """Two waves under noise: learned from, validated on, and tested."""
    rng = np.random.default_rng(0)
    t = np.arange(90)
    values = [20 + k + 5 * np.sin(2 * np.pi * t / 6) + rng.normal(size=90) for k in range(2)]
    return forecast_task(values, [(50, 70)] * 2, season=6, window=9, horizon=3, batch_size=16)


@pytest.fixture(scope="session")
def classes():
    """Whether a sequence rises or falls."""
    rng = np.random.default_rng(1)
    parts = []
    for count in (40, 16, 20):
        up = rng.integers(0, 2, count)
        items = [
            np.outer(np.arange(n), [s, -s]) * 0.3 + rng.normal(size=(n, 2))
            for n, s in zip(rng.integers(4, 12, count), 2 * up - 1, strict=True)
        ]
        parts.append(Part(items, ["up" if each else "down" for each in up]))
    return classify_task(parts, "numbers", batch_size=16)


WORDS = {"a": "DET", "the": "DET", "dog": "NOUN", "cat": "NOUN", "sees": "VERB", "walks": "VERB", "walk": "NOUN"}


@pytest.fixture(scope="session")
def tags():
    """Sentences of a few words, of which one that is no verb looks like one."""
    rng = np.random.default_rng(2)
    nouns, verbs = ["dog", "cat", "walk"], ["sees", "walks"]
    parts = []
    for count in (40, 15, 20):
        items = [[rng.choice(["a", "the"]), rng.choice(nouns), rng.choice(verbs)] for _ in range(count)]
        items = [sentence + ["the", str(rng.choice(nouns))] * int(rng.integers(2)) for sentence in items]
        items = [[str(word) for word in sentence] for sentence in items]
        parts.append(Part(items, [[WORDS[word] for word in sentence] for sentence in items]))
    return tag_task(parts, "tokens", batch_size=16)


@pytest.fixture(scope="session")
def text():
    """One long text in three parts."""
    rng = np.random.default_rng(3)
    words = ["abba ", "baba ", "cab "]
    return generate_task(
        [["".join(rng.choice(words, 300))], ["".join(rng.choice(words, 60))], ["".join(rng.choice(words, 60))]],
        batch_size=8,
    )
