"""The table of a comparison: one row a family, with what it costs and what it gives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from unrolled.charts.chart import Chart
from unrolled.charts.intervals import intervals_figure
from unrolled.comparison.chance import Interval, apart
from unrolled.comparison.claims import Claim
from unrolled.errors import MissingExtraError

__all__ = ["Comparison", "Row"]


@dataclass(frozen=True)
class Row:
    """A family.

    Attributes:
        name: of the family.
        scores: on the test part, of each seed; one for what depends on no seed.
        interval: of the mean score, by seeds and by the items of the test part, of 95 %; None if one seed is all there is.
        parameters: learned numbers.
        units: hidden units; None where there is no such.
        training_bytes: the most that tensors of one update take at once, weights included; None without updates.
        state_bytes: what it takes to go on from a step to the next, in float32; None if the sequence must be read anew.
        update_seconds: of the processor, for one update, the median of ``update_rounds``; None without updates.
        update_rounds: the same in each of the rounds in which families took turns.
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
    interval: Interval | None
    parameters: int
    units: int | None
    training_bytes: int | None
    state_bytes: int | None
    update_seconds: float | None
    update_rounds: tuple[float, ...]
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
        return float(np.mean(self.scores))


@dataclass(frozen=True)
class Comparison:
    """What was measured.

    Attributes:
        task: ``forecast``, ``classify``, ``tag`` or ``generate``.
        measure: what the scores are.
        best_is_high: whether higher scores are better.
        about: one sentence on the parts of the data.
        digest: of the parts, the same for all rows.
        budget: one sentence on what each network was given; empty without networks.
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
        """Which family did best, and which others are not told apart from it."""
        best, *others = self.rows
        does = " does best," if others else ":"
        said = f"{best.name}{does} {self.measure} {best.mean:.4g}"
        near = [row.name for row in others if not apart(row.interval, best.interval)]
        if near:
            said += f"; not told apart from it: {', '.join(near)}"
        if any(row.interval is None for row in self.rows):
            said += "; one seed tells nothing of chance, take two at least"
        return said

    @property
    def legend(self) -> str:
        """What the columns mean, as far as their names do not say it."""
        loss = "" if self.target_loss is None else f" (validation loss {self.target_loss:.4g})"
        return (
            "In brackets the interval of the mean, of 95 %, by what seeds and the items of the test part differ. Times are the"
            " processor's: of an update of training, of a whole fit, of a step when predicting, of learning until the loss is"
            f" reached{loss}. Training memory is the most that tensors of an update take at once with weights and Adam's moments;"
            " the state is what it takes to go on from a step to the next. Effective memory is how many steps back the gradient"
            " of the last step's loss falls below 1 %; reach, to how many steps an answer can be owed at all."
        )

    def cells(self) -> list[list[str]]:
        """The table as text."""
        return [_cells(row) for row in self.rows]

    def columns(self) -> list[str]:
        """What the columns of :meth:`cells` are."""
        return ["model", f"{self.measure} (95 %)", *COLUMNS]

    def markdown(self) -> str:
        """The table, the claims and what was left out, in Markdown."""
        lines = [f"{self.about} (parts {self.digest}).", ""]
        lines += [self.budget, ""] if self.budget else []
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
        rows = [vars(row) for row in self.rows]
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
        rows: list[dict[str, Any]] = [{**vars(row), "mean": row.mean} for row in self.rows]
        for found in rows:
            found["low"], found["high"] = found.pop("interval") or (None, None)
        return pl.DataFrame(rows, infer_schema_length=None)

    def plot(self) -> Chart:
        """The scores with their intervals."""
        found = {row.name: (row.mean, *(row.interval or (row.mean, row.mean))) for row in self.rows}
        best = "higher" if self.best_is_high else "lower"
        return Chart(intervals_figure(found, f"{self.measure} on the test part, {best} is better"))

    def __str__(self) -> str:
        return self.verdict


COLUMNS = [
    "parameters", "units", "training memory", "state", "an update", "a fit", "a step", "to the loss", "effective memory", "reach",
    "chosen",
]  # fmt: skip


def _cells(row: Row) -> list[str]:
    spread = "" if row.interval is None else " [{:.4g}, {:.4g}]".format(*row.interval)
    memory = "–" if row.memory is None else f"{'over ' * row.memory_floor}{row.memory}"
    return [
        row.name,
        f"{row.mean:.4g}{spread}",
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
