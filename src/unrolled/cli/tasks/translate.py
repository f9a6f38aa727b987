"""``unrolled fit translate``, and what a model that says sequences answers and how it is evaluated."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unrolled.cli.answers import AnswerOptions, placed_sources, write_answers, write_table
from unrolled.cli.data_options import GivenParts
from unrolled.cli.fit_files import FitFiles
from unrolled.cli.hearing_options import FrameParameters, features_given
from unrolled.cli.messages import say
from unrolled.cli.options import with_options
from unrolled.cli.pair_files import (
    TranscriptFileOptions,
    describe_pairs,
    open_given_pairs,
    open_known_pairs,
    pair_options,
)
from unrolled.cli.shared_options import CheckpointOption, JsonOption, ModelOption, ValidationOption
from unrolled.cli.task import Destination, Known, Model, Task
from unrolled.errors import InputError, MissingExtraError
from unrolled.parameters.declaration import Parameter, parameter_values
from unrolled.tasks.generation.seq2seq_parameters import Seq2SeqParameters

if TYPE_CHECKING:
    from unrolled.data.example_columns import ExampleColumns
    from unrolled.data.example_file import Examples
    from unrolled.tasks.held_out.examples import ExampleData

__all__ = ["TASK"]


class KnownPairsOptions(TranscriptFileOptions):
    """Options of ``unrolled evaluate`` for models that say sequences."""

    _title = "Translators"

    targets: Annotated[
        Path | None, Parameter("The targets, if they stand in their own file, a line each.", metavar="FILE2")
    ] = None


@with_options
def fit_translate(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="Pairs (.tsv, .csv, .jsonl; .dict: words and their symbols), sources alone, a line each, or a folder of WAV"
            " files, each with a .txt file.",
        ),
    ],
    columns: TranscriptFileOptions,
    parameters: Seq2SeqParameters,
    audio: FrameParameters,
    second: Annotated[
        Path | None, typer.Argument(metavar="FILE2", show_default=False, help="The targets of FILE, a line each.")
    ] = None,
    output: ModelOption = None,
    validation: ValidationOption = None,
    validation_targets: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE2", help="The targets of the validation file, a line each.", rich_help_panel="Training"
        ),
    ] = None,
    checkpoint: CheckpointOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train a model that reads one sequence and says another: translations, pronunciations, normal forms.

    For example: unrolled fit translate train.en train.de
    """
    from unrolled.cli.example_fitting import check_kind, check_validation, finish_fit
    from unrolled.data.pairs import pair_layout
    from unrolled.tasks.generation.seq2seq import Seq2Seq

    files = FitFiles(file, output, checkpoint, as_json, validation, (second, validation_targets, columns.transcripts))
    files.check()
    if validation_targets is not None and validation is None:
        raise InputError(
            f"--validation-targets {validation_targets}: whose targets? name the sources with --validation"
        )
    if validation is not None:
        check_validation(parameters)
        _check_targets_of(validation, validation_targets, columns, beside=second is not None)
    examples, roles, notes = _read(file, second, columns)
    if second is not None and examples.items == examples.targets:
        copied = f"{_twice(file, second)}: the model learns to repeat its sources"
        notes = (*notes, copied)
        say(copied)
    check_kind(examples, parameters, of_targets=("embedding_size",))
    check_kind(examples, audio)
    dictionary = examples.kind != "audio" and pair_layout(file, second, pair_options(columns)) == "dictionary"
    if dictionary and parameters.tokens == "words":  # of which each is one
        parameters, letters = replace(parameters, tokens="characters"), "words are read letter by letter"
        notes = (*notes, letters)
        say(letters)
    say(f"{file}: {describe_pairs(examples.items, examples.targets or [], dictionary=dictionary)}")
    kept_back = others = None
    if validation is not None:
        others, _, _ = _read(validation, validation_targets, replace(columns, transcripts=None))
        kept_back = others.items, others.targets
    estimator = Seq2Seq(**parameter_values(replace(parameters, audio=features_given(examples, audio))))
    try:
        estimator.fit(examples.items, examples.targets, validation=kept_back, checkpoint=checkpoint)
    except InputError as error:
        raise _placed(error, examples, others) from None
    following = f"translate {quote(str(files.model))} {quote(str(file))}"
    finish_fit(files, estimator, examples, roles, notes, following=following)


class PairParts(KnownPairsOptions, GivenParts):
    """Of sources and targets, and of others that are held out."""


def pair_data(file: Path, options: PairParts, values: Mapping[str, Any]) -> ExampleData:
    """Sources and targets to try several models on; the words of a dictionary are read letter by letter."""
    from unrolled.cli.example_fitting import check_kind
    from unrolled.cli.held_out_files import own_and_others, with_given
    from unrolled.data.pairs import pair_layout
    from unrolled.tasks.generation.seq2seq import Seq2Seq
    from unrolled.tasks.held_out.examples import ExampleData

    examples, roles, notes = _read(file, options.targets, options)
    heard, settled = own_and_others(FrameParameters, values)
    check_kind(examples, heard)
    layout = None if examples.kind == "audio" else pair_layout(file, options.targets, pair_options(options))
    if layout == "dictionary":
        settled = {"tokens": "characters", **settled}
    pairs = describe_pairs(examples.items, examples.targets or [], dictionary=layout == "dictionary")
    say(f"{file}: {pairs}")

    def others(path: Path) -> tuple[Any, Any]:
        found, _, _ = _read(path, None, replace(options, transcripts=None))
        return found.items, found.targets

    data = ExampleData(
        estimator=Seq2Seq, values={**settled, "audio": features_given(examples, heard)}, source=str(file),
        notes=notes, items=examples.items, targets=examples.targets, columns=roles,
    )  # fmt: skip
    return with_given(data, options, others)


