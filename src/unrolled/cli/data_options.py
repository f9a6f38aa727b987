"""Options about the data: the columns of a file, the files of a folder, gaps in series."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from unrolled.parameters.declaration import Parameter, Parameters, declared, parameter_values
from unrolled.parameters.series import Missing

if TYPE_CHECKING:
    from unrolled.data.example_file import ReadOptions

__all__ = [
    "ExampleParts",
    "FileOptions",
    "GivenParts",
    "SeriesOptions",
    "TableOptions",
    "TargetOptions",
    "TimeOptions",
    "read_options",
]


class TableOptions(Parameters):
    """Of a table of sequences of numbers or of tokens."""

    _title = "Data"

    label: Annotated[str | None, Parameter("The column to predict.", metavar="COLUMN")] = None
    series: Annotated[
        str | None, Parameter("The column that names the sequences, if each row is a step.", metavar="COLUMN")
    ] = None
    features: Annotated[
        Sequence[str],
        Parameter(
            "The numeric columns, separated by commas; if not given, all others that are numeric.", metavar="COLUMNS"
        ),
    ] = ()


class FileOptions(TableOptions):
    """Of a file of any examples."""

    text: Annotated[str | None, Parameter("The text column.", metavar="COLUMN")] = None
    labels: Annotated[
        Path | None, Parameter("For a folder: a table with the columns file and label.", metavar="TABLE")
    ] = None
    pattern: Annotated[
        str | None,
        Parameter("For a folder: a regular expression for file names with a group (?P<label>…).", metavar="REGEX"),
    ] = None


class GivenParts(Parameters):
    """Files of examples that are held out, where they are not a part of the file that is learned from."""

    _title = "Data"

    validation: Annotated[
        Path | None, Parameter("A file of examples that models are compared by, instead of a part of FILE.")
    ] = None
    test: Annotated[Path | None, Parameter("A file of examples for the last judgement, instead of a part of FILE.")] = (
        None
    )


class ExampleParts(FileOptions, GivenParts):
    """Of a file of any examples, and of others that are held out."""


class TimeOptions(Parameters):
    """Of a table with a row a time step."""

    _title = "Data"

    time: Annotated[str | None, Parameter("The time column.", unset="detected", metavar="COLUMN")] = None
    time_format: Annotated[
        str | None,
        Parameter("The format of the times, such as %d/%m/%Y (day, month, year).", unset="detected", metavar="FORMAT"),
    ] = None


class TargetOptions(TimeOptions):
    """Of a table of one series, or of several."""

    target: Annotated[
        str | None, Parameter("The column to forecast.", unset="the only numeric one", metavar="COLUMN")
    ] = None
    series: Annotated[
        str | None, Parameter("The column that names the series, if there are several.", metavar="COLUMN")
    ] = None


class SeriesOptions(Parameters):
    """What forecasters and detectors are asked alike."""

    _title = "Forecasters and detectors"

    missing: Annotated[
        Missing | None,
        Parameter("How blank values and missing time steps of the file are treated.", unset="raise", metavar="HOW"),
    ] = None


def read_options(columns: TableOptions) -> ReadOptions:
    """What the user said, as the readers of files take it."""
    from unrolled.data.example_file import ReadOptions

    said = parameter_values(columns)
    return ReadOptions(**{name: said[name] for name in declared(FileOptions) if name in said})
