"""Medians of calls that take turns, and how far they can be trusted."""

from __future__ import annotations

import gc
import random
import time
from collections.abc import Callable, Mapping
from statistics import quantiles
from typing import Any, NamedTuple

import msgspec

__all__ = ["Effort", "Timing", "time_in_turns"]

TURN = 0.01
"""Seconds a turn should last, so that a short call is timed often."""
MOST_CALLS = 30
LONG_CALL = 0.02
"""Seconds beyond which a call does not feel what ran before it."""
PAUSE = 0.05
"""Seconds beyond which the threads of another library, ready for its next loop, have stopped spinning: those of ONNX
Runtime go on for 36 ms."""


class Effort(msgspec.Struct, frozen=True):
    """How long each case is timed."""

    seconds: float
    """Aim for the turns of all contenders together."""
    least_rounds: int
    most_rounds: int
    starts: int = 0
    """Fresh processes of each library that feel its start."""


class Timing(NamedTuple):
    """What many calls of one kind took."""

    median: float
    """Seconds."""
    spread: float
    """The third quartile as a multiple of the first: near 1 unless something else was at work."""


def time_in_turns(calls: Mapping[str, Callable[[], Any]], effort: Effort) -> dict[str, Timing]:
    """Time each call, all of them warm and taking turns.

    Before a turn there is a pause, and for short calls one that is not timed: threads of the library that ran before
    may spin for a while, and its data fill the caches.

    >>> times = time_in_turns({"nothing": lambda: None}, Effort(seconds=0, least_rounds=2, most_rounds=2))
    >>> times["nothing"].median > 0
    True
    """
    expected = {name: _warm(call) for name, call in calls.items()}
    turns = {name: max(1, min(MOST_CALLS, int(TURN / seconds))) for name, seconds in expected.items()}
    round_seconds = sum((turns[name] + (s < LONG_CALL)) * s + PAUSE for name, s in expected.items())
    rounds = max(effort.least_rounds, min(effort.most_rounds, int(effort.seconds / round_seconds)))
    samples: dict[str, list[float]] = {name: [] for name in calls}
    names, order = list(calls), random.Random(0)
    gc.collect()
    gc.disable()
    try:
        for _ in range(rounds):
            order.shuffle(names)  # nobody always follows the same one
            for name in names:
                call = calls[name]
                time.sleep(PAUSE)
                if expected[name] < LONG_CALL:
                    call()
                samples[name] += [_timed(call) for _ in range(turns[name])]
    finally:
        gc.enable()
    return {name: _summary(times) for name, times in samples.items()}


def _summary(times: list[float]) -> Timing:
    if len(times) == 1:
        return Timing(times[0], 1.0)
    first, middle, third = quantiles(times, n=4, method="inclusive")
    return Timing(middle, third / first)


def _timed(call: Callable[[], Any]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def _warm(call: Callable[[], Any]) -> float:
    call()
    return max(1e-6, min(_timed(call), _timed(call)))
