"""``unrolled fit classify``, and what a classifier predicts and how it is evaluated."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unrolled.cli.data_options import ExampleParts, FileOptions
from unrolled.cli.fit_files import FitFiles
from unrolled.cli.options import with_options
from unrolled.cli.shared_options import CheckpointOption, ExamplesArgument, JsonOption, ModelOption, ValidationOption
from unrolled.cli.task import Destination, Known, Model, Task
from unrolled.errors import InputError
from unrolled.parameters.audio import AudioParameters
from unrolled.parameters.declaration import Parameter, parameter_values
from unrolled.tasks.sequences.parameters import ClassifierParameters

if TYPE_CHECKING:
    from unrolled.cli.example_fitting import Targets
    from unrolled.data.example_file import Examples
    from unrolled.tasks.held_out.examples import ExampleData
    from unrolled.tasks.sequences.classifier import SequenceClassifier

__all__ = ["TASK"]


class ClassesOptions(FileOptions):
    """Options of ``unrolled predict`` for classifiers."""

    _title = "Classifiers"

    probabilities: Annotated[bool, Parameter("Whether the probability of every class is written, too.")] = False


@with_options
def fit_classify(
    file: ExamplesArgument,
    columns: FileOptions,
    parameters: ClassifierParameters,
    audio: AudioParameters,
    output: ModelOption = None,
    validation: ValidationOption = None,
    checkpoint: CheckpointOption = None,
    balanced: Annotated[
        bool,
        typer.Option("--balanced", help="Give rare classes more weight in training.", rich_help_panel="Training"),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Train a classifier for texts, recordings or sequences of numbers from labelled examples.

    For example: unrolled fit classify reviews.csv --text review --label mood
    """
    from unrolled.cli.example_fitting import audio_features, fit_examples
    from unrolled.tasks.sequences.classifier import SequenceClassifier

    def make(examples: Examples) -> SequenceClassifier:
        weight = "balanced" if balanced else None
        complete = replace(parameters, class_weight=weight, audio=audio_features(examples, audio))
        return SequenceClassifier(**parameter_values(complete))

    files = FitFiles(file, output, checkpoint, as_json, validation, (columns.labels,))
    fit_examples(make, _targets(), columns, files, parameters, audio)


def class_data(file: Path, options: ExampleParts, values: Mapping[str, Any]) -> ExampleData:
    """Examples with a class each, to try several classifiers on."""
    from unrolled.cli.held_out_files import example_data
    from unrolled.tasks.sequences.classifier import SequenceClassifier

    return example_data(SequenceClassifier, _targets(), file, options, options, values)


def _targets() -> Targets:
    from unrolled.cli.example_fitting import Targets
    from unrolled.data.targets import as_known_classes

    return Targets(_classes, lambda others, y: as_known_classes(others, _unique(y)), _describe)


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


def predict_classes(model: Model, file: Path, options: ClassesOptions, destination: Destination) -> None:
    """Write each item's class and its probability."""
    import numpy as np

    from unrolled.cli.example_streams import predict_rows

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

    predict_rows(model, file, options, destination, rows)


def evaluate_classes(model: Model, file: Path, options: FileOptions, as_json: bool) -> None:
    """Print accuracy, macro F1, and a row a class."""
    import numpy as np

    from unrolled.cli.example_streams import stream
    from unrolled.cli.measures_table import print_measures
    from unrolled.data.targets import as_known_classes
    from unrolled.metrics.classes import accuracy, class_measures, macro_f1

    if model.estimator.multilabel_:
        raise InputError(f"{model.path} tells several classes at once, which only evaluate(X, y) in Python compares")
    classes = model.estimator.classes_
    true, predicted, notes = list[Any](), list[Any](), list[str]()
    for examples in stream(model, file, options, "evaluating", notes, level="sequence"):
        true.append(as_known_classes(examples, classes))
        predicted.append(model.estimator.predict(examples.items))
    y, predictions = np.concatenate(true), np.concatenate(predicted)
    found = {"accuracy": accuracy(y, predictions), "macro_f1": macro_f1(y, predictions)}
    print_measures(
        model, file, len(y), found, rows={str(label): each for label, each in class_measures(y, predictions).items()},
        rows_are="class", as_json=as_json, inferred=notes,
    )  # fmt: skip


def known_classes(model: Model, file: Path, options: FileOptions) -> Known:
    """Items and their classes."""
    from unrolled.cli.known_examples import read_known
    from unrolled.data.targets import as_known_classes

    classes = model.estimator.classes_
    return read_known(model, file, options, lambda examples: as_known_classes(examples, classes), level="sequence")


TASK = Task(
    name="classify",
    estimator="SequenceClassifier",
    called="a classifier",
    fit=fit_classify,
    predict=predict_classes,
    predict_options=ClassesOptions,
    evaluate=evaluate_classes,
    evaluate_options=FileOptions,
    known=known_classes,
    known_options=FileOptions,
    data=class_data,
    data_options=ExampleParts,
)
