"""What predicts the next frame of a piano roll without a network: how often each note sounds, what sounded before, n-grams.

Each takes rolls ``[T, P]`` to learn from and gives the log-likelihoods ``[T]`` of the frames of others, in nats.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.codecs.frame_tokens import FrameTokens
from unrolled.statistical.ngrams import NGrams

Roll = NDArray[Any]
Told = list[NDArray[np.float64]]

BEFORE_ANY = 1.0  # times each of two answers counts as seen, of every note


def note_frequencies(learned: Sequence[Roll], asked: Sequence[Roll]) -> Told:
    """Each note as often as it sounds."""
    every = np.concatenate(learned)
    p = (every.sum(0) + BEFORE_ANY) / (len(every) + 2 * BEFORE_ANY)
    return [_log_p(roll, np.broadcast_to(p, roll.shape)) for roll in asked]


def repeat_the_last(learned: Sequence[Roll], asked: Sequence[Roll]) -> Told:
    """Each note as often as it sounds after a frame where it sounds, or does not."""
    before = np.concatenate([_shifted(roll) for roll in learned])
    now = np.concatenate(learned)
    p = [
        ((now * (before == was)).sum(0) + BEFORE_ANY) / ((before == was).sum(0) + 2 * BEFORE_ANY) for was in (0, 1)
    ]  # of each note
    return [_log_p(roll, np.where(_shifted(roll) == 1, p[1], p[0])) for roll in asked]


def ngrams(learned: Sequence[Roll], asked: Sequence[Roll], order: int) -> Told:
    """Notes of a frame in rising order and its end, each given the ``order - 1`` symbols before it.

    As the networks they say nothing that cannot come, such as a note that does not rise; the rest has all of the probability.
    """
    codec = FrameTokens(learned[0].shape[1])
    model = NGrams.counted([codec.encode(roll) for roll in learned], tokens=codec.symbols, order=order)
    begin = codec.symbols + 1
    found: Told = []
    for roll in asked:
        symbols = codec.encode(roll)
        padded = np.concatenate([np.full(order - 1, -1), symbols])
        contexts = np.lib.stride_tricks.sliding_window_view(padded, order)[:, :-1]
        may = codec.may_follow[np.concatenate([[begin], symbols[:-1]]), : codec.symbols]
        p = np.where(may, np.exp(model.following(contexts)), 0)
        p /= p.sum(1, keepdims=True)
        found.append(codec.frame_sums(symbols, np.log(p[np.arange(len(symbols)), symbols])))
    return found


def _shifted(roll: Roll) -> Roll:
    """The frame before each, silence before the first."""
    return np.concatenate([np.zeros_like(roll[:1]), roll[:-1]])


def _log_p(roll: Roll, p: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(roll == 1, np.log(p), np.log1p(-p)).sum(1)
