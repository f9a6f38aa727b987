"""``unrolled fit tag``, and what a tagger predicts and how it is evaluated."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any

import typer

from unrolled.cli.data_options import GivenParts, TableOptions
from unrolled.cli.fit_files import FitFiles
from unrolled.cli.messages import say
from unrolled.cli.options import with_options
from unrolled.cli.shared_options import CheckpointOption, JsonOption, ModelOption, ValidationOption
from unrolled.cli.task import Destination, Known, Model, Task
from unrolled.errors import InputError
from unrolled.parameters.declaration import parameter_values
from unrolled.tasks.sequences.parameters import TaggerParameters, TagScheme

if TYPE_CHECKING:
    from unrolled.cli.example_fitting import Targets
    from unrolled.data.example_file import Examples
    from unrolled.tasks.held_out.examples import ExampleData

__all__ = ["TASK"]

Tags = list[list[str]]


class TaggedParts(TableOptions, GivenParts):
    """Of tagged sequences, and of others that are held out."""


@with_options
def fit_tag(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="Sentences (.conllu, .conll, .jsonl with tokens and tags), or numbers with a label per step (.csv).",
        ),
    ],
    columns: TableOptions,
    parameters: TaggerParameters,
    output: ModelOption = None,
    validation: ValidationOption = None,
    checkpoint: CheckpointOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train a tagger from sequences with a tag for every step: words, or rows of numbers.

    For example: unrolled fit tag en_ewt-ud-train.conllu --validation en_ewt-ud-dev.conllu
    """
    from unrolled.cli.example_fitting import fit_examples
    from unrolled.tasks.sequences.tagger import SequenceTagger

    scheme = parameters.scheme

    def make(_: Examples) -> SequenceTagger:
        return SequenceTagger(**parameter_values(replace(parameters, scheme=scheme)))

    def read(examples: Examples) -> Tags:
        nonlocal scheme
        tags, scheme = _tags_in_order(examples, parameters.scheme)
        return tags

    files = FitFiles(file, output, checkpoint, as_json, validation)
    fit_examples(make, _targets(read), columns, files, parameters)


def tag_data(file: Path, options: TaggedParts, values: Mapping[str, Any]) -> ExampleData:
    """Tagged sequences to try several taggers on, which take their tags to be in one scheme."""
    from unrolled.cli.held_out_files import example_data
    from unrolled.codecs.tag_scheme import infer_scheme
    from unrolled.tasks.sequences.tagger import SequenceTagger

    scheme: TagScheme = values.get("scheme", "infer")

    def read(examples: Examples) -> Tags:
        nonlocal scheme
        tags, scheme = _tags_in_order(examples, scheme)
        scheme = infer_scheme(tags) if scheme == "infer" else scheme
        return tags

    data = example_data(SequenceTagger, _targets(read), file, options, options, values)
    return replace(data, values={**data.values, "scheme": scheme})


def _targets(read: Callable[[Examples], Tags]) -> Targets:
    from unrolled.cli.example_fitting import Targets

    return Targets(read, lambda others, y: _known_tags(others, sorted({*chain(*y)})), _describe, "step")


def _tags_in_order(examples: Examples, scheme: TagScheme) -> tuple[Tags, TagScheme]:
    """The tags and their scheme, which are checked; where one was to be inferred and none holds, it is said where."""
    from unrolled.codecs.tag_scheme import check_tags, missed_scheme

    tags: Tags = list(examples.targets or ())
    if scheme == "infer" and (error := missed_scheme(tags)) is not None:
        say(f"the tags are taken in any order, for they keep to no scheme: {_placed(examples, error)}")
        return tags, "none"
    if scheme in ("bio", "bioes"):
        try:
            check_tags(tags, scheme)
        except InputError as error:
            raise _placed(examples, error) from None
    return tags, scheme


def _placed(examples: Examples, error: InputError) -> InputError:
    """An error about sequence n, by the place that has in its file."""
    n, _, text = str(error).removeprefix("sequence ").partition(", ")
    return examples.error(int(n), text)


def _known_tags(examples: Examples, known: list[str]) -> Tags:
    from unrolled.data.table import listed

    tags: Tags = list(examples.targets or ())
    for n, each in enumerate(tags):
        for step, tag in enumerate(each):
            if tag not in known:
                word = f" ({examples.items[n][step]!r})" if examples.kind == "tokens" else ""
                raise examples.error(
                    n,
                    f"step {step}{word}: tag {tag!r} is none of the model's {listed(known)}; correct it, or fit a model that"
                    " knows it",
                )
    return tags


