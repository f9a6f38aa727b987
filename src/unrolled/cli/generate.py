"""``unrolled generate``: texts from a model, as they are drawn or all at once; torch is not needed."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from unrolled.cli.catalogue import load_model
from unrolled.cli.drawing import (
    DrawingOptions,
    as_condition,
    as_prompt,
    as_text,
    drawing_arguments,
    say_cut,
    write_pieces,
)
from unrolled.cli.messages import say
from unrolled.cli.options import with_options
from unrolled.cli.output_files import check_places
from unrolled.cli.shared_options import JsonOption, ModelArgument, output_option
from unrolled.errors import InputError
from unrolled.parameters.declaration import Parameter
from unrolled.parameters.ranges import Range

if TYPE_CHECKING:
    from unrolled.cli.task import Model

__all__ = ["generate"]


class GenerateOptions(DrawingOptions):
    """What is drawn."""

    _title = "Pieces"

    n: Annotated[int, Parameter("How many pieces.", Range(1, 100_000), flag="--n,-n")] = 1
    prompt: Annotated[str | None, Parameter("What each piece begins with.", unset="nothing", metavar="TEXT")] = None
    condition: Annotated[
        str | None,
        Parameter(
            "What each piece is to be: a class, or numbers between commas.", unset="none", flag="--condition,--class",
            metavar="WHAT",
        ),
    ] = None  # fmt: skip
    stream: Annotated[bool, Parameter("Whether the piece is printed as it is drawn.")] = False


@with_options
def generate(
    model: ModelArgument,
    options: GenerateOptions,
    output: Annotated[
        Path | None, output_option("OUT", "Write the pieces to this file; .csv and .jsonl are tables.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Draw texts from a model: from nothing, from a prompt, or of a class.

    For example: unrolled generate shakespeare.safetensors --prompt "ROMEO:" --stream
    """
    check_places({"--output": output}, [model], as_json=as_json)
    if options.stream and (output is not None or as_json or options.n > 1):
        raise InputError("--stream prints one piece as it is drawn: leave --output, --json and --n out")
    loaded, task = load_model(model)
    if task.name != "generate":
        raise InputError(f"{model} is {task.called}, which draws nothing: run it by unrolled predict")
    given = drawing_arguments(options) | {
        "prompt": as_prompt(loaded, options.prompt),
        "condition": as_condition(loaded, options.condition),
    }
    if options.stream:
        _stream(loaded, options.prompt, given)
    else:
        _write(loaded, options, given, output, as_json)


def _stream(model: Model, prompt: str | None, given: dict[str, Any]) -> None:
    """Print the prompt, and what follows it as it is drawn."""
    from unrolled.cli.wording import printable

    between = " " if model.estimator.item_kind_ == "tokens" else ""
    parts = model.estimator.stream(**given)
    sys.stdout.write(printable((prompt or "") + (between if prompt else "")))
    for part in parts:
        sys.stdout.write(printable(part) + between)
        sys.stdout.flush()
    sys.stdout.write("\n")


def _write(model: Model, options: GenerateOptions, given: dict[str, Any], output: Path | None, as_json: bool) -> None:
    from unrolled.cli.json_report import Report, print_report
    from unrolled.cli.row_files import write_csv, write_json_lines, writing_to

    found = model.estimator.draw(options.n, **given)
    prompt = options.prompt or ""
    between = " " if prompt and model.estimator.item_kind_ == "tokens" else ""

    def rows() -> Iterator[dict[str, Any]]:
        for n, each in enumerate(found, 1):
            piece = prompt + between + as_text(each.piece)
            yield {"n": n, "piece": piece, "log_p": round(each.log_p, 6), "finished": each.finished}

    if output is not None or not as_json:
        writers = {".csv": write_csv, ".jsonl": write_json_lines}
        with writing_to(output) as file:
            writers.get("" if output is None else output.suffix, write_pieces)(rows(), file)
    if as_json:
        print_report(Report(model.path, rows_are="pieces"), rows())
    say_cut(model, sum(not each.finished for each in found), len(found))
    if output is not None:
        say(f"wrote {output} ({len(found):,} piece{'s' * (len(found) > 1)})")
