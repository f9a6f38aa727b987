"""``unrolled fit transcribe``, and what a transcriber hears and how it is evaluated."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unrolled.cli.answers import as_text
from unrolled.cli.data_options import GivenParts
from unrolled.cli.fit_files import FitFiles
from unrolled.cli.hearing_options import SpeechParameters, features_given
from unrolled.cli.messages import say
from unrolled.cli.options import with_options
from unrolled.cli.pair_files import TranscriptFileOptions
from unrolled.cli.shared_options import CheckpointOption, JsonOption, ModelOption, ValidationOption
from unrolled.cli.task import Destination, Known, Model, Task
from unrolled.cli.transcript_files import open_items, open_known
from unrolled.cli.transcripts import SearchOptions, TranscriptOptions, heard_rows, search_anew
from unrolled.errors import InputError
from unrolled.parameters.declaration import parameter_values
from unrolled.tasks.generation.transcriber_parameters import TranscriberParameters

if TYPE_CHECKING:
    from unrolled.data.example_columns import ExampleColumns
    from unrolled.data.example_file import Examples
    from unrolled.tasks.held_out.examples import ExampleData

__all__ = ["TASK"]


class KnownTranscriptsOptions(SearchOptions, TranscriptFileOptions):
    """Options of ``unrolled evaluate`` for transcribers."""


@with_options
def fit_transcribe(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="A folder of WAV files, each with a .txt file; a table of files and transcripts; or .jsonl of steps.",
        ),
    ],
    columns: TranscriptFileOptions,
    parameters: TranscriberParameters,
    audio: SpeechParameters,
    output: ModelOption = None,
    validation: ValidationOption = None,
    checkpoint: CheckpointOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train a model that writes down what is said in recordings, or written in steps of a pen.

    For example: unrolled fit transcribe recordings --target-tokens words
    """
    from unrolled.cli.example_fitting import check_kind, check_validation, finish_fit
    from unrolled.cli.example_streams import describe
    from unrolled.tasks.generation.transcriber import CTCTranscriber

    files = FitFiles(file, output, checkpoint, as_json, validation, (columns.transcripts,))
    files.check()
    if validation is not None:
        check_validation(parameters)
    examples, roles, notes = _read(file, columns)
    for group in (parameters, audio):
        check_kind(examples, group)
    say(f"{file}: {describe(examples)}")
    kept_back = others = None
    if validation is not None:
        others, _, _ = _read(validation, replace(columns, transcripts=None))
        kept_back = others.items, others.targets
    parameters = replace(parameters, audio=features_given(examples, audio))
    estimator = CTCTranscriber(**parameter_values(parameters))
    try:
        estimator.fit(examples.items, examples.targets, validation=kept_back, checkpoint=checkpoint)
    except InputError as error:
        raise _placed(error, examples, others) from None
    following = None
    if examples.kind == "audio":
        heard = file if file.is_dir() else examples.items[0].name
        following = f"transcribe {quote(str(files.model))} {quote(str(heard))}"
    finish_fit(files, estimator, examples, roles, notes, following=following)


class TranscriptParts(TranscriptFileOptions, GivenParts):
    """Of items and what is said in each, and of others that are held out."""


def transcript_data(file: Path, options: TranscriptParts, values: Mapping[str, Any]) -> ExampleData:
    """Items and what is said in each, to try several transcribers on."""
    from unrolled.cli.example_fitting import check_kind
    from unrolled.cli.example_streams import describe
    from unrolled.cli.held_out_files import own_and_others, with_given
    from unrolled.tasks.generation.transcriber import CTCTranscriber
    from unrolled.tasks.held_out.examples import ExampleData

    examples, roles, notes = _read(file, options)
    heard, settled = own_and_others(SpeechParameters, values)
    check_kind(examples, heard)
    say(f"{file}: {describe(examples)}")

    def others(path: Path) -> tuple[Any, Any]:
        found, _, _ = _read(path, replace(options, transcripts=None))
        return found.items, found.targets

    data = ExampleData(
        estimator=CTCTranscriber, values={**settled, "audio": features_given(examples, heard)}, source=str(file),
        notes=notes, items=examples.items, targets=examples.targets, columns=roles,
    )  # fmt: skip
    return with_given(data, options, others)


def _read(file: Path, columns: TranscriptFileOptions) -> tuple[Examples, ExampleColumns | None, tuple[str, ...]]:
    """All items of a file, its columns, and what was inferred of it, which is also said."""
    from unrolled.cli.example_streams import read_whole

    return read_whole(open_known(file, columns))


def _placed(error: InputError, examples: Examples, others: Examples | None) -> InputError:
    """An error about a transcript, by the place that has in its file."""
    from unrolled.cli.example_fitting import placed

    found = re.fullmatch(r"(validation's y: )?transcript (\d+) (.+)", str(error))
    if found is None:
        return error
    n, text = int(found[2]), f"the transcript {found[3]}"
    if found[1] and others is not None:
        return others.error(n, text)
    return placed(n, text, examples, others)


def predict_transcripts(model: Model, file: Path, options: TranscriptOptions, destination: Destination) -> None:
    """Write each item's transcript, or with ``--times`` each symbol and when it was said."""
    from unrolled.cli.example_streams import predict_rows

    search_anew(model, options)

    def rows(examples: Examples) -> Iterator[dict[str, Any]]:
        for place, found in zip(examples.places, model.estimator.transcribe(examples.items), strict=True):
            yield from heard_rows({place.name: place.value}, found, times=options.times)

    predict_rows(model, file, None, destination, rows, opening=partial(open_items, model, file, options))


def evaluate_transcripts(model: Model, file: Path, options: KnownTranscriptsOptions, as_json: bool) -> None:
    """Print the share of transcripts that are right as a whole, and error rates."""
    from unrolled.cli.example_streams import stream
    from unrolled.cli.measures_table import print_measures
    from unrolled.metrics.answers import answer_measures

    search_anew(model, options)
    notes, true, said = list[str](), list[Any](), list[Any]()
    opening = partial(open_known, file, options, model)
    in_tokens = model.estimator.target_kind_ == "tokens"
    for examples in stream(model, file, None, "evaluating", notes, level="sequence", opening=opening):
        for target in examples.targets or ():
            given = as_text(target)
            true.append(given.split() if in_tokens else given)
        said += model.estimator.predict(examples.items)
    print_measures(
        model, file, len(true), answer_measures([[each] for each in true], said), as_json=as_json, inferred=notes
    )


def known_transcripts(model: Model, file: Path, options: KnownTranscriptsOptions) -> Known:
    """Recordings and what is said in them."""
    from unrolled.cli.known_examples import read_known

    in_tokens = model.estimator.target_kind_ == "tokens"

    def targets(examples: Examples) -> list[Any]:
        given = [as_text(target) for target in examples.targets or ()]
        return [each.split() for each in given] if in_tokens else given

    search_anew(model, options)
    return read_known(model, file, None, targets, level="sequence", opening=partial(open_known, file, options, model))


TASK = Task(
    name="transcribe",
    estimator="CTCTranscriber",
    called="a transcriber",
    fit=fit_transcribe,
    predict=predict_transcripts,
    predict_options=TranscriptOptions,
    evaluate=evaluate_transcripts,
    evaluate_options=KnownTranscriptsOptions,
    known=known_transcripts,
    known_options=KnownTranscriptsOptions,
    data=transcript_data,
    data_options=TranscriptParts,
    command="transcribe",
)
