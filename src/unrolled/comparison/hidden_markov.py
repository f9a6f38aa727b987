r"""Hidden Markov models, by hmmlearn.

.. math:: p(x[1..T], s[1..T]) = \pi_{s_1} \prod_{t>1} A_{s_{t-1} s_t} \prod_t p(x[t] \mid s_t)

with a normal distribution of independent numbers for each state, or probabilities of words. For classification each class has a
model of its own, learned by expectation maximisation; the answer is the class with the highest likelihood times its share. For
tagging the states are the tags, whose probabilities are counted, and the answer is the most probable path (Viterbi). Source:
Rabiner 1989, *A tutorial on hidden Markov models and selected applications in speech recognition*.
"""

from __future__ import annotations

import logging
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.aliases import Values
from unrolled.comparison.classify import ClassifyTask
from unrolled.comparison.plain import Fitted, PlainFamily
from unrolled.comparison.tag import TagTask

__all__ = ["HMM", "tag_model"]

STATES = (1, 2, 4, 8)
"""Of a class's model; the number is chosen on the validation part."""
ADDED = (1.0, 0.1, 0.01)
"""Added to counts of words; chosen likewise."""
LEAST_VARIANCE = 1e-2


def _joined(items: Sequence[Any], of_words: bool) -> tuple[NDArray[Any], list[int]]:
    """Items as hmmlearn takes them: one after the other, and their lengths."""
    arrays = [item.words[:, None] if of_words else item.astype(np.float64) for item in items]
    return np.concatenate(arrays), [len(array) for array in arrays]


@contextmanager
def _quiet() -> Generator[None]:
    """While hmmlearn warns of likelihoods that fall by rounding, and of classes with few examples."""
    logger = logging.getLogger("hmmlearn")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)


def _class_model(items: Sequence[Any], words: int | None, states: int, seed: int) -> Any:
    from hmmlearn import hmm

    x, lengths = _joined(
        [*items, *items] if sum(map(len, items)) < 2 else items, words is not None
    )  # it needs two steps
    options: dict[str, Any] = {"n_components": states, "n_iter": 20, "random_state": seed}
    if words is None:
        model = hmm.GaussianHMM(covariance_type="diag", min_covar=LEAST_VARIANCE, **options)
    else:
        model = hmm.CategoricalHMM(n_features=words, emissionprob_prior=1.1, **options)
    model.fit(x, lengths)
    steps = model.transmat_
    model.transmat_ = np.where(steps.sum(1, keepdims=True) > 0, steps, 1 / states)  # of a state that nothing has left
    return model


def _fit_classes(task: ClassifyTask, seed: int) -> Fitted:
    tokens, targets = task.encoded.tokens, task.targets[0]
    words = None if tokens is None else tokens.words
    shares = np.log(np.bincount(targets) / len(targets))

    def answers(models: list[Any], part: int) -> NDArray[np.int64]:
        scores = [
            [model.score(_joined([item], words is not None)[0]) for model in models]
            for item in task.encoded.parts[part]
        ]
        return (np.array(scores) + shares).argmax(1)

    of_class = [[task.encoded.parts[0][n] for n in np.flatnonzero(targets == k)] for k in range(len(task.classes))]
    fewest = min(sum(map(len, items)) for items in of_class)
    with _quiet():
        tried = {S: [_class_model(items, words, S, seed) for items in of_class] for S in STATES if fewest >= S}
    best = max(tried, key=lambda S: task.score(answers(tried[S], 1), validation=True))
    emitted = 2 * task.context.inputs if words is None else words - 1
    numbers = len(of_class) * (best - 1 + best * (best - 1) + best * emitted)
    return Fitted(
        lambda: answers(tried[best], 2), numbers, None, best * len(of_class), f"{best} state{'s' * (best > 1)} a class"
    )


def tag_model(task: TagTask, added: float) -> Any:
    """The model whose states are tags, with the probabilities that are counted; a little is added to every count of words."""
    from hmmlearn import hmm

    K = len(task.tags)
    start, steps = np.full(K, 0.1), np.full((K, K), 0.1)
    for tags in task.targets[0]:
        start[tags[0]] += 1
        np.add.at(steps, (tags[:-1], tags[1:]), 1)
    y = np.concatenate(task.targets[0])
    x, _ = _joined(task.encoded.parts[0], task.encoded.tokens is not None)
    if task.encoded.tokens is not None:
        words = np.full((K, task.encoded.tokens.words), added)
        np.add.at(words, (y, x[:, 0]), 1)
        model = hmm.CategoricalHMM(K, n_features=words.shape[1])
        model.emissionprob_ = _shares(words)
    else:
        model = hmm.GaussianHMM(K, covariance_type="diag")
        model.means_ = np.stack([x[y == k].mean(0) for k in range(K)])
        model.covars_ = np.stack([x[y == k].var(0) + LEAST_VARIANCE for k in range(K)])
        model.n_features = x.shape[1]
    model.startprob_, model.transmat_ = _shares(start), _shares(steps)
    return model


def _shares(counts: Values) -> Values:
    return counts / counts.sum(-1, keepdims=True)


def _paths(task: TagTask, model: Any, part: int) -> list[NDArray[np.int64]]:
    x, lengths = _joined(task.encoded.parts[part], task.encoded.tokens is not None)
    return np.split(model.predict(x, lengths).astype(np.int64), np.cumsum(lengths)[:-1])


def _fit_tags(task: TagTask, seed: int) -> Fitted:
    tokens, K = task.encoded.tokens, len(task.tags)
    tried = {added: tag_model(task, added) for added in (ADDED if tokens is not None else ADDED[:1])}
    best = max(tried, key=lambda added: task.score(_paths(task, tried[added], 1), validation=True))
    emitted = 2 * task.context.inputs if tokens is None else tokens.words - 1
    numbers = K - 1 + K * (K - 1) + K * emitted
    return Fitted(lambda: _paths(task, tried[best], 2), numbers, None, None, f"{best:g} added to counts")


HMM = PlainFamily(
    "hmm",
    {"classify": _fit_classes, "tag": _fit_tags},
    "its states are fitted to labels here, which the task has none of",
    package="hmmlearn",
    seeded=("classify",),
)
