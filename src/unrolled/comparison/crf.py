r"""Conditional random fields, by sklearn-crfsuite.

.. math:: p(y[1..T] \mid x) \propto \exp\Big(\sum_t w \cdot f(x, t, y[t]) + \sum_{t>1} A_{y[t-1] y[t]}\Big)

with features :math:`f` that are made by hand: of a word itself, its last letters, its capitals and digits, and its neighbours;
of numbers those of the steps around. Weights are learned with an L1 and an L2 penalty, of which three strengths are tried.
Source: Lafferty, McCallum, Pereira 2001, *Conditional random fields: probabilistic models for segmenting and labeling sequence
data*.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.comparison.plain import Fitted, PlainFamily
from unrolled.comparison.tag import TagTask

__all__ = ["CRF", "features"]

PENALTIES = (0.03, 0.1, 0.3)
AROUND = (-2, -1, 0, 1, 2)
ITERATIONS = 100


def features(item: Any, of_words: bool) -> list[dict[str, Any]]:
    """What is said of each step.

    >>> features(["The", "cat"], True)[1]["-1:word"], features(np.array([[1.5], [2.5]]), False)[0]["1:x0"]
    ('the', 2.5)
    """
    if of_words:
        return [_of_word(item, t) for t in range(len(item))]
    return [
        {f"{d}:x{c}": float(value) for d in AROUND if 0 <= t + d < len(item) for c, value in enumerate(item[t + d])}
        for t in range(len(item))
    ]


def _of_word(words: Sequence[str], t: int) -> dict[str, Any]:
    word = words[t]
    found: dict[str, Any] = {
        "word": word.lower(), "last 3": word[-3:].lower(), "last 2": word[-2:].lower(), "upper": word.isupper(),
        "title": word.istitle(), "digit": any(letter.isdigit() for letter in word), "first": t == 0,
        "last": t == len(words) - 1,
    }  # fmt: skip
    for d in (-1, 1):
        if 0 <= t + d < len(words):
            found |= {f"{d}:word": words[t + d].lower(), f"{d}:title": words[t + d].istitle()}
    return found


def _fit(task: TagTask, seed: int) -> Fitted:
    import sklearn_crfsuite

    of_words = task.encoded.tokens is not None
    given = task.items if of_words else task.encoded.parts
    training, validation, test = ([features(item, of_words) for item in part] for part in given)
    named = [[task.tags[k] for k in tags] for tags in task.targets[0]]
    places = {tag: k for k, tag in enumerate(task.tags)}

    def answers(model: Any, part: list[Any]) -> list[NDArray[np.int64]]:
        return [np.array([places[tag] for tag in tags]) for tags in model.predict(part)]

    tried = {
        c: sklearn_crfsuite.CRF("lbfgs", c1=c, c2=c, max_iterations=ITERATIONS, all_possible_transitions=True).fit(
            training, named
        )
        for c in PENALTIES
    }
    best = max(tried, key=lambda c: task.score(answers(tried[c], validation), validation=True))
    model: Any = tried[best]
    numbers = len(model.state_features_) + len(model.transition_features_)
    return Fitted(lambda: answers(model, test), numbers, None, None, f"penalty {best:g}")


CRF = PlainFamily(
    "crf",
    {"tag": _fit},
    "it gives every step of a sequence a tag, and the task asks for none",
    package="sklearn-crfsuite",
)
