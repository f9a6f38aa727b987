"""Detection of abroad.py: the AnomalyDetector's defaults beside simple methods, on streams with planted faults.

The detector is given the first part of a stream as a frame with its times, or as an array where there are none. The methods
beside it are told the season besides. They learn from the first 70 % of that part and are calibrated on the rest as the
detector is, by the same rule (:mod:`unrolled.codecs.tail`), for one false episode in 10,000 steps, with the same merging of
alarms.
An episode of alarms that overlaps the window of a fault finds it, any other is false. So that methods of different caution
compare, the summary also says how many windows the detector finds with its thresholds multiplied by the one factor, the same
for all streams, at which it makes no more false episodes than the other method has, and the other way round: how many the
other method finds with its thresholds multiplied until it makes no more false episodes than the detector has.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from abroad_runs import Found, Method, Run
from abroad_streams import KINDS, Planted, planted
from numpy.typing import NDArray
from simple_detectors import SIMPLE

from unrolled import AnomalyDetector
from unrolled.codecs.episodes import episodes
from unrolled.codecs.tail import calibrate
from unrolled.metrics.alarms import AlarmEvaluation, compare_alarms
from unrolled.tasks.anomalies.fitting import Sizes

Values = NDArray[np.float64]

SETS = {name: name for kind in KINDS.values() for name in kind}
KIND = {name: kind for kind, names in KINDS.items() for name in names}
OWN = "unrolled"
FACTORS = np.round(np.geomspace(4, 0.25, 141), 4)
"""Of a threshold, for the comparisons at equal numbers of false episodes."""


def judge(case: Planted, score: Values, threshold: float, merge: int) -> Run:
    """What alarms above the threshold, and above multiples of it, find; ``score [T]`` of the second part."""
    score = np.nan_to_num(score, nan=-1)

    def above(level: float) -> AlarmEvaluation:
        return compare_alarms(episodes(score > level, merge), case.windows, level, len(score))

    at = above(threshold)
    kinds: dict[str, list[bool]] = {}
    for kind, was_found in zip(case.kinds, at.found, strict=True):
        kinds.setdefault(kind, []).append(was_found)
    curve = [(sum(each.found), each.false_episodes) for each in map(above, threshold * FACTORS)]
    return {
        "windows": len(case.windows), "steps": len(score), "found": sum(at.found), "false": at.false_episodes, "curve": curve,
        "kinds": kinds,
    }  # fmt: skip


def unrolled(name: str, seed: int) -> Run:
    case = planted(name)
    before, after = case.frames()
    detector = AnomalyDetector(random_state=seed).fit(before)
    if case.times is None:  # the end of what was learned from is the context
        score = detector.score_samples(np.concatenate([before, after]))[len(before) :]
    else:
        score = detector.score_samples(after)
    return judge(case, score, detector.threshold_, detector.merge_)


def peer(name: str) -> Callable[[str, int], Run]:
    """A simple method, with the sizes that the detector infers."""

    def measure(stream: str, seed: int) -> Run:
        case = planted(stream)
        sizes = sizes_of(case)
        values, n = np.concatenate([case.before, case.after]), len(case.before)
        week = max(sizes.seasons, default=None)
        score = SIMPLE[name](values, sizes.train, case.season, week, seed)
        known = score[sizes.train : n]
        threshold = calibrate(known[np.isfinite(known)], sizes.every, sizes.merge).threshold
        return judge(case, score[n:], threshold, sizes.merge)

    return measure


def sizes_of(case: Planted) -> Sizes:
    from unrolled.data.channels import read_channels

    before, _ = case.frames()
    time = None if case.times is None else "time"
    settings: Any = AnomalyDetector()._checked()  # the defaults, as fit reads them
    return Sizes.choose(read_channels(before, (), time), settings)


METHODS = {
    OWN: Method(unrolled, seeded=True),
    **{name: Method(peer(name), seeded=name == "isolation forest") for name in SIMPLE},
}


def middle(runs: list[Run]) -> Run:
    """The run in the middle, by the windows found less the false episodes."""
    return sorted(runs, key=lambda run: run["found"] - run["false"])[len(runs) // 2]


def report(found: Found) -> str:
    """The table by stream, and what it adds up to; found windows and false episodes of the seed in the middle."""
    chosen = {name: {method: middle(runs) for method, runs in each.items()} for name, each in found.items()}
    lines = ["| stream | kind | windows | " + " | ".join(METHODS) + " |", "|---|---|--:|" + "--:|" * len(METHODS)]
    for name, row in chosen.items():
        own = row[OWN]["found"] - row[OWN]["false"]
        losing = "*" if own < max(run["found"] - run["false"] for run in row.values()) else ""
        cells = [f"{run['found']}, {run['false']}" + losing * (method == OWN) for method, run in row.items()]
        lines.append(f"| {name} | {KIND[name]} | {row[OWN]['windows']} | " + " | ".join(cells) + " |")
    return "\n".join([*lines, "", *summary(found, chosen), "", *by_kind(chosen)])


def summary(found: Found, chosen: dict[str, dict[str, Run]]) -> list[str]:
    lines = [
        "| method | found | false | unrolled with no more false | it with no more false than unrolled | all seeds |",
        "|---|--:|--:|--:|--:|---|",
    ]
    own = sum(row[OWN]["false"] for row in chosen.values())
    for method in METHODS:
        hits, false = (sum(row[method][what] for row in chosen.values()) for what in ("found", "false"))
        seeds = zip(*(each[method] for each in found.values()), strict=True)
        every = "; ".join(f"{sum(r['found'] for r in each)}, {sum(r['false'] for r in each)}" for each in seeds)
        equal = f"{at_most(false, chosen, OWN)} | {at_most(own, chosen, method)}"
        lines.append(f"| {method} | {hits} | {false} | {equal} | {every} |")
    steps = sum(row[OWN]["steps"] for row in chosen.values())
    return [
        *lines,
        "",
        f"{steps} steps: {steps / AnomalyDetector().false_alarm_every:.1f} false episodes are asked for",
    ]


def at_most(false: int, chosen: dict[str, dict[str, Run]], method: str) -> int:
    """Windows that a method finds with the lowest factor, from the highest on, at which it makes no more false episodes."""
    curve = np.array([row[method]["curve"] for row in chosen.values()]).sum(axis=0)  # [factors, 2]
    allowed = np.logical_and.accumulate(curve[:, 1] <= false)
    return int(curve[allowed, 0].max(initial=0))


def by_kind(chosen: dict[str, dict[str, Run]]) -> list[str]:
    """Which share of each kind of fault was found."""
    kinds = sorted({kind for row in chosen.values() for kind in row[OWN]["kinds"]})
    lines = ["| method | " + " | ".join(kinds) + " |", "|---|" + "--:|" * len(kinds)]
    for method in METHODS:
        hits = {kind: [hit for row in chosen.values() for hit in row[method]["kinds"].get(kind, [])] for kind in kinds}
        lines.append(f"| {method} | " + " | ".join(f"{sum(each)}/{len(each)}" for each in hits.values()) + " |")
    return lines
