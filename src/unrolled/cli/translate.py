"""``unrolled translate``: a line of text in, its answer out; torch is not needed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from unrolled.cli.answers import AnswerOptions, write_answers, write_lines, write_table
from unrolled.cli.catalogue import load_model
from unrolled.cli.options import with_options
from unrolled.cli.output_files import check_places
from unrolled.cli.shared_options import JsonOption, ModelArgument, WeightsOption, output_option
from unrolled.cli.stored_weights import say_losses
from unrolled.cli.task import Destination
from unrolled.errors import InputError

__all__ = ["translate"]


@with_options
def translate(
    model: ModelArgument,
    options: AnswerOptions,
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", show_default=False, help="Sources, a line each, or as in training; default: stdin."
        ),
    ] = Path("-"),
    output: Annotated[Path | None, output_option("OUT", "Write the answers to this file.")] = None,
    weights: WeightsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run a model that says sequences: for each line of text its answer, on a line; with --n-best a table.

    For example: echo "good morning" | unrolled translate english.safetensors --beam 8
    """
    check_places({"--output": output, "--attention": options.attention}, [model, file], as_json=as_json)
    loaded, task = load_model(model, weights)
    if task.name != "translate":
        raise InputError(f"{model} is {task.called}, which translates nothing: run it by unrolled {task.command}")
    table = options.n_best > 1 or (output is not None and output.suffix == ".csv")
    write_answers(loaded, file, options, Destination(output, as_json), write_table if table else write_lines)
    say_losses(loaded)
