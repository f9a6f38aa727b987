"""``unrolled fit regress``, and what a regressor predicts and how it is evaluated."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unrolled.cli.data_options import ExampleParts, FileOptions
from unrolled.cli.fit_files import FitFiles
from unrolled.cli.options import with_options
from unrolled.cli.shared_options import CheckpointOption, ExamplesArgument, JsonOption, ModelOption, ValidationOption
from unrolled.cli.task import Destination, Known, Model, Task
from unrolled.parameters.audio import AudioParameters
from unrolled.parameters.declaration import parameter_values
from unrolled.tasks.sequences.parameters import RegressorParameters

if TYPE_CHECKING:
    from unrolled.cli.example_fitting import Targets
    from unrolled.data.example_file import Examples
    from unrolled.tasks.held_out.examples import ExampleData
    from unrolled.tasks.sequences.regressor import SequenceRegressor

__all__ = ["TASK"]


@with_options
def fit_regress(
    file: ExamplesArgument,
    columns: FileOptions,
    parameters: RegressorParameters,
    audio: AudioParameters,
    output: ModelOption = None,
    validation: ValidationOption = None,
    checkpoint: CheckpointOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train a regressor for texts, recordings or sequences of numbers from examples with a number each.

    For example: unrolled fit regress engines.csv --series engine --label hours_left
    """
    from unrolled.cli.example_fitting import audio_features, fit_examples
    from unrolled.tasks.sequences.regressor import SequenceRegressor

    def make(examples: Examples) -> SequenceRegressor:
        return SequenceRegressor(**parameter_values(replace(parameters, audio=audio_features(examples, audio))))

    files = FitFiles(file, output, checkpoint, as_json, validation, (columns.labels,))
    fit_examples(make, _targets(), columns, files, parameters, audio)


def number_data(file: Path, options: ExampleParts, values: Mapping[str, Any]) -> ExampleData:
    """Examples with a number each, to try several regressors on."""
    from unrolled.cli.held_out_files import example_data
    from unrolled.tasks.sequences.regressor import SequenceRegressor

    return example_data(SequenceRegressor, _targets(), file, options, options, values)


def _targets() -> Targets:
    from unrolled.cli.example_fitting import Targets
    from unrolled.data.targets import as_numbers

    return Targets(as_numbers, lambda others, _: as_numbers(others), _describe)


def _describe(y: Any) -> tuple[str, dict[str, Any]]:
    span = {"lowest": float(y.min()), "highest": float(y.max()), "mean": float(y.mean())}
    return f"numbers from {span['lowest']:.6g} to {span['highest']:.6g}, {span['mean']:.6g} on average", span


def predict_numbers(model: Model, file: Path, options: FileOptions, destination: Destination) -> None:
    """Write each item's number, or numbers where a model predicts several."""
    from unrolled.cli.example_streams import predict_rows

    def rows(examples: Examples) -> Iterator[dict[str, Any]]:
        found = model.estimator.predict(examples.items)
        for place, each in zip(examples.places, found.tolist(), strict=True):
            values = {"value": each} if found.ndim == 1 else {f"value {k}": value for k, value in enumerate(each)}
            yield {place.name: place.value, **values}

    predict_rows(model, file, options, destination, rows)


def evaluate_numbers(model: Model, file: Path, options: FileOptions, as_json: bool) -> None:
    """Print R², mean absolute error and root mean squared error."""
    import numpy as np

    from unrolled.cli.example_streams import stream
    from unrolled.cli.measures_table import print_measures
    from unrolled.data.targets import as_numbers
    from unrolled.metrics.regression import regression_measures

    true, predicted, notes = list[Any](), list[Any](), list[str]()
    for examples in stream(model, file, options, "evaluating", notes, level="sequence"):
        true.append(as_numbers(examples))
        predicted.append(model.estimator.predict(examples.items))
    y = np.concatenate(true)
    found = regression_measures(y, np.concatenate(predicted))
    print_measures(model, file, len(y), found, as_json=as_json, inferred=notes)


def known_numbers(model: Model, file: Path, options: FileOptions) -> Known:
    """Items and their numbers."""
    from unrolled.cli.known_examples import read_known
    from unrolled.data.targets import as_numbers

    return read_known(model, file, options, as_numbers, level="sequence")


TASK = Task(
    name="regress",
    estimator="SequenceRegressor",
    called="a regressor",
    fit=fit_regress,
    predict=predict_numbers,
    predict_options=FileOptions,
    evaluate=evaluate_numbers,
    evaluate_options=FileOptions,
    known=known_numbers,
    known_options=FileOptions,
    data=number_data,
    data_options=ExampleParts,
)
