"""How the model was trained: its sizes, its settings, and its losses by epoch."""

from __future__ import annotations

from functools import partial
from typing import Any

from unrolled.charts.figures import loss_figure
from unrolled.charts.page import Figure, Page
from unrolled.insight.equations import equations_of
from unrolled.insight.report.case import Case, shortened
from unrolled.insight.report.section import Section, table
from unrolled.insight.training_runs import TrainingLosses, training_runs
from unrolled.parameters.declaration import declared

__all__ = ["fit_section"]

WORDS = {"None": "none", "True": "yes", "False": "no"}


def fit_section(case: Case) -> Section:
    """The cell with its equations, what was chosen, and the losses."""
    model, cell = case.estimator, case.cell
    runs, parts = training_runs(model), [table(["setting", "value"], _settings(model))]
    if runs:
        best = [run.best for run in runs if run.best is not None]
        figure = loss_figure(
            [run.losses for run in runs], [run.validation for run in runs], best, "Loss of each epoch of training"
        )
        parts.append(partial(Page.figure, figure=Figure(figure, [], _caption(runs))))
    unit = " That loss is of scaled values and has no unit." if case.family in ("numbers", "series", "channels") else ""
    return Section(
        "fit", "The model and its training",
        f"Its recurrent cell, {cell.title}, has the equations below: they say what a step makes of its input and of the state"
        f" before it. Training moved the weights W, U and b down the gradient of a loss, epoch after epoch.{unit}",
        equations_of(cell).forward, _finding(runs), tuple(parts),
    )  # fmt: skip


def _settings(model: Any) -> list[list[str]]:
    """What was chosen otherwise than usual, and what every network has."""
    always = ("cell", "hidden_size", "num_layers", "bidirectional")
    chosen: list[list[str]] = []
    for name, each in declared(type(model)).items():
        value = getattr(model, name, None)
        if value != each.default or (name in always and value is not None):  # None leaves it to the library
            chosen.append([name.replace("_", " "), WORDS.get(str(value), shortened(value))])
    return [["numbers learned", f"{sum(tensor.size for tensor in model._tensors().values()):,}"], *chosen]


def _caption(runs: list[TrainingLosses]) -> str:
    each = "A line for each network. " if len(runs) > 1 else ""
    if not runs[0].validation:
        return f"{each}Nothing was kept back, so that only the loss of training is known."
    dashed = "Dashed are the epochs" if len(runs) > 1 else "The dashed line is the epoch"
    return (
        f"{each}Training goes down by itself; what counts is the loss on examples that were kept back. {dashed} whose"
        " weights were kept."
    )


def _finding(runs: list[TrainingLosses]) -> str:
    if not runs:
        return "It has no record of its training."
    first, epochs = runs[0], sorted({len(run.losses) for run in runs})
    count = f"{epochs[0]} epoch{'s' * (epochs[0] != 1)}" if len(epochs) == 1 else f"{epochs[0]} to {epochs[-1]} epochs"
    said = f"{len(runs)} networks of {count} each, and of the first" if len(runs) > 1 else f"{count}:"
    said += f" the loss of training went from {first.losses[0]:.4g} to {first.losses[-1]:.4g}"
    if first.validation:
        said += f", that of what was kept back to {min(first.validation):.4g} at its lowest"
    return f"{said}."
