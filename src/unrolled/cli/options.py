"""Options that several commands share, and what becomes of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unrolled.cli.places import output_option

if TYPE_CHECKING:
    from unrolled.tasks.forecasting.forecaster import Forecaster

__all__ = [
    "CellOption",
    "CheckpointOption",
    "CsvArgument",
    "DistributionOption",
    "FutureOption",
    "HiddenSizeOption",
    "HorizonOption",
    "IntervalsOption",
    "MaxEpochsOption",
    "MembersOption",
    "MethodOption",
    "MissingOption",
    "ModelOption",
    "PastOption",
    "SeasonOption",
    "SeedOption",
    "SeriesOption",
    "StaticOption",
    "TargetOption",
    "TimeFormatOption",
    "TimeOption",
    "make_forecaster",
]

CsvArgument = Annotated[
    Path,
    typer.Argument(
        metavar="FILE.csv",
        help="A table: a CSV file whose first line names the columns, a Parquet file, or - for CSV on stdin.",
    ),
]
TargetOption = Annotated[
    str | None, typer.Option(metavar="COLUMN", help="The column to forecast; default: the only numeric one.")
]
TimeOption = Annotated[str | None, typer.Option(metavar="COLUMN", help="The time column; default: detected.")]
TimeFormatOption = Annotated[
    str | None,
    typer.Option(
        metavar="FORMAT", help="The format of the times, such as %d/%m/%Y (day, month, year); default: detected."
    ),
]
SeriesOption = Annotated[
    str | None, typer.Option(metavar="COLUMN", help="The column that names the series, if there are several.")
]
PastOption = Annotated[
    list[str], typer.Option(metavar="COLUMN", help="A numeric column known up to the present; repeatable.")
]
FutureOption = Annotated[
    list[str], typer.Option(metavar="COLUMN", help="A numeric column known in advance; repeatable.")
]
StaticOption = Annotated[
    list[str], typer.Option(metavar="COLUMN", help="A numeric column that is constant for each series; repeatable.")
]
HorizonOption = Annotated[
    int | None, typer.Option("--horizon", "-H", metavar="N", help="Number of steps to forecast; default: one season.")
]
MissingOption = Annotated[
    str,
    typer.Option(
        metavar="HOW", help="How to treat blank values and missing rows: raise, interpolate, previous or zero."
    ),
]
CellOption = Annotated[str, typer.Option(metavar="CELL", help="gru, gru_reset_before, lstm or rnn.")]
CheckpointOption = Annotated[
    Path | None,
    typer.Option(
        metavar="PATH",
        help="Save the training in this file until the model is written; after an interruption the same command resumes.",
        rich_help_panel="Training",
    ),
]
MethodOption = Annotated[
    str, typer.Option(metavar="METHOD", help="smoothing, windows, or auto: windows if there is plenty of data.")
]
DistributionOption = Annotated[
    str, typer.Option(metavar="WHAT", help="What the network predicts for each step: quantiles or student_t.")
]
IntervalsOption = Annotated[
    str, typer.Option(metavar="WHOSE", help="model: the network's quantiles; conformal: corrected on held-out steps.")
]
ModelOption = Annotated[Path | None, output_option("MODEL", "The model file to write; default: named after FILE.")]
HiddenSizeOption = Annotated[int | None, typer.Option(metavar="N", help="Hidden units; default depends on the method.")]
MembersOption = Annotated[
    int | None,
    typer.Option(metavar="N", help="Ensemble size; fewer is faster; default depends on the method."),
]
MaxEpochsOption = Annotated[
    int | None, typer.Option(metavar="N", help="Maximum number of epochs; default depends on the method.")
]
SeasonOption = Annotated[
    int | None,
    typer.Option("--season", metavar="N", help="Steps per season; default: from the time stamps, or values."),
]
SeedOption = Annotated[
    int, typer.Option("--seed", metavar="N", help="Random seed; the same number gives the same model.")
]


def make_forecaster(*, callback: Callable[[Any], object], **parameters: Any) -> Forecaster:
    """Return an unfitted forecaster with the parameters of a command."""
    from unrolled.tasks.forecasting.forecaster import Forecaster

    return Forecaster(**parameters, callback=callback)
