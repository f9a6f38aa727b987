"""What a step does to small changes of the state: singular values and Lyapunov exponents."""

from __future__ import annotations

import math
from functools import partial

from unrolled.charts.bars import bars_figure
from unrolled.charts.page import Figure, Page
from unrolled.insight.jacobians import jacobians_along
from unrolled.insight.report.case import Case
from unrolled.insight.report.section import Section
from unrolled.insight.step_map import path_of

__all__ = ["spectrum_section"]

MOST = 40
WIDE, STEPS, FEW = 256, 60, 12
"""The numbers of a state above which few steps are followed, since the matrices are large."""


def spectrum_section(case: Case) -> Section:
    """Of the widest layer, along one sequence."""
    data = case.some(case.looked_into[:1]) if case.one_by_one else case.sample()
    path = path_of(case.estimator, data, case.main_place, 0)
    steps = STEPS if path.step.size <= WIDE else FEW
    found = jacobians_along(path._replace(x=path.x[:steps, :1], before=path.before[:steps, :1]))
    exponents = [rate for rate in found.lyapunov().tolist() if rate > -20][:MOST]
    figures = [
        Figure(svg, [], "On the dashed line, at 1, a change is neither shrunk nor grown.")
        for svg in found.plot().figures
    ]
    if exponents:
        factors = [math.exp(rate) for rate in exponents]
        names = [str(n + 1) for n in range(len(factors))]
        figure = bars_figure(factors, names, "factor a step in each direction, e to the Lyapunov exponent", "direction")
        figures.append(Figure(figure, [], "Directions near 1 hold a memory; those near 0 forget at once."))
    return Section(
        "spectrum", "What a step does to the state",
        "The Jacobian of a step says how a small change of the state before it changes the state after it; its largest singular"
        " value is the most that a change can grow in one step. Over many steps the growth settles at e to the Lyapunov"
        " exponents: below 1 a change dies out, above 1 it grows. This is of one sequence and of the way through the states"
        " alone; what training sees of early steps is in the section before.",
        ("J[t] = ∂s[t] / ∂s[t-1]", "J[t] Q[t-1] = Q[t] R[t]", "λ_i = 1/T Σ_t log |R_ii|"),
        found.verdict,
        tuple(partial(Page.figure, figure=figure) for figure in figures),
    )  # fmt: skip
