"""``unrolled fit tag``, and what a tagger predicts and how it is evaluated."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any, cast

import typer

from unrolled.cli.example_options import (
    CellOption,
    CharacterSizeOption,
    DropoutOption,
    EmbeddingSizeOption,
    HiddenSizeOption,
    MaxEpochsOption,
    MembersOption,
    NetworkOptions,
    PatienceOption,
    TableOptions,
    TokenOptions,
    ValidationOption,
    names_of,
    values_of,
)
from unrolled.cli.option_groups import with_groups
from unrolled.cli.options import CheckpointOption, ModelOption
from unrolled.cli.output import JsonOption, say
from unrolled.cli.task import Model, Task
from unrolled.errors import InputError

if TYPE_CHECKING:
    from unrolled.data.example_file import Examples

__all__ = ["TAG"]

Tags = list[list[str]]


@dataclass(frozen=True)
class TagOptions(NetworkOptions):
    """Parameters of a tagger."""

    cell: CellOption = "lstm"
    hidden_size: HiddenSizeOption = 128
    members: MembersOption = 1
    dropout: DropoutOption = 0.5
    max_epochs: MaxEpochsOption = 20
    patience: PatienceOption = 5
    crf: Annotated[
        bool, typer.Option(help="Score tag sequences (CRF) instead of single tags.", rich_help_panel="Network")
    ] = True
    scheme: Annotated[
        str,
        typer.Option(
            metavar="SCHEME",
            help="Tag scheme: bio, bioes, none (any order), or infer it from FILE.",
            rich_help_panel="What the file holds",
        ),
    ] = "infer"


@dataclass(frozen=True)
class SpellingOptions(TokenOptions):
    """Parameters that matter to tokens, as a tagger has them."""

    embedding_size: EmbeddingSizeOption = 100
    character_size: CharacterSizeOption = 32


@with_groups
def fit_tag(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="Sentences (.conllu, .conll, .jsonl with tokens and tags), or numbers with a label per step (.csv).",
        ),
    ],
    columns: TableOptions,
    network: TagOptions,
    tokens: SpellingOptions,
    output: ModelOption = None,
    validation: ValidationOption = None,
    checkpoint: CheckpointOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train a tagger from sequences with a tag for every step: words, or rows of numbers.

    For example: unrolled fit tag en_ewt-ud-train.conllu --validation en_ewt-ud-dev.conllu
    """
    from unrolled.cli.fitting import Answers, Sources, fit_examples
    from unrolled.tasks.sequences.tagger import SequenceTagger

    scheme = network.scheme

    def make(_: Examples, **given: Any) -> SequenceTagger:
        return SequenceTagger(**{**values_of(network, tokens), "scheme": scheme}, **given)

    def read(examples: Examples) -> Tags:
        nonlocal scheme
        tags, scheme = _tags_in_order(examples, scheme)
        return tags

    answers = Answers(read, lambda others, y: _known_tags(others, sorted({*chain(*y)})), _describe, "step")
    fit_examples(make, answers, Sources(file, columns, output, validation, checkpoint, as_json), network, tokens)


def _tags_in_order(examples: Examples, scheme: str) -> tuple[Tags, str]:
    """The tags and their scheme, which are checked; where one was to be inferred and none holds, it is said where."""
    from unrolled.codecs.tag_scheme import check_tags, missed_scheme

    tags: Tags = list(examples.targets or ())
    if scheme == "infer" and (error := missed_scheme(tags)) is not None:
        say(f"the tags are taken in any order, for they keep to no scheme: {_placed(examples, error)}")
        return tags, "none"
    if scheme in ("bio", "bioes"):
        try:
            check_tags(tags, cast("Any", scheme))
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


def predict_tags(model: Model, file: Path, options: Any) -> None:
    """Write each item's tags: CoNLL for tokens, a row a step for numbers."""
    from unrolled.cli.examples import predict_rows

    of_tokens = model.estimator.item_kind_ == "tokens"

    def rows(examples: Examples) -> Iterator[dict[str, Any]]:
        found = model.estimator.predict(examples.items)
        for place, item, tags in zip(examples.places, examples.items, found, strict=True):
            yield {place.name: place.value, **({"tokens": list(item)} if of_tokens else {}), "tags": tags}

    predict_rows(model, file, options, rows, _write_conll if of_tokens else _write_steps)


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
    from unrolled.cli.rows import write_csv

    write_csv(
        ({**row, "step": step, "tag": tag} for row in rows for step, tag in enumerate(row.pop("tags"))),
        file,
    )


def evaluate_tags(model: Model, file: Path, options: Any) -> None:
    """Print accuracy and macro F1 of steps, and, where tags mark entities, precision, recall and F1 of each type."""
    import numpy as np

    from unrolled.cli.examples import stream
    from unrolled.cli.measures import print_measures
    from unrolled.metrics.classes import accuracy, class_measures, macro_f1
    from unrolled.metrics.entities import entity_metrics

    true: Tags = []
    predicted: Tags = []
    notes: list[str] = []
    for examples in stream(model, file, options, "evaluating", target_level="step", notes=notes):
        true += examples.targets or ()
        predicted += model.estimator.predict(examples.items)
    _say_unknown(file, Counter(chain(*true)), model.estimator.tags_)
    y, said = (np.array([*chain(*tags)]) for tags in (true, predicted))
    found = {"accuracy": accuracy(y, said), "macro_f1": macro_f1(y, said)}
    if model.estimator.scheme_ == "none":
        rows, rows_are = class_measures(y, said), "tag"
    else:
        entities = entity_metrics(true, predicted, model.estimator.scheme_)
        found |= {name: value for name, value in vars(entities.micro).items() if name != "support"}
        rows, rows_are = {name: vars(each) for name, each in entities.types.items()}, "entity"
    print_measures(model, file, len(true), found, rows=rows, rows_are=rows_are, as_json=options.as_json, inferred=notes)


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


TAG = Task(
    name="tag",
    estimator="SequenceTagger",
    called="a tagger",
    fit=fit_tag,
    predict=predict_tags,
    evaluate=evaluate_tags,
    takes=names_of(TableOptions),
)
