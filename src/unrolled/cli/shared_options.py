"""Arguments and options of several commands that are no parameters: the files they read and write, and ``--json``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

__all__ = [
    "CheckpointOption",
    "ExamplesArgument",
    "JsonOption",
    "ModelArgument",
    "ModelOption",
    "NewFileArgument",
    "TableArgument",
    "ValidationOption",
    "WeightsOption",
    "output_option",
]

STDOUT = Path("/dev/stdout")


def output_option(metavar: str, text: str) -> Any:
    """The option ``-o``; ``-`` is stdout."""
    return typer.Option("-o", "--output", metavar=metavar, help=text, callback=_dash_is_stdout)


def _dash_is_stdout(path: Path | None) -> Path | None:
    return STDOUT if path == Path("-") else path


TableArgument = Annotated[
    Path,
    typer.Argument(
        metavar="FILE.csv",
        help="A table: a CSV file whose first line names the columns, a Parquet file, or - for CSV on stdin.",
    ),
]
ExamplesArgument = Annotated[
    Path, typer.Argument(metavar="FILE", help="Examples: .csv, .tsv, .jsonl, .npz, .ts, or a folder of WAV files.")
]
ModelArgument = Annotated[Path, typer.Argument(metavar="MODEL", help="A model file, as written by unrolled fit.")]
NewFileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="A file like the one the model was trained on.")]

ModelOption = Annotated[Path | None, output_option("MODEL", "The model file to write; default: named after FILE.")]
WeightsOption = Annotated[
    str | None,
    typer.Option(
        "--weights",
        metavar="NAME",
        help="What the matrices of the networks are stored as: bfloat16 takes half the memory, and what it costs in accuracy"
        " is told. Default: float32, as in the file.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON on stdout.")]
ValidationOption = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="A file of validation examples, instead of a part of FILE.", rich_help_panel="Training"
    ),
]
CheckpointOption = Annotated[
    Path | None,
    typer.Option(
        metavar="PATH",
        help="Save the training in this file until the model is written; after an interruption the same command resumes.",
        rich_help_panel="Training",
    ),
]
