"""Forecasting of abroad.py: the Forecaster's defaults beside seasonal-naive, AutoETS and Theta.

The forecaster is given a frame with its time stamps and the horizon, and nothing else; the peers, statsforecast's, are given
the season length besides. Errors and interval scores (of the 80 % interval; Gneiting and Raftery 2007,
doi 10.1198/016214506000001437) are in units of the seasonal-naive error within the history, averaged over series and origins.
"""

from __future__ import annotations

from collections.abc import Callable
from statistics import fmean, geometric_mean, median

import numpy as np
from abroad_runs import Found, Method, Run
from abroad_series import SETS as SERIES_SETS
from abroad_series import Origin, SeriesSet
from numpy.typing import NDArray

from unrolled import Forecaster
from unrolled.metrics.forecast_errors import coverage, mase

Values = NDArray[np.float64]

SETS = {each.name: each for each in SERIES_SETS}
OWN, REFERENCES = "unrolled", ("AutoETS", "Theta")
OUTSIDE = 0.2
"""Share of values that the interval leaves out."""


def interval_score(actual: Values, low: Values, high: Values) -> float:
    """Mean width of the interval, and what values outside it add."""
    beyond = np.maximum(low - actual, 0) + np.maximum(actual - high, 0)
    return float((high - low + 2 / OUTSIDE * beyond).mean())


def judge(origins: list[Origin], forecasts: list[list[Values]], season: int) -> Run:
    """Measures of quantile forecasts ``[H, 3]`` by origin and series, over all and by origin."""
    by_origin: list[dict[str, float]] = []
    for origin, made in zip(origins, forecasts, strict=True):
        rows: list[tuple[float, float, float]] = []
        for history, actual, quantiles in zip(origin.histories, origin.actuals, made, strict=True):
            low, middle, high = quantiles.T
            one = mase(actual, actual + 1, history, season)  # 1 / scale
            error = mase(actual, middle, history, season)
            if one is None or error is None:  # the history repeats itself
                continue
            rows.append((error, coverage(actual, low, high), interval_score(actual, low, high) * one))
        by_origin.append(dict(zip(("mase", "coverage", "interval_score"), np.mean(rows, axis=0).tolist(), strict=True)))
    return {**{name: fmean(each[name] for each in by_origin) for name in by_origin[0]}, "origins": by_origin}


def unrolled(case: SeriesSet, seed: int) -> Run:
    origins = case.origins
    forecasts: list[list[Values]] = []
    for origin in origins:
        forecaster = Forecaster(horizon=case.horizon, random_state=seed)
        forecasts.append(list(forecaster.fit(case.frame(origin.histories)).predict_quantiles()))
    return judge(origins, forecasts, case.clock.season)


def peer(name: str) -> Callable[[SeriesSet, int], Run]:
    """A method of statsforecast."""

    def measure(case: SeriesSet, seed: int) -> Run:
        from statsforecast import models

        make = getattr(models, name)
        forecasts: list[list[Values]] = []
        for origin in case.origins:
            made: list[Values] = []
            for history in origin.histories:
                model = make() if name == "Naive" else make(season_length=case.clock.season)
                ahead = model.forecast(y=history, h=case.horizon, level=[100 * (1 - OUTSIDE)])
                made.append(np.stack([ahead[key] for key in ("lo-80.0", "mean", "hi-80.0")], axis=1))
            forecasts.append(made)
        return judge(case.origins, forecasts, case.clock.season)

    return measure


METHODS = {
    OWN: Method(unrolled, seeded=True),
    "AutoETS": Method(peer("AutoETS")),
    "Theta": Method(peer("Theta")),
    "SeasonalNaive": Method(peer("SeasonalNaive")),
    "Naive": Method(peer("Naive")),
}


PEERS = [name for name in METHODS if name != OWN]
MUCH, ENOUGH = 1.15, 0.65
"""A set counts as lost beyond this multiple of the best peer's error; an interval as wide enough from this coverage."""


def medians(found: Found, measure: str) -> dict[str, dict[str, float]]:
    """The median of the seeds by set and method."""
    return {
        name: {method: median(run[measure] for run in runs) for method, runs in each.items()}
        for name, each in found.items()
    }


def to_better(row: dict[str, float]) -> float:
    """The forecaster's figure over that of the better reference."""
    return row[OWN] / min(row[name] for name in REFERENCES)


def report(found: Found) -> str:
    """The table by set, and what it adds up to."""
    errors, inside, scores = (medians(found, measure) for measure in ("mase", "coverage", "interval_score"))
    titles = [OWN, *PEERS, "ratio", "in the 80 % interval", "interval score", "ratio"]
    lines = ["| set | kind | " + " | ".join(titles) + " |", "|---|---|" + "--:|" * len(titles)]
    for name, error in errors.items():
        losing = "*" if error[OWN] > min(error[peer] for peer in PEERS) else ""
        cells = [f"{error[OWN]:.3f}{losing}", *(f"{error[peer]:.3f}" for peer in PEERS), f"{to_better(error):.2f}"]
        cells += [f"{inside[name][OWN]:.0%}", f"{scores[name][OWN]:.2f}", f"{to_better(scores[name]):.2f}"]
        lines.append(f"| {name} | {SETS[name].kind} | " + " | ".join(cells) + " |")
    return "\n".join([*lines, "", *summary(errors, inside, scores)])


def summary(*measures: dict[str, dict[str, float]]) -> list[str]:
    """Geometric means over the sets; how often the forecaster loses, and how honest its intervals are."""
    errors, inside, scores = measures
    lines = [f"Geometric means over {len(errors)} sets, and the average coverage of the 80 % interval:", ""]
    lines += ["| method | MASE | in the 80 % interval | on at least 65 % | interval score |", "|---|--:|--:|--:|--:|"]
    for method in METHODS:
        covered = [row[method] for row in inside.values()]
        lines.append(
            f"| {method} | {geometric_mean(row[method] for row in errors.values()):.3f} | {fmean(covered):.0%}"
            f" | {fmean(share >= ENOUGH for share in covered):.0%} of sets"
            f" | {geometric_mean(row[method] for row in scores.values()):.2f} |"
        )
    lost = [name for name, row in errors.items() if row[OWN] > MUCH * min(row[peer] for peer in PEERS)]
    references = " and ".join(REFERENCES)
    return [
        *lines,
        "",
        f"Over the better of {references} on each set: MASE {geometric_mean(map(to_better, errors.values())):.3f},"
        f" interval score {geometric_mean(map(to_better, scores.values())):.3f}.",
        f"Worse than {MUCH} times the best other method: {len(lost)} of {len(errors)} sets ({', '.join(lost) or 'none'}).",
    ]
