"""What the model gets wrong, the worst first."""

from __future__ import annotations

from collections.abc import Callable

from unrolled.insight.report.case import Case
from unrolled.insight.report.errors_of_items import answer_errors, class_errors, number_errors, tag_errors
from unrolled.insight.report.errors_of_pieces import piece_errors
from unrolled.insight.report.errors_of_tables import channel_errors, series_errors
from unrolled.insight.report.section import Found, Section

__all__ = ["errors_section"]

OF_FAMILY: dict[str, Callable[[Case], Found]] = {
    "classes": class_errors, "numbers": number_errors, "tags": tag_errors, "answers": answer_errors,
    "transcripts": answer_errors, "pieces": piece_errors, "series": series_errors, "channels": channel_errors,
}  # fmt: skip


SAYS = (
    "The mean of an error hides what a look at the worst cases shows: wrong labels in the data, a kind of item that is missing in"
    " training, or a limit of the model. Read them before changing anything."
)
UNUSUAL = (
    "A score says how unlike a step is to what its past and the other channels make one expect. Without labels nobody can say"
    " which alarms are wrong: look at the highest scores, and judge."
)


def errors_section(case: Case) -> Section:
    """By the error that belongs to the task."""
    equations, finding, parts = OF_FAMILY[case.family](case)
    if case.family == "channels":
        return Section("errors", "What it finds the most unusual", UNUSUAL, equations, finding, tuple(parts))
    return Section("errors", "Where it errs, the worst first", SAYS, equations, finding, tuple(parts))
