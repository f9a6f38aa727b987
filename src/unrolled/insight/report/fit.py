"""How the model was trained: its sizes, its settings, and its losses by epoch."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from unrolled.charts.figures import loss_figure
from unrolled.charts.page import Figure, Page
from unrolled.insight.equations import equations_of
from unrolled.insight.report.case import Case, shortened
from unrolled.insight.report.section import Part, Section, table
from unrolled.parameters.declaration import declared

__all__ = ["fit_section"]


def fit_section(case: Case) -> Section:
    """The cell with its equations, what was chosen, and the losses."""
    model, cell = case.estimator, case.cell
    losses = [float(loss) for loss in np.ravel(getattr(model, "losses_", ()))]
    validation = [float(loss) for loss in np.ravel(getattr(model, "validation_losses_", ()) or ())]
    parts: list[Part] = [table(["setting", "value"], _settings(model))]
    if losses:
        best = int(np.ravel(getattr(model, "epochs_", 1) or 1)[0])
        caption = (
            "Training goes down by itself; what counts is the loss on examples that were kept back. The dashed line is the epoch"
            " whose weights were kept." if validation else "Nothing was kept back, so that only the loss of training is known."
        )  # fmt: skip
        figure = loss_figure(losses, validation, best, "Loss of each epoch of training, of one network after the other")
        parts.append(partial(Page.figure, figure=Figure(figure, [], caption)))
    return Section(
        "fit", "The model and its training",
        f"Its recurrent cell, {cell.title}, has the equations below: they say what a step makes of its input and of the state"
        " before it. Training moved the weights W, U and b down the gradient of a loss, epoch after epoch.",
        equations_of(cell).forward, _finding(model, losses, validation), tuple(parts),
    )  # fmt: skip


def _settings(model: Any) -> list[list[str]]:
    """What was chosen otherwise than usual, and what every network has."""
    always = ("cell", "hidden_size", "num_layers", "bidirectional")
    chosen: list[list[str]] = []
    for name, each in declared(type(model)).items():
        value = getattr(model, name, None)
        if value != each.default or (name in always and value is not None):  # None leaves it to the library
            chosen.append([name.replace("_", " "), "none" if value is None else shortened(value)])
    return [["numbers learned", f"{sum(tensor.size for tensor in model._tensors().values()):,}"], *chosen]


def _finding(model: Any, losses: list[float], validation: list[float]) -> str:
    said = f"{len(losses)} epochs" if losses else "It has no record of its training"
    if losses:
        said += f": the loss of training went from {losses[0]:.4g} to {losses[-1]:.4g}"
    if validation:
        said += f", that of what was kept back to {min(validation):.4g} at its lowest"
    return f"{said}."
