"""Options that several commands share, and what becomes of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unrolled.cli.places import output_option

if TYPE_CHECKING:
    from unrolled.tasks.forecaster import Forecaster

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

CsvArgument = Annotated[Path, typer.Argument(metavar="FILE.csv", help="A CSV file; its first line names the columns.")]
TargetOption = Annotated[
    str | None, typer.Option(metavar="COLUMN", help="The column to forecast; default: the only one of numbers.")
]
TimeOption = Annotated[str | None, typer.Option(metavar="COLUMN", help="The column of times; default: the one found.")]
TimeFormatOption = Annotated[
    str | None,
    typer.Option(
        metavar="FORMAT", help="How the times are written, such as %d/%m/%Y (day, month, year); default: as found."
    ),
]
SeriesOption = Annotated[
    str | None, typer.Option(metavar="COLUMN", help="The column that tells several series apart, if there are several.")
]
PastOption = Annotated[
    list[str], typer.Option(metavar="COLUMN", help="A column of numbers known up to the present; may be repeated.")
]
FutureOption = Annotated[
    list[str], typer.Option(metavar="COLUMN", help="A column of numbers known ahead; may be repeated.")
]
StaticOption = Annotated[
    list[str], typer.Option(metavar="COLUMN", help="A column of numbers fixed for each series; may be repeated.")
]
HorizonOption = Annotated[
    int | None, typer.Option("--horizon", "-H", metavar="N", help="Steps ahead; default: one season.")
]
MissingOption = Annotated[
    str,
    typer.Option(
        metavar="HOW", help="What to do about blank values and missing rows: raise, interpolate, previous or zero."
    ),
]
CellOption = Annotated[str, typer.Option(metavar="CELL", help="gru, gru_reset_before, lstm or rnn.")]
CheckpointOption = Annotated[
    Path | None,
    typer.Option(
        metavar="PATH",
        help="Keep the training in this file until the model is written; if it is stopped, the same command goes on.",
        rich_help_panel="Training",
    ),
]
MethodOption = Annotated[
    str, typer.Option(metavar="METHOD", help="smoothing, windows, or auto: the second where there is plenty of data.")
]
DistributionOption = Annotated[
    str, typer.Option(metavar="WHAT", help="What the network says of each step: quantiles or student_t.")
]
IntervalsOption = Annotated[
    str, typer.Option(metavar="WHOSE", help="Quantiles of the model, or conformal: corrected on steps kept back.")
]
ModelOption = Annotated[Path | None, output_option("MODEL", "The model file to write; default: named for FILE.")]
HiddenSizeOption = Annotated[int | None, typer.Option(metavar="N", help="Hidden units; default: by the method.")]
MembersOption = Annotated[
    int | None,
    typer.Option(metavar="N", help="Networks whose forecasts are averaged; fewer are quicker; default: by the method."),
]
MaxEpochsOption = Annotated[
    int | None, typer.Option(metavar="N", help="Passes over the data at most; default: by the method.")
]
SeasonOption = Annotated[
    int | None, typer.Option(metavar="N", help="Steps of a season; default: by the time stamps (12 for months).")
]
SeedOption = Annotated[int, typer.Option(metavar="N", help="The same number gives the same model.")]


def make_forecaster(
    *, callback: Callable[[Any], object], seed: int, season: int | None, **parameters: Any
) -> Forecaster:
    """Return an unfitted forecaster with the parameters of a command."""
    from unrolled.tasks.forecaster import Forecaster

    return Forecaster(**parameters, season_length=season, random_state=seed, callback=callback)