def _check_targets_of(validation: Path, targets: Path | None, columns: TranscriptFileOptions, *, beside: bool) -> None:
    """Raise an InputError that names the option if a file holds only sources, as the one that is learned from does."""
    from unrolled.data.pairs import pair_layout

    if beside and targets is None and not validation.is_dir():
        try:
            pair_layout(validation, None, pair_options(columns))
        except InputError:
            raise InputError(
                f"--validation {validation}: where are its targets? name their file by --validation-targets"
            ) from None


def _twice(file: Path, second: Path) -> str:
    """That sources and targets are the same."""
    from unrolled.runtime.place import same_file

    return f"{file} is given twice" if same_file(file, second) else f"{file} and {second} say the same line by line"


def _read(
    file: Path, second: Path | None, columns: TranscriptFileOptions
) -> tuple[Examples, ExampleColumns | None, tuple[str, ...]]:
    """All pairs of a file, its columns, and what was inferred of it, which is also said."""
    from unrolled.cli.example_streams import read_whole

    return read_whole(open_given_pairs(file, second, columns))


def _placed(error: InputError, examples: Examples, others: Examples | None) -> InputError:
    """An error about a source or a target, by the place that has in its file."""
    from unrolled.cli.example_fitting import placed

    found = re.fullmatch(r"(source|target) (\d+) (.+)", str(error))
    return error if found is None else placed(int(found[2]), f"the {found[1]} {found[3]}", examples, others)


def predict_answers(model: Model, file: Path, options: AnswerOptions, destination: Destination) -> None:
    """Write each source's answers, and the logarithms of their probabilities."""
    write_answers(model, file, options, destination, write_table)


def evaluate_answers(model: Model, file: Path, options: KnownPairsOptions, as_json: bool) -> None:
    """Print error rates and perplexity, and BLEU and chrF of texts; where a source has several right answers, kind rates too."""
    from unrolled.cli.example_streams import stream
    from unrolled.cli.measures_table import print_measures
    from unrolled.data.dictionary import several_targets
    from unrolled.data.pairs import pair_layout
    from unrolled.metrics.answers import answer_measures

    estimator, notes = model.estimator, list[str]()
    items, targets, predicted = list[Any](), list[Any](), list[Any]()
    opening = partial(open_known_pairs, model, file, options.targets, options)
    for examples in stream(model, file, None, "evaluating", notes, level="sequence", opening=opening):
        items += examples.items
        targets += examples.targets or ()
        with placed_sources(examples):
            predicted += estimator.predict(examples.items)
    several = [[target] for target in targets]
    if options.targets is not None and items == targets:
        notes.append(f"{_twice(file, options.targets)}: the measures say how well the model repeats its sources")
        say(notes[-1])
    recordings = estimator.item_kind_ == "audio"
    if not recordings and pair_layout(file, options.targets, pair_options(options)) == "dictionary":
        places, several = several_targets(items, targets)
        items, predicted = ([each[n] for n in places] for each in (items, predicted))
    found = answer_measures(several, predicted) | {
        "perplexity": estimator.perplexity(items, [each[0] for each in several])
    }
    if estimator.target_kind_ == "text":
        found |= _translation_measures(several, predicted)
    print_measures(model, file, len(items), found, as_json=as_json, inferred=notes)


def _translation_measures(several: list[list[Any]], predicted: list[Any]) -> dict[str, float]:
    """BLEU and chrF, if the package for them is there; if not, how to get it is said."""
    from unrolled.metrics.translations import bleu, chrf

    try:
        return {"bleu": bleu(several, predicted), "chrf": chrf(several, predicted)}
    except MissingExtraError as error:
        say(str(error))
        return {}


def known_pairs(model: Model, file: Path, options: KnownPairsOptions) -> Known:
    """Sources and their targets."""
    from unrolled.cli.known_examples import read_known

    opening = partial(open_known_pairs, model, file, options.targets, options)
    return read_known(model, file, None, lambda examples: examples.targets or [], level="sequence", opening=opening)


TASK = Task(
    name="translate",
    estimator="Seq2Seq",
    called="a translator",
    fit=fit_translate,
    predict=predict_answers,
    predict_options=AnswerOptions,
    evaluate=evaluate_answers,
    evaluate_options=KnownPairsOptions,
    known=known_pairs,
    known_options=KnownPairsOptions,
    data=pair_data,
    data_options=PairParts,
    writes=frozenset({"attention"}),
    command="translate",
)
