"""The table of a comparison: one row a family, with what it costs and what it gives."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from unrolled.charts.chart import Chart
from unrolled.charts.intervals import intervals_figure
from unrolled.codecs.student_t import student_t_quantile
from unrolled.comparison.claims import Claim
from unrolled.errors import MissingExtraError

__all__ = ["Comparison", "Row", "interval"]


def interval(values: Sequence[float]) -> tuple[float, float, float]:
    r"""The mean, and the interval that holds it with a probability of 95 % by Student's t of ``n - 1`` degrees.

    .. math:: \bar x \pm t_{n-1}(0.975)\, s / \sqrt n

    >>> [round(x, 2) for x in interval([1.0, 2.0, 3.0])]
    [2.0, -0.48, 4.48]
    """
    x = np.asarray(values, np.float64)
    mean = float(x.mean())
    if len(x) < 2:
        return mean, mean, mean
    freedom = len(x) - 1
    quantile = math.tan(0.475 * math.pi) if freedom == 1 else float(student_t_quantile(0.975, np.array(float(freedom))))
    half = quantile * float(x.std(ddof=1)) / len(x) ** 0.5
    return mean, mean - half, mean + half


@dataclass(frozen=True)
class Row:
    """A family.

    Attributes:
        name: of the family.
        scores: on the test part, of each seed; one for what depends on no seed.
        parameters: learned numbers.
        units: hidden units; None where there is no such.
        training_bytes: the most that tensors of one update take at once, weights included; None without updates.
        state_bytes: what it takes to go on from a step to the next, in float32; None if the sequence must be read anew.
        update_seconds: of the processor, for one update; None without updates.
        step_seconds: of the processor, for one step of a sequence when predicting.
        fit_seconds: of the processor, for one whole fit; of networks one budget at one learning rate.
        seconds_to_loss: of the processor, until the validation loss was as low as ``target_loss``; None if never.
        validation_loss: the best, a mean over seeds; None without updates.
        memory: effective memory in steps; None where it is not defined.
        memory_floor: whether ``memory`` is only the least it can be, because sequences end there.
        reach: to how many steps an answer can be owed; None if to all.
        chosen: what was chosen on the validation part.
    """

    name: str
    scores: tuple[float, ...]
    parameters: int
    units: int | None
    training_bytes: int | None
    state_bytes: int | None
    update_seconds: float | None
    step_seconds: float
    fit_seconds: float
    seconds_to_loss: float | None
    validation_loss: float | None
    memory: int | None
    memory_floor: bool
    reach: int | None
    chosen: str

    @property
    def mean(self) -> float:
        """Of the scores."""
        return interval(self.scores)[0]


@dataclass(frozen=True)
class Comparison:
    """What was measured.

    Attributes:
        task: ``forecast``, ``classify``, ``tag`` or ``generate``.
        measure: what the scores are.
        best_is_high: whether higher scores are better.
        about: one sentence on the parts of the data.
        digest: of the parts, the same for all rows.
        budget: one sentence on what each network was given.
        target_loss: the validation loss that times are measured to; None without networks.
        rows: the best first.
        left_out: family → why it has no row.
        claims: what texts say of the families, each with the number that bears it out or not.
    """

    task: str
    measure: str
    best_is_high: bool
    about: str
    digest: str
    budget: str
    target_loss: float | None
    rows: tuple[Row, ...]
    left_out: dict[str, str] = field(default_factory=dict[str, str])
    claims: tuple[Claim, ...] = ()

    def row(self, name: str) -> Row:
        """The row of a family.

        Raises:
            KeyError: it has none.
        """
        for row in self.rows:
            if row.name == name:
                return row
        raise KeyError(name)

    @property
    def verdict(self) -> str:
        """Which family did best, and which others are within its interval."""
        best, *others = self.rows
        mean, low, high = interval(best.scores)
        near = [row.name for row in others if _overlap(interval(row.scores), (mean, low, high))]
        also = f"; not told apart from it: {', '.join(near)}" if near else ""
        return f"{best.name} does best, {self.measure} {mean:.4g}{also}"

    @property
    def legend(self) -> str:
        """What the columns mean, as far as their names do not say it."""
        loss = "" if self.target_loss is None else f" (validation loss {self.target_loss:.4g})"
        return (
            "In brackets the interval of the mean over seeds, of 95 %. Times are the processor's: of an update of training, of a"
            f" whole fit, of a step when predicting, of learning until the loss is reached{loss}. Training memory is the most"
            " that tensors of an update take at once with weights and Adam's moments; the state is what it takes to go on from a"
            " step to the next. Effective memory is how many steps back the gradient of the last step's loss falls below 1 %;"
            " reach, to how many steps an answer can be owed at all."
        )

    def cells(self) -> list[list[str]]:
        """The table as text."""
        return [_cells(row) for row in self.rows]

    def columns(self) -> list[str]:
        """What the columns of :meth:`cells` are."""
        return ["model", f"{self.measure} (95 %)", *COLUMNS]

    def markdown(self) -> str:
        """The table, the claims and what was left out, in Markdown."""
        lines = [f"{self.about} (parts {self.digest}).", "", f"{self.budget}", ""]
        lines += [_line(self.columns()), _line(["---", *["--:"] * (len(COLUMNS) + 1)])]
        lines += [_line(cells) for cells in self.cells()]
        lines += [f"\n{name} is left out: {why}" for name, why in self.left_out.items()]
        lines += ["", f"{self.verdict}.", "", self.legend, ""]
        if self.claims:
            lines += [_line(["what texts say", "measured", "here"]), _line(["---"] * 3)]
            lines += [_line([claim.text, claim.verdict, claim.measured]) for claim in self.claims]
        return "\n".join(lines) + "\n"

    def to_dict(self) -> dict[str, Any]:
        """Everything by name, as JSON can hold it."""
        rows = [{**vars(row), "scores": list(row.scores), "interval": list(interval(row.scores))} for row in self.rows]
        claims = [{"text": c.text, "holds": c.holds, "measured": c.measured} for c in self.claims]
        return {**vars(self), "rows": rows, "claims": claims, "verdict": self.verdict}

    def to_frame(self) -> Any:
        """A polars frame with one row for each family, best first.

        Raises:
            MissingExtraError: polars is not installed.
        """
        try:
            import polars as pl
        except ImportError:
            raise MissingExtraError("to_frame", "polars", "cli") from None
        rows = [{**vars(row), "scores": list(row.scores)} for row in self.rows]
        for found, row in zip(rows, self.rows, strict=True):
            found["mean"], found["low"], found["high"] = interval(row.scores)
        return pl.DataFrame(rows, infer_schema_length=None)

    def plot(self) -> Chart:
        """The scores with their intervals."""
        found = {row.name: interval(row.scores) for row in self.rows}
        best = "higher" if self.best_is_high else "lower"
        return Chart(intervals_figure(found, f"{self.measure} on the test part, {best} is better"))

    def __str__(self) -> str:
        return self.verdict


COLUMNS = [
    "parameters", "units", "training memory", "state", "an update", "a fit", "a step", "to the loss", "effective memory", "reach",
    "chosen",
]  # fmt: skip


def _cells(row: Row) -> list[str]:
    mean, low, high = interval(row.scores)
    spread = f" [{low:.4g}, {high:.4g}]" if len(row.scores) > 1 else ""
    memory = "–" if row.memory is None else f"{'over ' * row.memory_floor}{row.memory}"
    return [
        row.name,
        f"{mean:.4g}{spread}",
        f"{row.parameters:,}",
        "–" if row.units is None else str(row.units),
        _bytes(row.training_bytes),
        "all steps" if row.state_bytes is None else _bytes(row.state_bytes),
        _seconds(row.update_seconds),
        _seconds(row.fit_seconds),
        _seconds(row.step_seconds),
        ("–" if row.validation_loss is None else "never")
        if row.seconds_to_loss is None
        else _seconds(row.seconds_to_loss),
        memory,
        "all" if row.reach is None else str(row.reach),
        row.chosen,
    ]


def _bytes(count: int | None) -> str:
    if count is None:
        return "–"
    if count < 1000:
        return f"{count} B"
    return f"{count / 1e3:.3g} kB" if count < 1e6 else f"{count / 1e6:.3g} MB"


def _seconds(seconds: float | None) -> str:
    if seconds is None:
        return "–"
    if seconds < 1e-3:
        return f"{seconds * 1e6:.3g} µs"
    return f"{seconds * 1e3:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _overlap(a: tuple[float, float, float], b: tuple[float, float, float]) -> bool:
    return a[1] <= b[2] and b[1] <= a[2]
