"""``unrolled fit regress``, and what a regressor predicts and how it is evaluated."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unrolled.cli.example_options import (
    AudioOptions,
    DropoutOption,
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

if TYPE_CHECKING:
    from unrolled.data.example_file import Examples

__all__ = ["REGRESS"]


@dataclass(frozen=True)
class RegressOptions(NetworkOptions):
    """Parameters of a regressor."""

    dropout: DropoutOption = 0.1
    pooling: PoolingOption = "mean"


@with_groups
def fit_regress(
    file: ExamplesArgument,
    columns: FileOptions,
    network: RegressOptions,
    splitting: SplittingOptions,
    tokens: TokenOptions,
    audio: AudioOptions,
    output: ModelOption = None,
    validation: ValidationOption = None,
    checkpoint: CheckpointOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train a regressor for texts, recordings or sequences of numbers from examples with a number each.

    For example: unrolled fit regress engines.csv --series engine --label hours_left
    """
    from unrolled.cli.fitting import Answers, Sources, fit_examples
    from unrolled.data.targets import as_numbers
    from unrolled.tasks.sequences.regressor import SequenceRegressor

    def make(examples: Examples, **given: Any) -> SequenceRegressor:
        return SequenceRegressor(**values_of(network, splitting, tokens), audio=heard(examples, audio), **given)

    answers = Answers(as_numbers, lambda others, _: as_numbers(others), _describe)
    sources = Sources(file, columns, output, validation, checkpoint, as_json)
    fit_examples(make, answers, sources, network, splitting, tokens, audio)


def _describe(y: Any) -> tuple[str, dict[str, Any]]:
    span = {"lowest": float(y.min()), "highest": float(y.max()), "mean": float(y.mean())}
    return f"numbers from {span['lowest']:.6g} to {span['highest']:.6g}, {span['mean']:.6g} on average", span


def predict_numbers(model: Model, file: Path, options: Any) -> None:
    """Write each item's number, or numbers where a model predicts several."""
    from unrolled.cli.examples import predict_rows

    def rows(examples: Examples) -> Iterator[dict[str, Any]]:
        found = model.estimator.predict(examples.items)
        for place, each in zip(examples.places, found.tolist(), strict=True):
            values = {"value": each} if found.ndim == 1 else {f"value {k}": value for k, value in enumerate(each)}
            yield {place.name: place.value, **values}

    predict_rows(model, file, options, rows)


def evaluate_numbers(model: Model, file: Path, options: Any) -> None:
    """Print R², mean absolute error and root mean squared error."""
    import numpy as np

    from unrolled.cli.examples import stream
    from unrolled.cli.measures import print_measures
    from unrolled.data.targets import as_numbers
    from unrolled.metrics.regression import regression_measures

    true: list[Any] = []
    predicted: list[Any] = []
    notes: list[str] = []
    for examples in stream(model, file, options, "evaluating", target_level="sequence", notes=notes):
        true.append(as_numbers(examples))
        predicted.append(model.estimator.predict(examples.items))
    y = np.concatenate(true)
    print_measures(
        model, file, len(y), regression_measures(y, np.concatenate(predicted)), as_json=options.as_json, inferred=notes
    )


REGRESS = Task(
    name="regress",
    estimator="SequenceRegressor",
    called="a regressor",
    fit=fit_regress,
    predict=predict_numbers,
    evaluate=evaluate_numbers,
    takes=names_of(FileOptions),
)
