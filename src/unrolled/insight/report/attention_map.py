"""What a model that says one sequence for another reads of its source, word by word."""

from __future__ import annotations

from functools import partial

from unrolled.charts.page import Figure, Page
from unrolled.errors import InputError
from unrolled.insight.report.case import Case
from unrolled.insight.report.section import Section

__all__ = ["attention_section"]

DRAWN, LONGEST = 4, 60


def attention_section(case: Case) -> Section:
    """Pictures of the weights for some pairs.

    Raises:
        InputError: the model has no attention.
    """
    if case.family != "answers":
        raise InputError("only models that say one sequence for another (Seq2Seq) attend to a source")
    if case.estimator.attention == "none":
        raise InputError("the model was trained without attention")
    chosen = [n for n in case.looked_into if len(case.items[n]) <= LONGEST][:DRAWN] or case.looked_into[:1]
    X, y = case.some(chosen)
    figures = case.estimator.plot(X, y).figures
    weights = case.estimator.attention_weights(X, y)
    sharpest = [float(each.max(1).mean()) for each in weights]
    return Section(
        "attention", "What is read while it answers",
        "Before each token of its answer the decoder compares its state with every step of the source, and reads their mean with"
        " these weights, which sum to 1 in each row. Dark squares on a diagonal mean that it reads along; a row without dark"
        " squares, that it reads a bit of everything.",
        ("e_j = score(s, h_j)", "α = softmax(e)", "read = Σ_j α_j h_j"),
        f"The largest weight of a row is {sum(sharpest) / len(sharpest):.2f} on average: 1 is one step of the source alone.",
        tuple(
            partial(Page.figure, figure=Figure(svg, [], f"{case.place(n)}: source across, target down."))
            for n, svg in zip(chosen, figures, strict=True)
        ),
    )  # fmt: skip
