"""``unrolled fit generate``, and how a model that says sequences from themselves goes on from pieces and is evaluated."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unrolled.cli.data_options import GivenParts
from unrolled.cli.drawing import DrawingOptions, as_text, drawing_arguments, say_cut
from unrolled.cli.fit_files import FitFiles
from unrolled.cli.messages import say
from unrolled.cli.options import with_options
from unrolled.cli.piece_files import (
    FitPiecesOptions,
    PieceFileOptions,
    conditions_of,
    describe_pieces,
    open_known_pieces,
)
from unrolled.cli.shared_options import CheckpointOption, JsonOption, ModelOption, ValidationOption
from unrolled.cli.task import Destination, Known, Model, Task
from unrolled.errors import InputError
from unrolled.parameters.declaration import Parameter, parameter_values
from unrolled.parameters.ranges import POSITIVE
from unrolled.tasks.generation.generator_parameters import GeneratorParameters

if TYPE_CHECKING:
    from unrolled.data.example_columns import ExampleColumns
    from unrolled.data.example_file import Examples
    from unrolled.parameters.music import MusicStep
    from unrolled.tasks.held_out.examples import ExampleData

__all__ = ["TASK"]


class ContinuationOptions(DrawingOptions, PieceFileOptions):
    """Options of ``unrolled predict`` for models that say sequences from themselves."""

    _title = "Generators"


class MeasuredPiecesOptions(PieceFileOptions):
    """Options of ``unrolled evaluate`` for models that say sequences from themselves."""

    _title = "Generators"

    dynamic: Annotated[
        float | None,
        Parameter(
            "A learning rate with which the model goes on learning from a long text as it reads it; needs PyTorch.",
            POSITIVE,
            unset="it learns nothing",
            metavar="RATE",
        ),
    ] = None


@with_options
def fit_generate(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="A text, or pieces: .csv, .tsv, .jsonl, with --lines a piece a line of text, or a folder of MIDI files.",
        ),
    ],
    columns: FitPiecesOptions,
    parameters: GeneratorParameters,
    output: ModelOption = None,
    validation: ValidationOption = None,
    checkpoint: CheckpointOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train a model that says texts, music, strokes or words aloud: from nothing, from a prompt, or of a class.

    For example: unrolled fit generate shakespeare.txt
    """
    from unrolled.cli.example_fitting import check_validation, finish_fit
    from unrolled.data.targets import as_conditions, as_known_conditions
    from unrolled.tasks.generation.generator import SequenceGenerator

    files = FitFiles(file, output, checkpoint, as_json, validation)
    files.check()
    if validation is not None:
        check_validation(parameters)
    examples, roles, notes = _read(file, columns, parameters.frame)
    conditions = None if examples.targets is None else as_conditions(examples)
    say(f"{file}: {describe_pieces(examples.items)}")
    kept_back = None
    if validation is not None:
        others, _, _ = _read(validation, columns, parameters.frame, roles)
        kept_back = others.items if conditions is None else (others.items, as_known_conditions(others, conditions))
    estimator = SequenceGenerator(**parameter_values(parameters))
    try:
        estimator.fit(examples.items, conditions, validation=kept_back, checkpoint=checkpoint)
    except InputError as error:
        raise _placed(error, examples) from None
    following = f"generate {quote(str(files.model))}"
    if estimator.condition_kind_ is not None:
        following += " --class ..." if estimator.condition_kind_ == "class" else " --condition vectors.npz"
    following += " --midi out.mid" if estimator.notes_ is not None else ""
    following += " --svg out.svg" if estimator.step_kind_ == "strokes" else ""
    following += " --wav out.wav" if estimator.item_kind_ == "audio" else ""
    finish_fit(files, estimator, examples, roles, notes, following=following)


class PieceParts(FitPiecesOptions, GivenParts):
    """Of pieces, and of others that are held out."""


