"""Classification of abroad.py: the SequenceClassifier's defaults beside MiniRocket and the nearest neighbour.

Peers are aeon's: MiniRocket with its ridge classifier, and the nearest neighbour by Euclidean distance and by dynamic time
warping within a tenth of the length. They are given sequences stretched to the longest one's length, MiniRocket to nine steps
at least.
"""

from __future__ import annotations

from collections.abc import Callable
from statistics import fmean, median

import numpy as np
from abroad_runs import Found, Method, Run
from abroad_sequences import SETS, Sequences, SequenceSet, Values

from unrolled import SequenceClassifier

__all__ = ["METHODS", "SETS", "report"]

OWN, PEERS = "unrolled", ("MiniRocket", "1-NN", "1-NN DTW")
NEAREST = PEERS[1:]
BEHIND = 0.05
"""Accuracy that a nearest neighbour may be ahead of the classifier."""


def stretched(sequences: list[Values], steps: int) -> Values:
    """All sequences with as many steps, by linear interpolation: ``[N, C, T]``, as aeon has them."""
    at = np.linspace(0, 1, steps)
    return np.array([[np.interp(at, np.linspace(0, 1, len(x)), channel) for channel in x.T] for x in sequences])


def unrolled(each: SequenceSet, seed: int) -> Run:
    of = each.load()
    return {"accuracy": SequenceClassifier(random_state=seed).fit(of.X, of.y).score(of.X_test, of.y_test)}


def minirocket(each: SequenceSet, seed: int) -> Run:
    from aeon.classification.convolution_based import MiniRocketClassifier

    return judge(MiniRocketClassifier(random_state=seed), each.load(), 9)


def nearest(distance: str) -> Callable[[SequenceSet, int], Run]:
    """The class of the nearest sequence."""

    def measure(each: SequenceSet, seed: int) -> Run:
        from aeon.classification.distance_based import KNeighborsTimeSeriesClassifier

        options = {"window": 0.1} if distance == "dtw" else None
        return judge(
            KNeighborsTimeSeriesClassifier(distance=distance, n_neighbors=1, distance_params=options), each.load(), 1
        )

    return measure


def judge(model, of: Sequences, fewest: int) -> Run:
    """A peer's accuracy on sequences of that many steps at least."""
    steps = max(fewest, *map(len, of.X))
    said = model.fit(stretched(of.X, steps), of.y).predict(stretched(of.X_test, steps))
    return {"accuracy": float((said == of.y_test).mean())}


METHODS = {
    OWN: Method(unrolled, seeded=True),
    "MiniRocket": Method(minirocket, seeded=True),
    "1-NN": Method(nearest("euclidean")),
    "1-NN DTW": Method(nearest("dtw")),
}


def report(found: Found) -> str:
    """The table by set, and what it adds up to."""
    rows = {
        name: {method: median(run["accuracy"] for run in runs) for method, runs in each.items()}
        for name, each in found.items()
    }
    lines = [f"| set | train, test, classes | {OWN} | {' | '.join(PEERS)} |", "|---|---|" + "--:|" * (1 + len(PEERS))]
    for name, row in rows.items():
        of = SETS[name].load()
        star = "*" if row[OWN] < max(row[peer] for peer in PEERS) else ""
        sizes = f"{len(of.X)}, {len(of.X_test)}, {len(set(of.y))}"
        lines.append(
            f"| {name} | {sizes} | {row[OWN]:.3f}{star} | {' | '.join(f'{row[peer]:.3f}' for peer in PEERS)} |"
        )
    means = {method: fmean(row[method] for row in rows.values()) for method in METHODS}
    lines.append(f"| mean | | {means[OWN]:.3f} | {' | '.join(f'{means[peer]:.3f}' for peer in PEERS)} |")
    behind = [name for name, row in rows.items() if row[OWN] < max(row[peer] for peer in NEAREST) - BEHIND]
    return "\n".join(
        [*lines, "", f"More than {BEHIND} behind a nearest neighbour: {', '.join(behind) or 'none'} of {len(rows)}."]
    )
