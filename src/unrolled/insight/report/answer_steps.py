"""Which steps an answer comes from, by integrated gradients."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from unrolled.charts.page import Figure, Page
from unrolled.errors import InputError
from unrolled.insight.attributions import attributions
from unrolled.insight.report.case import Case, called
from unrolled.insight.report.section import Section

__all__ = ["answer_section"]

DRAWN = 4


def answer_section(case: Case) -> Section:
    """Pictures of a few items, of which each is asked for what the model says of it.

    Raises:
        InputError: the model has no single answer for each item.
    """
    if case.family not in ("classes", "numbers"):
        raise InputError("only a class or a number of a whole sequence comes from its steps in this way")
    chosen = case.looked_into[:DRAWN]
    items, _ = case.some(chosen)
    found = attributions(case.estimator, items)
    found = replace(found, labels=tuple(map(_counted_from_one, found.labels)))
    answer = case.target_name or "the number" if case.family == "numbers" else "the score of the class that is said"
    return Section(
        "steps", "Which steps the answer comes from",
        "Everything that is read grows from nothing to what it is, and what the answer gains on this way is told apart by steps."
        f" Dark squares in the upper row raise {answer}, those in the lower row lower it.",
        ("A[t] = (x[t] - x′[t]) · mean over α of ∂f(x′ + α (x - x′)) / ∂x[t]", "Σ_t A[t] = f(x) - f(x′)"),
        f"{found}.",
        tuple(
            partial(Page.figure, figure=Figure(found.plot(k).figures[0], [], f"{case.place(n)}: {called(case, n)}"))
            for k, n in enumerate(chosen)
        ),
    )  # fmt: skip


def _counted_from_one(labels: tuple[str, ...]) -> tuple[str, ...]:
    """Steps that have numbers for names are counted as in the other sections."""
    counted = all(label == str(t) for t, label in enumerate(labels))
    return tuple(str(t + 1) for t in range(len(labels))) if counted else labels