def piece_data(file: Path, options: PieceParts, values: Mapping[str, Any]) -> ExampleData:
    """Pieces to try several generators on."""
    from unrolled.cli.held_out_files import with_given
    from unrolled.data.targets import as_conditions, as_known_conditions
    from unrolled.tasks.generation.generator import SequenceGenerator
    from unrolled.tasks.held_out.examples import ExampleData

    frame: MusicStep = values.get("frame", GeneratorParameters.frame)
    examples, roles, notes = _read(file, options, frame)
    conditions = None if examples.targets is None else as_conditions(examples)
    say(f"{file}: {describe_pieces(examples.items)}")

    def others(path: Path) -> tuple[Any, Any]:
        found, _, _ = _read(path, options, frame, roles)
        return found.items, None if conditions is None else as_known_conditions(found, conditions)

    data = ExampleData(
        estimator=SequenceGenerator, values=values, source=str(file), notes=notes,
        items=examples.items, targets=conditions, columns=roles,
    )  # fmt: skip
    return with_given(data, options, others)


def _read(
    file: Path, columns: FitPiecesOptions, frame: MusicStep, roles: ExampleColumns | None = None
) -> tuple[Examples, ExampleColumns | None, tuple[str, ...]]:
    """All pieces of a file, its columns, and what was inferred of it, which is also said."""
    from unrolled.cli.example_streams import read_whole
    from unrolled.data.pieces import PieceOptions, open_pieces

    lines = "lines" if columns.lines else "whole"
    options = PieceOptions(columns.text, columns.condition, lines, frame, columns.pattern)
    return read_whole(open_pieces(file, options, roles))


def _placed(error: InputError, examples: Examples) -> InputError:
    """An error about the pieces by the name of their file, and about piece n by the place that has in it."""
    if str(error).startswith("X holds "):
        return InputError(f"{examples.source} {str(error)[2:]}")
    found = re.fullmatch(r"(?:X, )?piece (\d+)([,:]?) (.+)", str(error))
    return error if found is None else examples.error(int(found[1]), f"the piece{found[2]} {found[3]}")


def continue_pieces(model: Model, file: Path, options: ContinuationOptions, destination: Destination) -> None:
    """Write a continuation of each piece, and the logarithm of its probability."""
    from unrolled.cli.example_streams import predict_rows

    estimator, seed, drawn, cut = model.estimator, options.seed, 0, 0

    def rows(examples: Examples) -> Iterator[dict[str, Any]]:
        nonlocal drawn, cut
        conditions = conditions_of(model, examples)
        for n, (place, item) in enumerate(zip(examples.places, examples.items, strict=True)):
            given = drawing_arguments(options) | {"seed": None if seed is None else seed + drawn}
            condition = None if conditions is None else conditions[n]
            try:
                (found,) = estimator.draw(prompt=item, condition=condition, **given)
            except InputError as error:
                raise examples.error(n, str(error)) from None
            drawn += 1
            cut += not found.finished
            yield {place.name: place.value, "continuation": as_text(model, found.piece), "log_p": round(found.log_p, 6)}

    predict_rows(
        model, file, None, destination, rows, opening=lambda: open_known_pieces(model, file, options),
        conditions=lambda examples: conditions_of(model, examples),
    )  # fmt: skip
    say_cut(model, cut, drawn)


def evaluate_pieces(model: Model, file: Path, options: MeasuredPiecesOptions, as_json: bool) -> None:
    """Print nats a symbol, perplexity, and of texts bits a character; through a long text the state is carried."""
    from unrolled.cli.example_streams import check_kind_of, read_whole
    from unrolled.cli.measures_table import print_measures

    opened = open_known_pieces(model, file, options)
    check_kind_of(model, opened)
    examples, _, notes = read_whole(opened)
    found = model.estimator.evaluate(examples.items, conditions_of(model, examples), dynamic=options.dynamic)
    print_measures(model, file, len(examples.items), found, as_json=as_json, inferred=notes)


def known_pieces(model: Model, file: Path, options: PieceFileOptions) -> Known:
    """Pieces, and what each is of where the model knows such a thing."""
    from unrolled.cli.example_streams import check_kind_of, read_whole

    opened = open_known_pieces(model, file, options)
    check_kind_of(model, opened)
    examples, _, notes = read_whole(opened)
    places = [str(place) for place in examples.places]
    return Known((examples.items, conditions_of(model, examples)), places, list(notes))


TASK = Task(
    name="generate",
    estimator="SequenceGenerator",
    called="a generator",
    fit=fit_generate,
    predict=continue_pieces,
    predict_options=ContinuationOptions,
    evaluate=evaluate_pieces,
    evaluate_options=MeasuredPiecesOptions,
    known=known_pieces,
    known_options=PieceFileOptions,
    data=piece_data,
    data_options=PieceParts,
    command="generate",
)
