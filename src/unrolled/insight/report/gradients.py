"""How far back the gradient of the loss reaches."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np

from unrolled.charts.page import Figure, Page
from unrolled.insight.gradient_flow import GradientFlow, StateFlow, gradient_flow
from unrolled.insight.report.case import Case
from unrolled.insight.report.section import Section, table

__all__ = ["gradient_section"]

WORST = 8
MEMORY = (
    "Where the line falls below 1 % of its beginning, steps further back teach the network next to nothing: that is its"
    " effective memory."
)
MEET = (
    "Here more steps than one have a loss, and the gradients of all of them meet in a state: the line says how much each step"
    " counts in all, and not how far a single loss reaches."
)
POOLED = (
    "Here the answer is made of all steps (pooling “{}”), so that the loss reaches each of them directly: the line says how much"
    " each step counts in all, and not how far back one loss reaches through the states."
)
BOTH_WAYS = (
    "Here an upper layer reads every step of a lower one both ways, so that the loss reaches all of its steps: the line says how"
    " much each step counts in all, and not how far back one loss reaches through the states."
)
DIRECT = "; the loss reaches each of these steps directly, so this is not how far back one loss reaches"
SEVERAL = "; several losses meet in these steps, so this is not how far back one loss reaches"
LAYERS = " l0 is the lowest layer, l1 the one above it; what is called reverse reads from the end."


def gradient_section(case: Case) -> Section:
    """The norms by steps back, and those of the parameters."""
    flow = gradient_flow(case.estimator, case.sample())
    flow = replace(flow, states=tuple(map(_from_a_loss, flow.states)))
    layers = LAYERS if len({each.place for each in flow.states}) > 1 else ""
    figures = [
        Figure(
            svg,
            [],
            f"Each line is one state of one layer, relative to where it begins; the dashed line is 1 %.{layers}",
        )
        for svg in flow.plot().figures
    ]
    largest = sorted(flow.parameters.items(), key=lambda each: -each[1])[:WORST]
    head = [f"the {len(largest)} parameters with the largest gradients", "norm of the gradient"]
    rows = [[name, f"{norm:.3g}"] for name, norm in largest]
    direct = _direct(case)
    return Section(
        "gradients", "How far back the gradient reaches",
        "What a step learns is proportional to the gradient that reaches its state, and each step further back multiplies it by"
        f" one more Jacobian. {direct or MEMORY}",
        ("δh[t] = ∂L / ∂h[t]", "δh[t-1] = J[t]ᵀ δh[t] + ∂E[t-1] / ∂h[t-1]"),
        f"{_finding(case, flow)}{SEVERAL if direct == MEET else DIRECT if direct else ''}.",
        (*(partial(Page.figure, figure=figure) for figure in figures), table(head, rows)),
    )  # fmt: skip


def _from_a_loss(flow: StateFlow) -> StateFlow:
    """From the last step that the loss depends on."""
    first = int(np.argmax(flow.back > 0))
    return replace(flow, back=flow.back[first:])


def _finding(case: Case, flow: GradientFlow) -> str:
    own = [each for each in flow.states if each.place == case.main_place]
    return "; ".join(map(str, own or flow.states[:1]))


def _direct(case: Case) -> str:
    """In what way the loss reaches every step by itself; nothing where it reaches the last only."""
    if case.family not in ("classes", "numbers"):
        return MEET
    settings = case.estimator
    if settings.pooling != "last":
        return POOLED.format(settings.pooling)
    return BOTH_WAYS if settings.bidirectional and settings.num_layers > 1 else ""
