"""``unrolled predict``: run a model on a file; torch is not needed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from unrolled.cli.example_options import FileOptions
from unrolled.cli.option_groups import with_groups
from unrolled.cli.output import JsonOption
from unrolled.cli.places import check_places, output_option
from unrolled.cli.task import MissingCellsOption, ModelArgument, ThresholdOption, UsedFileArgument
from unrolled.cli.tasks import load_model

__all__ = ["predict"]


@dataclass(frozen=True)
class PredictOptions(FileOptions):
    """Options of one task or another; each :class:`unrolled.cli.task.Task` says which it takes."""

    probabilities: Annotated[
        bool, typer.Option("--probabilities", help="Classifiers: also write the probability of every class.")
    ] = False
    horizon: Annotated[
        int | None,
        typer.Option("--horizon", "-H", metavar="N", help="Forecasters: number of steps; default: as in training."),
    ] = None
    future: Annotated[
        Path | None,
        typer.Option(
            metavar="AHEAD.csv",
            help="Forecasters: a file with the columns known in advance, one row per step to forecast.",
        ),
    ] = None
    missing: MissingCellsOption = None
    threshold: ThresholdOption = None
    windows: Annotated[
        Path | None, typer.Option(metavar="OUT.csv", help="Detectors: write the alarm episodes to this file.")
    ] = None
    output: Annotated[Path | None, output_option("OUT", "Write the result to this file.")] = None
    as_json: JsonOption = False


@with_groups
def predict(model: ModelArgument, file: UsedFileArgument, options: PredictOptions) -> None:
    """Run a model on a file: classes, numbers, tags, alarms or a forecast, depending on the model.

    Long files are read and written in parts.
    For example: unrolled predict reviews.safetensors new_reviews.txt -o moods.csv
    """
    outputs = {"--output": options.output, "--windows": options.windows}
    check_places(outputs, [model, file, options.future, options.labels], as_json=options.as_json)
    loaded, task = load_model(model)
    task.check(loaded, options)
    task.predict(loaded, file, options)
