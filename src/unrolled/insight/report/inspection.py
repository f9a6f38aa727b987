"""The whole page: sections one after the other, what was found in them on top, and what was left out at the end."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

from unrolled.charts.page import Page
from unrolled.errors import InputError, MissingExtraError
from unrolled.insight.report.answer_steps import answer_section
from unrolled.insight.report.attention_map import attention_section
from unrolled.insight.report.case import FAMILIES, Case
from unrolled.insight.report.data import data_section
from unrolled.insight.report.errors_first import errors_section
from unrolled.insight.report.fit import fit_section
from unrolled.insight.report.gate_steps import gates_section
from unrolled.insight.report.gradients import gradient_section
from unrolled.insight.report.section import Section
from unrolled.insight.report.spectrum import spectrum_section

__all__ = ["Inspection", "inspect"]

SECTIONS: dict[str, Callable[[Case], Section]] = {
    "The data": data_section, "The model and its training": fit_section, "Where it errs, the worst first": errors_section,
    "How far back the gradient reaches": gradient_section, "What a step does to the state": spectrum_section,
    "The gates, step by step": gates_section, "Which steps the answer comes from": answer_section,
    "What is read while it answers": attention_section,
}  # fmt: skip


@dataclass(frozen=True)
class Inspection:
    """A page on a model.

    Attributes:
        title: of the page.
        sections: in the order of the page.
        left_out: title of a section that is missing → why.
        notes: what was inferred of the data.
    """

    title: str
    sections: tuple[Section, ...]
    left_out: dict[str, str]
    notes: tuple[str, ...] = ()

    @property
    def verdict(self) -> str:
        """What was found, a line for each section."""
        return "\n".join(f"{each.title}: {each.finding}" for each in self.sections if each.finding)

    @property
    def html(self) -> str:
        """The page: one file, which loads nothing."""
        from unrolled.version import library_version

        page = Page(self.title)
        page.contents([("verdict", "Verdict"), *((each.key, each.title) for each in self.sections)])
        page.heading("Verdict", "verdict")
        for each in self.sections:
            if each.finding:
                page.point(f"{each.title}.", each.finding)
        for each in self.sections:
            each.draw(page)
        if self.left_out or self.notes:
            page.heading("What is not here, and what was inferred", "left-out")
            for name, reason in self.left_out.items():
                page.paragraph(f"“{name}” is left out: {reason}.", quiet=True)
            for note in self.notes:
                page.paragraph(f"{note[:1].upper()}{note[1:].rstrip('.')}.", quiet=True)
        page.footer(f"unrolled {library_version()}. This page is one file and loads nothing from anywhere.")
        return page.html()

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the page, whole or not at all.

        Raises:
            InputError: the folder does not exist, or the path is one.
            OSError: the system refused (disk full, no permission).
        """
        from unrolled.runtime.atomic_write import write_atomically

        write_atomically(path, self.html.encode())

    def __str__(self) -> str:
        return self.verdict


def inspect(
    model: Any, data: Any, *, title: str = "", places: Sequence[str] = (), notes: Sequence[str] = (),
    tell: Callable[[float, int], None] | None = None,
) -> Inspection:  # fmt: skip
    """Look at a fitted estimator from all sides, for a page that explains it to someone who knows only what an RNN is.

    The sections: the data; the model and its training; errors, the worst first; how far back gradients reach
    (:func:`unrolled.insight.gradient_flow`); what a step does to the state (:func:`unrolled.insight.jacobians`); gates to step
    through (:func:`unrolled.insight.gates`); which steps answers come from (:func:`unrolled.insight.attributions`); attention.
    Each has its equation, two sentences and what was found; one that the model has nothing to show for is left out, with the
    reason.

    Args:
        model: any fitted estimator of the library.
        data: what its ``evaluate`` takes, best what it has not seen: ``(X, y)``, or a table.
        title: of the page.
        places: what each item is called, such as ``line 3``; their numbers unless given.
        notes: sentences about the data, for the end of the page.
        tell: is called after each section with the share that is done, and their number.

    Returns:
        An :class:`Inspection`; ``save`` writes the page.

    Raises:
        InputError: the model is none of the library's or not fitted, or the data do not fit it.

    >>> import unrolled
    >>> X, y = ["so good", "so bad", "good good", "bad bad"] * 5, ["up", "down"] * 10
    >>> model = unrolled.SequenceClassifier(members=1, max_epochs=1, hidden_size=4, random_state=0, verbose=False).fit(X, y)
    >>> found = inspect(model, (X, y))
    >>> [section.key for section in found.sections][:3], sorted(found.left_out)
    (['data', 'fit', 'errors'], ['What is read while it answers'])
    """
    case = _case(model, data, places)
    sections, left_out = list[Section](), dict[str, str]()
    for done, (name, make) in enumerate(SECTIONS.items(), 1):
        try:
            sections.append(make(case))
        except (InputError, MissingExtraError) as error:
            left_out[name] = str(error).rstrip(".")
        if tell is not None:
            tell(done / len(SECTIONS), done)
    return Inspection(title or f"A look inside a {type(model).__name__}", tuple(sections), left_out, tuple(notes))


def _case(model: Any, data: Any, places: Sequence[str]) -> Case:
    name = type(model).__name__
    if name not in FAMILIES:
        raise InputError(
            f"inspect looks at fitted estimators of the library, got a {name}; of torch modules gradient_flow does"
        )
    model._fitted()
    if name in ("Forecaster", "AnomalyDetector"):
        return Case(model, model.read(data), ())
    given = cast("tuple[Any, ...]", data) if isinstance(data, tuple) else (data, None)
    if len(given) != 2:
        raise InputError(f"data is a tuple of {len(given)}, expected (X, y)")
    X, y = list(given[0]), given[1]
    if not X:
        raise InputError("data has no items")
    if y is not None and len(y) != len(X):
        raise InputError(f"data has {len(X)} items and {len(y)} targets, expected one for each")
    return Case(model, (X, y), tuple(places) or tuple(f"item {n}" for n in range(len(X))))
