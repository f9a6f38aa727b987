"""The worst errors of forecasts, and the most unusual steps."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from unrolled.aliases import Values
from unrolled.charts.figures import Interval, forecast_figure, series_figure
from unrolled.charts.page import Figure, Page
from unrolled.data.frequency import stamp
from unrolled.errors import InputError
from unrolled.insight.report.case import Case, shortened
from unrolled.insight.report.section import Found, table

__all__ = ["channel_errors", "series_errors"]

ROWS, PAST, STEPS = 12, 5, 2000
KEY = (
    ("var(--truth)", "what came", False), ("var(--forecast)", "forecast: the median", False),
    ("var(--interval)", "between the outermost quantiles", True),
)  # fmt: skip


SCORE = (
    "score[t] = max over past and others (mean_j √(r_j / ℓ_j))², each r_j in the unit ℓ_j at which it alone is an alarm"
)


def series_errors(case: Case) -> Found:
    """The last steps of each series, forecast from those before: a picture of the worst series, and the worst steps of all."""
    model, panel = case.estimator, case.data
    panel.require_length(model.horizon_)
    cases, found = model.cases(panel), model.evaluate(panel).accuracy
    H, middle = model.horizon_, list(model.quantiles_).index(0.5)
    missed = [each.forecast[:, middle] - each.actual for each in cases]
    far = [np.abs(own) / (_change(each.history) or 1.0) for own, each in zip(missed, cases, strict=True)]
    n = int(np.argmax([own.mean() for own in far]))
    worst, names = cases[n], [shortened(name or panel.target or "the series", 30) for name in panel.names]
    svg = forecast_figure(
        worst.history[-PAST * H :], Interval(worst.forecast[:, 0], worst.forecast[:, middle], worst.forecast[:, -1]),
        worst.actual, _stamps(panel.times[n], len(panel.values[n]))[-(PAST + 1) * H :],
        f"{names[n]} and the forecast of its last {H} steps",
    )  # fmt: skip
    order = sorted(((k, h) for k in range(len(cases)) for h in range(H)), key=lambda at: -far[at[0]][at[1]])[:ROWS]
    rows = [
        [names[k], stamp(_stamps(panel.times[k], len(panel.values[k]))[h - H]), f"{cases[k].actual[h]:.5g}",
         f"{cases[k].forecast[h, middle]:.5g}", f"{missed[k][h]:+.4g}"]
        for k, h in order
    ]  # fmt: skip
    own, naive = found["forecast"].mae, found["seasonal naive"].mae
    finding = f"Its mean absolute error is {own:.4g}, that of repeating the last season {naive:.4g}."
    caption = "The last steps, forecast from those before them; of several series the one that is missed the most."
    picture = partial(Page.figure, figure=Figure(svg, KEY, caption, latest=True))
    head = ["series", "step", "came", "forecast", "difference"]
    return Found(("E = Σ_q max(q (y - ŷ_q), (q - 1) (y - ŷ_q))",), finding, [picture, table(head, rows)])


def channel_errors(case: Case) -> Found:
    """The steps with the largest scores: without labels nobody can say which are wrong."""
    model, channels = case.estimator, case.data
    score, threshold = model.score_samples(channels), float(model.threshold_)
    if not np.isfinite(score).any():
        raise InputError("no step of the file has a score: it is too short")
    stamps = _stamps(channels.times, len(score))
    label = "score of each step, and the threshold of alarms"
    svg = series_figure(stamps[-STEPS:], score[-STEPS:], [], "forecast", label, threshold)
    caption = "What is above the line is unlike what the model has learned; whether it is wrong, the file does not say."
    worst = np.argsort(-np.nan_to_num(score, nan=-np.inf), kind="stable")[:ROWS].tolist()
    rows = [
        [
            stamp(stamps[t]),
            f"{score[t]:.4g}",
            shortened(" ".join(f"{name}={value:.4g}" for name, value in _at(channels, t)), 60),
        ]
        for t in worst
    ]
    above, known = int((score > threshold).sum()), int(np.isfinite(score).sum())
    finding = f"{above:,} of {known:,} steps are above the threshold of {threshold:.4g}."
    picture = partial(Page.figure, figure=Figure(svg, [], caption, latest=True))
    part = "r_1 = |z[t] - μ[t]| / b[t]" if model.method == "forecast" else "r_1 = |z[t] - ẑ[t]|"
    return Found(
        (part, SCORE, "alarm at t if score[t] > threshold"),
        finding,
        [picture, table(["step", "score", "values"], rows)],
    )


def _at(channels: Any, t: int) -> zip[tuple[Any, Any]]:
    return zip(channels.names[:4], channels.values[t], strict=False)


def _change(history: Values) -> float:
    """How much a series changes from step to step, on average."""
    return float(np.abs(np.diff(history)).mean()) if len(history) > 1 else 0.0


def _stamps(times: Any, count: int) -> Any:
    """The times of all steps, for a picture and for words; to the minute where they are dates."""
    if times is None:
        return np.arange(count)
    return times.astype("datetime64[m]") if times.dtype.kind == "M" else times
