"""What a task is to the command line: how a model of it is trained, predicts and is evaluated."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any

import typer

from unrolled.cli.option_groups import flag
from unrolled.errors import InputError

__all__ = ["MissingCellsOption", "Model", "ModelArgument", "Task", "ThresholdOption", "UsedFileArgument"]

ModelArgument = Annotated[Path, typer.Argument(metavar="MODEL", help="A model file, as written by unrolled fit.")]
UsedFileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="A file like the one the model was trained on.")]

MissingCellsOption = Annotated[
    str | None,
    typer.Option(metavar="HOW", help="Forecasters and detectors: how to treat blank values (as in fit forecast)."),
]
ThresholdOption = Annotated[
    float | None,
    typer.Option(metavar="SCORE", help="Detectors: the alarm threshold; default: as calibrated."),
]


@dataclass(frozen=True)
class Model:
    """A model file that was loaded; ``estimator`` is what :func:`unrolled.load` returned."""

    path: Path
    estimator: Any


@dataclass(frozen=True)
class Task:
    """One of the tasks of ``unrolled fit``.

    Attributes:
        name: of the command.
        estimator: the name of the class of its models.
        called: what messages call such a model.
        fit: the command ``unrolled fit NAME``.
        predict, evaluate: what ``unrolled predict`` and ``unrolled evaluate`` do with a model, a file and their options.
        takes: the options of these two that are for this task, among those that are not for all.
    """

    name: str
    estimator: str
    called: str
    fit: Callable[..., None]
    predict: Callable[[Model, Path, Any], None]
    evaluate: Callable[[Model, Path, Any], None]
    takes: frozenset[str]

    def check(self, model: Model, options: Any) -> None:
        """Raise an InputError if an option was given that is not for this task."""
        for field in fields(options):
            if field.name not in self.takes | {"output", "as_json"} and getattr(options, field.name) != field.default:
                name = flag(options, field.name)
                raise InputError(f"{model.path} is {self.called}, for which {name} means nothing: leave it out")
