"""What tuning found: the trials, which parameters mattered, and whether changing them is worth it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from unrolled.aliases import Values
from unrolled.charts.chart import Chart
from unrolled.charts.svg import Plot
from unrolled.charts.ticks import number_label, number_ticks
from unrolled.data.frames import build_frame
from unrolled.data.table import FrameLike
from unrolled.tuning.judgement import Compared

__all__ = ["TrialRow", "Tuning"]


@dataclass(frozen=True)
class TrialRow:
    """One trial.

    Attributes:
        number: in the study.
        values: what was tried, by name.
        state: ``complete``, ``pruned`` or ``failed``.
        value: of the measure on the validation part, if it is complete.
        scores: all measures there.
        seconds: that it took.
        why: it failed.
    """

    number: int
    values: dict[str, Any]
    state: str
    value: float | None
    scores: dict[str, float]
    seconds: float | None
    why: str | None = None


@dataclass(frozen=True)
class Tuning:
    """The result of :func:`unrolled.tuning.tune`; printed as sentences.

    Attributes:
        measure: the name of what models were compared by.
        larger_is_better: whether it is larger the better they are.
        trials: those of the study, in order.
        defaults: the values of the defaults, of what was tried.
        importances: by parameter, how much it decided whether a trial was among the best; empty where there were too few.
        judged: the best trials, trained again beside the defaults on other parts, the best first.
        values: the answer: what to change, by name; empty where that is nothing.
        tested: the answer, or where that is the defaults the best of the trials, beside the defaults on the test part; None where
            no trial was better than the defaults.
        usual_scores: of the defaults on the test part, a row a seed.
    """

    measure: str
    larger_is_better: bool
    trials: tuple[TrialRow, ...]
    defaults: dict[str, Any]
    importances: dict[str, float]
    judged: tuple[Compared, ...]
    values: dict[str, Any]
    tested: Compared | None
    usual_scores: Values

    @property
    def verdict(self) -> str:
        """Whether the defaults are to be changed, and what that was worth where nothing had seen the data."""
        return " ".join([self._judgement(), self._test()])

    def __str__(self) -> str:
        counts = {
            state: sum(trial.state == state for trial in self.trials) for state in ("complete", "pruned", "failed")
        }
        others = [f"{count} {state}" for state, count in counts.items() if count and state != "complete"]
        kinds = f" ({', '.join(others)})" if others else ""
        lines = [f"{len(self.trials)} trials{kinds}: {self._search()}"]
        lines += [f"trial {each.number} failed: {each.why}" for each in self.trials if each.state == "failed"][:3]
        if self.importances:
            shares = ", ".join(f"{name} {share:.0%}" for name, share in self.importances.items() if share >= 0.005)
            lines.append(f"what decided whether a trial was among the best: {shares}; of so few trials a rough guide")
        return "\n".join([*lines, self._judgement(), self._test()])

    def to_frame(self) -> Any:
        """A row a trial, as a polars frame; without polars a dictionary of arrays."""
        complete = [np.nan if each.value is None else each.value for each in self.trials]
        columns: dict[str, Any] = {
            "trial": np.array([each.number for each in self.trials], np.int64),
            "state": [each.state for each in self.trials],
            self.measure: np.array(complete, np.float64),
            "seconds": np.array([np.nan if each.seconds is None else each.seconds for each in self.trials], np.float64),
        }
        for name in self.defaults:
            columns[name] = [str(each.values.get(name)) for each in self.trials]
        return build_frame(columns, FrameLike("polars"))

    def plot(self) -> Chart:
        """The value of each trial in turn, and the best so far; the line across is the defaults."""
        complete = [each for each in self.trials if each.value is not None]
        values = np.array([each.value for each in complete], np.float64)
        best = np.maximum.accumulate(values) if self.larger_is_better else np.minimum.accumulate(values)
        usual = next((each.value for each in complete if each.values == self.defaults), None)
        low, high = float(values.min()), float(values.max())
        room = 0.05 * (high - low) or 0.05 * abs(high) or 1.0
        places = [each.number for each in complete]
        y, last = (low - room, high + room), max(*places, 1)
        plot = Plot(860, 300, x=(0, last), y=y, left=70, right=90, bottom=44, top=28)
        label = f"{self.measure} of {len(values)} trials on the validation part, and the best so far"
        plot.text(plot.left, 16, label, "tick")
        plot.y_axis([(tick, number_label(tick)) for tick in number_ticks(*y, 6)])
        plot.x_axis([(tick, number_label(tick)) for tick in number_ticks(0, last, 8) if tick == int(tick)])
        plot.text((plot.left + plot.right) / 2, plot.bottom + 38, "trial", "tick", anchor="middle")
        if usual is not None:
            plot.line([0, last], [usual, usual], "now")
            plot.text(plot.right + 8, plot.to_y(usual) + 4, "the defaults", "tick")
        plot.line(places, best.tolist(), "forecast")
        hints = [f"trial {each.number}: {each.value:.4g}; {changes(each.values, self.defaults)}" for each in complete]
        plot.points(places, values.tolist(), "truth", hints)
        return Chart(plot.svg(label))

    def _search(self) -> str:
        complete = [each for each in self.trials if each.value is not None]
        order = -1.0 if self.larger_is_better else 1.0
        best = min(complete, key=lambda each: order * (each.value or 0.0))
        usual = next((each.value for each in complete if each.values == self.defaults), None)
        beside = "" if usual is None else f", the defaults {usual:.4g}"
        return f"the best {self.measure} on the validation part was {best.value:.4g}{beside}"

    def _judgement(self) -> str:
        if not self.judged:
            return "No trial was better than the defaults, which are the answer."
        best, K = self.judged[0], len(self.judged)
        trained = (
            f"The best {f'{K} were' if K > 1 else 'was'} trained again {len(best.scores)} times beside the defaults"
        )
        change = changes(best.values, self.defaults)
        found = f"{self.measure} {best.scores.mean():.4g} with {change}, {best.usual.mean():.4g} with the defaults"
        chance = f"the {best.uncertainty:.3g} that chance may give"
        if self.values:
            end = f"better by {best.better:.3g}, more than {chance}. The answer is {change}."
        else:
            by = (
                f"better by {best.better:.3g}, no more than {chance}"
                if best.better > 0
                else f"worse by {-best.better:.3g}"
            )
            end = f"{by}. So {change} is not taken: the answer is the defaults."
        return f"{trained}, from other seeds and judged on other parts: {found}; {end}"

    def _test(self) -> str:
        usual = f"{_mean(self.usual_scores)} with the defaults"
        where = (
            f"on the test part, which nothing has seen, from {len(self.usual_scores)} seeds (mean ± their standard deviation):"
            f" {self.measure}"
        )
        if self.tested is None:
            return f"Measured {where} {usual}."
        which = "the answer" if self.values else f"{changes(self.tested.values, self.defaults)}, which was not taken"
        told = f"{where} {_mean(self.tested.scores)} with {which}, {usual}; {self._comparison(self.tested)}"
        return f"Measured {told}." if self.values else f"For information, for it decides nothing: {told}."

    def _comparison(self, found: Compared) -> str:
        if found.better == 0:
            return "it is as good here"
        way, size = "better" if found.better > 0 else "worse", abs(found.better)
        more = "more" if size > found.uncertainty else "no more"
        return f"it is {way} by {size:.3g} here, {more} than the {found.uncertainty:.3g} that chance may give (t-test at 5 %)"


def changes(values: Mapping[str, Any], defaults: Mapping[str, Any]) -> str:
    """What is not as the defaults have it.

    >>> changes({"cell": "lstm", "hidden_size": 64}, {"cell": "gru", "hidden_size": 64})
    'cell=lstm'
    """
    found = [f"{name}={value}" for name, value in values.items() if name not in defaults or value != defaults[name]]
    return ", ".join(found) or "the defaults"


def _mean(values: Values | Sequence[float]) -> str:
    return f"{np.mean(values):.4g} ± {np.std(values, ddof=1) if len(values) > 1 else 0:.2g}"
