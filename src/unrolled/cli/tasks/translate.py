"""``unrolled fit translate``, and what a model from sequences to sequences says and how it is evaluated."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from unrolled.cli.data_options import FileOptions
from unrolled.cli.fit_files import FitFiles
from unrolled.cli.options import with_options
from unrolled.cli.shared_options import CheckpointOption, ExamplesArgument, JsonOption, ModelOption, ValidationOption
from unrolled.cli.task import Destination, Model, Task
from unrolled.parameters.declaration import Parameter, parameter_values
from unrolled.parameters.ranges import COUNT
from unrolled.tasks.generation.parameters import Seq2SeqParameters

if TYPE_CHECKING:
    from unrolled.data.example_file import Examples
    from unrolled.tasks.generation.seq2seq import Seq2Seq

__all__ = ["TASK"]


class AnswerOptions(FileOptions):
    """Of a file of sources, and how many answers each has."""

    _title = "Answers"

    n_best: Annotated[int, Parameter("Answers to each source, the best first.", COUNT)] = 1


@with_options
def fit_translate(
    file: ExamplesArgument,
    columns: FileOptions,
    parameters: Seq2SeqParameters,
    output: ModelOption = None,
    validation: ValidationOption = None,
    checkpoint: CheckpointOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train a model that says one text after another was read, from a table of pairs.

    For example: unrolled fit translate names.csv --text written --label spoken --tokens characters --target-tokens characters
    """
    from unrolled.cli.example_fitting import Targets, fit_examples
    from unrolled.tasks.generation.seq2seq import Seq2Seq

    def make(_: Examples) -> Seq2Seq:
        return Seq2Seq(**parameter_values(parameters))

    targets = Targets(_texts, lambda others, _: _texts(others), _describe)
    fit_examples(make, targets, columns, FitFiles(file, output, checkpoint, as_json, validation), parameters)


def _texts(examples: Examples) -> list[str]:
    """The targets, each of which is a text."""
    if examples.kind == "audio":
        from unrolled.errors import InputError

        raise InputError(f"{examples.source} holds recordings: give a table of texts and their targets")
    targets = list(examples.targets or ())
    for n, target in enumerate(targets):
        if not isinstance(target, str) or not target.strip():
            raise examples.error(n, f"the target is {target!r}, expected a text; correct it, or leave the item out")
    return targets


def _describe(y: list[str]) -> tuple[str, dict[str, Any]]:
    longest = max(map(len, y))
    return f"{len(set(y)):,} different targets of at most {longest:,} characters", {"longest": longest}


def predict_answers(model: Model, file: Path, options: AnswerOptions, destination: Destination) -> None:
    """Write the answers to each source, with the logarithm of their probability."""
    from unrolled.cli.example_streams import predict_rows

    def rows(examples: Examples) -> Iterator[dict[str, Any]]:
        found = model.estimator.predict_n_best(examples.items, options.n_best)
        for place, answers in zip(examples.places, found, strict=True):
            for rank, each in enumerate(answers, 1):
                ranked = {"rank": rank} if options.n_best > 1 else {}
                yield {place.name: place.value, **ranked, "answer": each.target, "log_p": each.log_p}

    predict_rows(model, file, options, destination, rows)


def evaluate_answers(model: Model, file: Path, options: FileOptions, as_json: bool) -> None:
    """Print the share of targets that are said as a whole, edits for each token, and perplexity."""
    from unrolled.cli.example_streams import stream
    from unrolled.cli.measures_table import print_measures

    items, true, notes = list[Any](), list[str](), list[str]()
    for examples in stream(model, file, options, "evaluating", notes, level="sequence"):
        items += examples.items
        true += _texts(examples)
    found = model.estimator.evaluate(items, true)
    print_measures(model, file, len(true), found, as_json=as_json, inferred=notes)


TASK = Task(
    name="translate",
    estimator="Seq2Seq",
    called="a model from sequences to sequences",
    fit=fit_translate,
    predict=predict_answers,
    predict_options=AnswerOptions,
    evaluate=evaluate_answers,
    evaluate_options=FileOptions,
)
