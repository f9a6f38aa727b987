"""Language models of n-grams, of :mod:`unrolled.statistical.ngrams`; the order is chosen on the validation part."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from unrolled.aliases import Values
from unrolled.comparison.generate import GenerateTask
from unrolled.comparison.plain import Fitted, PlainFamily
from unrolled.statistical.ngrams import BEFORE, NGrams

__all__ = ["NGRAM", "piece_log_p"]

ORDERS = range(2, 9)


def piece_log_p(model: NGrams, said: NDArray[np.int64]) -> Values:
    """The log-likelihood of each symbol of a piece ``[U]`` after those before it.

    >>> model = NGrams.counted([[0, 1, 0, 1]], tokens=2, order=2)
    >>> piece_log_p(model, np.array([0, 1])).round(2).tolist()
    [-0.23, -0.34]
    """
    n = model.order - 1
    padded = np.concatenate([np.full(n, BEFORE), said[:-1]])
    contexts = np.lib.stride_tricks.sliding_window_view(padded, n) if n else np.empty((len(said), 0), np.int64)
    return model.log_p(contexts[: len(said)], said)


def _fit(task: GenerateTask, seed: int) -> Fitted:
    symbols = task.head.outputs if task.ends else task.head.symbols
    eos = task.head.end if task.ends else None

    def log_p(model: NGrams, pieces: Sequence[NDArray[np.int64]]) -> list[Values]:
        return [piece_log_p(model, task.expected(piece)) for piece in pieces]

    tried = [NGrams.counted(task.whole, tokens=symbols, order=order, eos=eos) for order in ORDERS]
    best = min(tried, key=lambda model: task.score(log_p(model, task.pieces[1]), validation=True))
    reach = best.order - 1
    return Fitted(lambda: log_p(best, task.pieces[2]), sum(best.sizes), reach, reach, f"order {best.order}")


NGRAM = PlainFamily("ngram", {"generate": _fit}, "it foretells symbols from the last few, which the task has none of")