def _describe(tags: Tags) -> tuple[str, dict[str, Any]]:
    counts = Counter(chain(*tags)).most_common()
    shown = ", ".join(f"{tag} ({count:,})" for tag, count in counts[:12])
    more = f" and {len(counts) - 12} more" if len(counts) > 12 else ""
    return f"{len(counts)} tags: {shown}{more}", {"tags": dict(counts)}


def predict_tags(model: Model, file: Path, options: TableOptions, destination: Destination) -> None:
    """Write each item's tags: CoNLL for tokens, a row a step for numbers."""
    from unrolled.cli.example_streams import predict_rows

    of_tokens = model.estimator.item_kind_ == "tokens"

    def rows(examples: Examples) -> Iterator[dict[str, Any]]:
        found = model.estimator.predict(examples.items)
        for place, item, tags in zip(examples.places, examples.items, found, strict=True):
            yield {place.name: place.value, **({"tokens": list(item)} if of_tokens else {}), "tags": tags}

    predict_rows(model, file, options, destination, rows, _write_conll if of_tokens else _write_steps)


def _write_conll(rows: Iterable[dict[str, Any]], file: IO[str]) -> None:
    for row in rows:
        for token, tag in zip(row["tokens"], row["tags"], strict=True):
            if token != "".join(token.split()):
                raise InputError(
                    f"token {token!r} holds a blank, which a CoNLL file cannot: write JSON lines, -o OUT.jsonl"
                )
            file.write(f"{token}\t{tag}\n")
        file.write("\n")


def _write_steps(rows: Iterable[dict[str, Any]], file: IO[str]) -> None:
    from unrolled.cli.row_files import write_csv

    write_csv(
        ({**row, "step": step, "tag": tag} for row in rows for step, tag in enumerate(row.pop("tags"))),
        file,
    )


def evaluate_tags(model: Model, file: Path, options: TableOptions, as_json: bool) -> None:
    """Print accuracy and macro F1 of steps, and, where tags mark entities, precision, recall and F1 of each type."""
    import numpy as np

    from unrolled.cli.example_streams import stream
    from unrolled.cli.measures_table import print_measures
    from unrolled.metrics.classes import accuracy, class_measures, macro_f1
    from unrolled.metrics.entities import entity_metrics

    true: Tags = []
    predicted: Tags = []
    notes: list[str] = []
    for examples in stream(model, file, options, "evaluating", notes, level="step"):
        true += examples.targets or ()
        predicted += model.estimator.predict(examples.items)
    _say_unknown(file, Counter(chain(*true)), model.estimator.tags_)
    y, predictions = (np.array([*chain(*tags)]) for tags in (true, predicted))
    found = {"accuracy": accuracy(y, predictions), "macro_f1": macro_f1(y, predictions)}
    if model.estimator.scheme_ == "none":
        rows, rows_are = class_measures(y, predictions), "tag"
    else:
        entities = entity_metrics(true, predicted, model.estimator.scheme_)
        found |= {name: value for name, value in vars(entities.micro).items() if name != "support"}
        rows, rows_are = {name: vars(each) for name, each in entities.types.items()}, "entity"
    print_measures(model, file, len(true), found, rows=rows, rows_are=rows_are, as_json=as_json, inferred=notes)


def _say_unknown(file: Path, true: Counter[str], known: Collection[str]) -> None:
    """Say which true tags the model never gives, so that they count as wrong; if it knows none, the file is of other tags."""
    from unrolled.data.table import listed

    unknown = [tag for tag in true if tag not in known]
    if len(unknown) == len(true):
        raise InputError(
            f"{file}: none of its tags {listed(true)} is one of the model's {listed(known)}; give a file with the same tags,"
            " or name their column with --label"
        )
    if unknown:
        count = sum(true[tag] for tag in unknown)
        say(
            f"the model does not know the tag{'s' * (len(unknown) > 1)} {listed(unknown)}: {count:,} of"
            f" {true.total():,} steps count as wrong"
        )


def known_tags(model: Model, file: Path, options: TableOptions) -> Known:
    """Items and the tags of their steps."""
    from unrolled.cli.known_examples import read_known

    known = model.estimator.tags_
    return read_known(model, file, options, lambda examples: _known_tags(examples, known), level="step")


TASK = Task(
    name="tag",
    estimator="SequenceTagger",
    called="a tagger",
    fit=fit_tag,
    predict=predict_tags,
    predict_options=TableOptions,
    evaluate=evaluate_tags,
    evaluate_options=TableOptions,
    known=known_tags,
    known_options=TableOptions,
    data=tag_data,
    data_options=TaggedParts,
)
