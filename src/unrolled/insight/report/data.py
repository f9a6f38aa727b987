"""What the model is looked at with: how many items, how long they are, what they are to be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import partial
from itertools import chain, pairwise
from typing import Any

import numpy as np

from unrolled.charts.bars import bars_figure
from unrolled.charts.figures import series_figure
from unrolled.charts.page import Figure, Page
from unrolled.insight.report.case import Case, called, shortened
from unrolled.insight.report.section import Part, Section, table

__all__ = ["data_section"]

BARS, ROWS, SHOWN = 24, 8, 400


def data_section(case: Case) -> Section:
    """Of items their number, lengths and targets; of a table its series."""
    finding, parts = _of_items(case) if case.of_items else _of_table(case)
    return Section(
        "data", "The data",
        "A recurrent network reads a sequence one step after the other, and the same weights are used at every step."
        " These are the sequences it is looked at with here; for an honest picture they must not be those it was trained on.",
        ("x = (x[1], x[2], …, x[T])",), finding, tuple(parts),
    )  # fmt: skip


def _of_items(case: Case) -> tuple[str, list[Part]]:
    units, lengths = _lengths(case.items)
    parts: list[Part] = [table(["item", "what it is", *(["target"] if case.targets is not None else [])], _rows(case))]
    if len(lengths) > 1 and min(lengths) < max(lengths):
        counts, names = _bins(lengths)
        figure = bars_figure(counts, names, "how many items have which length", units)
        parts.append(partial(Page.figure, figure=Figure(figure, [], "Long items ask for a longer memory.")))
    counted = _counted(case)
    if counted:
        figure = bars_figure(
            [n for _, n in counted], [name for name, _ in counted], "how often each target occurs", "target"
        )
        caption = "Rare targets are learned last, and a model that always says the commonest is right as often as that bar says."
        parts.append(partial(Page.figure, figure=Figure(figure, [], caption)))
    count = len(case.items)
    low, high = (f"{each:,.0f}" if each == int(each) else f"{each:.3g}" for each in (min(lengths), max(lengths)))
    span = f"{low} {units}" if low == high else f"{low} to {high} {units}"
    noun = "recording" if units == "seconds" else "item"
    return f"{count:,} {noun}{'s' * (count != 1)} of {span}{_wide(case.items[0])}{_spread(case)}.", parts


def _wide(item: Any) -> str:
    """How many numbers a step has, if several."""
    shape = item.shape if isinstance(item, np.ndarray) else ()
    return f" of {shape[1]} numbers" if len(shape) == 2 and shape[1] > 1 else ""


def _spread(case: Case) -> str:
    """From where to where the numbers go that are to be predicted."""
    if case.family != "numbers" or case.targets is None or np.ndim(case.targets) != 1:
        return ""
    y, name = np.asarray(case.targets, np.float64), case.target_name
    return f"; {name or 'the target'} is from {y.min():.4g} to {y.max():.4g}, {y.mean():.4g} on average"


def _bins(lengths: Sequence[float]) -> tuple[list[int], list[str]]:
    """How many there are of each length, or from one to another where there are many.

    >>> _bins([7, 7, 8]), _bins([1, 40])[1][:2], _bins([0.5, 1.25])[1][0]
    (([2, 1], ['7', '8']), ['1–2', '3–4'], '0.5–0.531')
    """
    low, high = min(lengths), max(lengths)
    if all(length == int(length) for length in lengths):
        wide = -(-int(high - low + 1) // BARS)
        edges = np.arange(low, high + wide + 1, wide)
        names = [f"{edge:.0f}" if wide == 1 else f"{edge:.0f}–{edge + wide - 1:.0f}" for edge in edges[:-1]]
        counts = np.histogram(lengths, edges - 0.5)[0].tolist()
        return (counts, names) if counts[-1] else (counts[:-1], names[:-1])
    counts, edges = np.histogram(lengths, BARS)
    return counts.tolist(), [f"{start:.3g}–{end:.3g}" for start, end in pairwise(edges)]


def _lengths(items: Sequence[Any]) -> tuple[str, list[float]]:
    if isinstance(items[0], str):
        return "words", [len(item.split()) for item in items]
    if hasattr(items[0], "samples"):
        return "seconds", [len(item.samples) / item.rate for item in items]
    return "tokens" if isinstance(items[0][0], str) else "steps", [len(item) for item in items]


def _rows(case: Case) -> list[list[str]]:
    """The first items."""
    shown = range(min(ROWS, len(case.items)))
    y = case.targets
    return [[case.place(n), called(case, n), *([] if y is None else [shortened(_target(y[n]), 40)])] for n in shown]


def _target(target: Any) -> str:
    if isinstance(target, float | np.floating):
        return f"{target:.6g}"
    return " ".join(map(str, target)) if isinstance(target, list | tuple) else str(target)


def _counted(case: Case) -> list[tuple[str, int]]:
    """Classes or tags, the commonest first."""
    if case.family not in ("classes", "tags") or case.targets is None:
        return []
    several = case.family == "tags" or getattr(case.estimator, "multilabel_", False)
    if several and case.family == "classes":
        return []
    targets = chain(*case.targets) if several else case.targets
    return [(shortened(name, 12), n) for name, n in Counter(map(str, targets)).most_common(BARS)]


def _of_table(case: Case) -> tuple[str, list[Part]]:
    series = case.family == "series"
    values = case.data.values if series else list(case.data.values.T)
    times = case.data.times if series else [case.data.times] * len(values)
    names = [name or case.data.target for name in case.data.names] if series else case.data.names
    figures = [
        series_figure(
            _stamps(each_times, len(own))[-SHOWN:], own[-SHOWN:], [], "history", shortened(name or "the series")
        )
        for own, each_times, name in list(zip(values, times, names, strict=True))[:3]
    ]
    caption = f"The last steps of {'each' if len(values) <= 3 else 'the first three'}, at most {SHOWN}."
    parts: list[Part] = [partial(Page.figure, figure=Figure(figure, [], caption, latest=True)) for figure in figures]
    longest = max(map(len, values))
    what = "series" if series else f"channel{'s' * (len(values) != 1)}"
    most = "" if len(set(map(len, values))) == 1 else "up to "
    return f"{len(values)} {what} of {most}{longest:,} steps.", parts


def _stamps(times: Any, count: int) -> Any:
    return np.arange(count) if times is None else times
