"""``unrolled evaluate``: how good a model is on a file that has the answers; torch is not needed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from unrolled.cli.example_options import FileOptions
from unrolled.cli.option_groups import with_groups
from unrolled.cli.output import JsonOption
from unrolled.cli.task import MissingCellsOption, ModelArgument, ThresholdOption, UsedFileArgument
from unrolled.cli.tasks import load_model

__all__ = ["evaluate"]


@dataclass(frozen=True)
class EvaluateOptions(FileOptions):
    """Options of one task or another; each :class:`unrolled.cli.task.Task` says which it takes."""

    missing: MissingCellsOption = None
    threshold: ThresholdOption = None
    windows: Annotated[
        Path | None,
        typer.Option(
            metavar="WINDOWS", help="Detectors: when something was wrong (.csv with start and end, or .json)."
        ),
    ] = None
    as_json: JsonOption = False


@with_groups
def evaluate(model: ModelArgument, file: UsedFileArgument, options: EvaluateOptions) -> None:
    """Evaluate a model on a file it has not seen, with the measures of its task.

    Classes: accuracy, macro F1 and a row per class. Numbers: R2 and errors. Tags: accuracy, and F1 of entities. Alarms:
    precision and recall of windows. Forecasts: errors on the last steps and those of simple methods, and coverage.
    For example: unrolled evaluate reviews.safetensors other_reviews.csv
    """
    loaded, task = load_model(model)
    task.check(loaded, options)
    task.evaluate(loaded, file, options)
