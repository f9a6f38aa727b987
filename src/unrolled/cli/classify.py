"""``unrolled fit classify``, and what a classifier predicts and how it is evaluated."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unrolled.cli.example_options import (
    AudioOptions,
    ExamplesArgument,
    FileOptions,
    NetworkOptions,
    PoolingOption,
    SplittingOptions,
    TokenOptions,
    ValidationOption,
    heard,
    names_of,
    values_of,
)
from unrolled.cli.option_groups import with_groups
from unrolled.cli.options import CheckpointOption, ModelOption
from unrolled.cli.output import JsonOption
from unrolled.cli.task import Model, Task
from unrolled.errors import InputError

if TYPE_CHECKING:
    from unrolled.data.example_file import Examples

__all__ = ["CLASSIFY"]


@dataclass(frozen=True)
class ClassifyOptions(NetworkOptions):
    """Parameters of a classifier."""

    pooling: PoolingOption = "max"


@with_groups
def fit_classify(
    file: ExamplesArgument,
    columns: FileOptions,
    network: ClassifyOptions,
    splitting: SplittingOptions,
    tokens: TokenOptions,
    audio: AudioOptions,
    output: ModelOption = None,
    validation: ValidationOption = None,
    checkpoint: CheckpointOption = None,
    balanced: Annotated[
        bool, typer.Option("--balanced", help="Give rare classes more weight.", rich_help_panel="Training")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Train a classifier for texts, recordings or sequences of numbers from labelled examples.

    For example: unrolled fit classify reviews.csv --text review --label mood
    """
    from unrolled.cli.fitting import Answers, Sources, fit_examples
    from unrolled.data.targets import as_known_classes
    from unrolled.tasks.sequences.classifier import SequenceClassifier

    def make(examples: Examples, **given: Any) -> SequenceClassifier:
        own = {"class_weight": "balanced" if balanced else None, "audio": heard(examples, audio)}
        return SequenceClassifier(**values_of(network, splitting, tokens), **own, **given)

    answers = Answers(_classes, lambda others, y: as_known_classes(others, _unique(y)), _describe)
    sources = Sources(file, columns, output, validation, checkpoint, as_json)
    fit_examples(make, answers, sources, network, splitting, tokens, audio)


def _classes(examples: Examples) -> Any:
    from unrolled.data.targets import as_classes

    y = as_classes(examples)
    if len(set(y.tolist())) < 2:
        raise InputError(
            f"{examples.source}: every label is {y.tolist()[0]!r}; a classifier needs examples of 2 classes"
        )
    return y


def _unique(y: Any) -> Any:
    import numpy as np

    return np.unique(y)


def _describe(y: Any) -> tuple[str, dict[str, Any]]:
    import numpy as np

    classes, counts = np.unique(y, return_counts=True)
    found = {str(label): int(count) for label, count in zip(classes.tolist(), counts, strict=True)}
    shown = [f"{label} ({count})" for label, count in list(found.items())[:12]]
    more = f" and {len(found) - 12} more" if len(found) > 12 else ""
    return f"{len(found)} classes: {', '.join(shown)}{more}", {"classes": found}


def predict_classes(model: Model, file: Path, options: Any) -> None:
    """Write each item's class and its probability."""
    import numpy as np

    from unrolled.cli.examples import predict_rows

    names, several = model.estimator.classes_.tolist(), model.estimator.multilabel_

    def rows(examples: Examples) -> Iterator[dict[str, Any]]:
        for place, each in zip(examples.places, model.estimator.predict_proba(examples.items), strict=True):
            best = int(each.argmax())
            if several:
                row = {place.name: place.value, "classes": " ".join(str(k) for k in np.flatnonzero(each > 0.5))}
            else:
                row = {place.name: place.value, "class": names[best], "probability": round(float(each[best]), 6)}
            if options.probabilities:
                row |= {f"probability of {name}": round(float(p), 6) for name, p in zip(names, each, strict=True)}
            yield row

    predict_rows(model, file, options, rows)


def evaluate_classes(model: Model, file: Path, options: Any) -> None:
    """Print accuracy, macro F1, and a row a class."""
    import numpy as np

    from unrolled.cli.examples import stream
    from unrolled.cli.measures import print_measures
    from unrolled.data.targets import as_known_classes
    from unrolled.metrics.classes import accuracy, class_measures, macro_f1

    if model.estimator.multilabel_:
        raise InputError(f"{model.path} tells several classes at once, which only evaluate(X, y) in Python compares")
    classes = model.estimator.classes_
    true: list[Any] = []
    predicted: list[Any] = []
    notes: list[str] = []
    for examples in stream(model, file, options, "evaluating", target_level="sequence", notes=notes):
        true.append(as_known_classes(examples, classes))
        predicted.append(model.estimator.predict(examples.items))
    y, said = np.concatenate(true), np.concatenate(predicted)
    found = {"accuracy": accuracy(y, said), "macro_f1": macro_f1(y, said)}
    print_measures(
        model, file, len(y), found, rows={str(label): each for label, each in class_measures(y, said).items()},
        rows_are="class", as_json=options.as_json, inferred=notes,
    )  # fmt: skip


CLASSIFY = Task(
    name="classify",
    estimator="SequenceClassifier",
    called="a classifier",
    fit=fit_classify,
    predict=predict_classes,
    evaluate=evaluate_classes,
    takes=names_of(FileOptions) | {"probabilities"},
)
