"""From data of a task that can be parted to what is compared on them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from unrolled.comparison.classify import classify_task
from unrolled.comparison.forecast import ForecastTask, forecast_task
from unrolled.comparison.generate import generate_task
from unrolled.comparison.tag import tag_task
from unrolled.comparison.task import Part, Task
from unrolled.data.items import kind_of
from unrolled.errors import InputError
from unrolled.kernels.admission import whole_number
from unrolled.tasks.forecasting.forecaster import Forecaster
from unrolled.tasks.held_out.data import Data
from unrolled.tasks.held_out.examples import ExampleData
from unrolled.tasks.held_out.series import SeriesData

__all__ = ["task_for"]

SEASONS = 2
"""Of a window, unless it is given."""


def task_for(data: Data, *, batch_size: int = 32, window: int | None = None, examples: int | None = None) -> Task:
    """What is compared on data: their test part, a part of the others for validation, and the rest to learn from.

    Args:
        data: of a forecaster, a classifier, a tagger, or a generator of texts.
        batch_size: sequences or windows of an update.
        window: values that a forecast is made from; by default those of two seasons, or of two horizons where there is none.
        examples: as many of them at most, and of those that were given to be held out, drawn at random; by default all.

    Raises:
        InputError: data of such a task are not compared, or a part is too small; the message says which.

    >>> from unrolled.data.panel import read_panel
    >>> task = task_for(SeriesData.of(read_panel(np.arange(120.0)), horizon=10))
    >>> print(task.about)
    1 series: 51 origins to learn from, 11 to validate, 11 to test; the last 20 values forecast the next 10
    """
    whole_number("batch_size", batch_size, 1)
    for name, number in {"window": window, "examples": examples}.items():
        if number is not None:
            whole_number(name, number, 1)
    if isinstance(data, SeriesData):
        if examples is not None:
            raise InputError(f"examples is {examples}, but series are cut in time: leave it out")
        return _series_task(data, batch_size, window)
    if window is not None:
        raise InputError(f"window is {window}, but only series are read in windows: leave it out")
    if isinstance(data, ExampleData):
        return _example_task(data, batch_size, examples)
    raise InputError(
        f"data of a {data.estimator.__name__} are not compared: expected those of a forecaster, a classifier, a tagger or a"
        " generator of texts"
    )


def _series_task(data: SeriesData, batch_size: int, window: int | None) -> ForecastTask:
    panel = data.panel
    beside = [*panel.past, *panel.future, *panel.static]
    if beside:
        raise InputError(
            f"column {beside[0]!r} is known beside the series, which not all families can read: leave it out"
        )
    learned, test = data.test_split()
    training = learned.validation_split(
        1
    ).learned  # ends a horizon earlier where there is room: several origins judge better
    validation = learned.validation_split(0).held_out
    season = Forecaster(**data.values).shape_for(panel).season
    ends = zip(training.panel.values, validation.panel.values, strict=True)
    return forecast_task(
        test.panel.values,
        [(len(first), len(second)) for first, second in ends],
        season=season,
        window=window or SEASONS * (season if season > 1 else data.horizon),
        horizon=data.horizon,
        batch_size=batch_size,
    )


def _example_task(data: ExampleData, batch_size: int, examples: int | None) -> Task:
    long = data.targets is None and len(data.items) == 1
    if examples is not None and not long:
        data = replace(
            _some(data, examples), validation=_some(data.validation, examples), test=_some(data.test, examples)
        )
    learned, test = data.test_split()
    training, validation = learned.validation_split(0)
    parts = [training, validation, test]
    kind = kind_of(data.items)
    name = data.estimator.__name__
    if name == "SequenceGenerator":
        if data.targets is not None:
            raise InputError("pieces with a condition are not compared: leave the column of conditions out")
        if kind not in ("text", "tokens"):
            raise InputError(f"pieces are {kind}, expected texts or tokens: others have no n-grams to stand beside")
        return generate_task([each.items for each in parts], batch_size=batch_size)
    own: list[Part] = [Part(list(each.items), _plain(each.targets)) for each in parts]
    if name == "SequenceClassifier":
        return classify_task(own, kind, batch_size=batch_size)
    if name == "SequenceTagger":
        return tag_task(own, kind, batch_size=batch_size)
    raise InputError(
        f"data of a {name} are not compared: expected those of a classifier, a tagger or a generator of texts"
    )


def _some(data: ExampleData | None, most: int) -> Any:
    """As many of the examples at most, drawn at random."""
    if data is None or len(data.items) <= most:
        return data
    return data.select(np.sort(np.random.default_rng(0).permutation(len(data.items))[:most]))


def _plain(targets: Any) -> list[Any]:
    """Classes, or tags, as values of Python."""
    if isinstance(targets, np.ndarray):
        if targets.ndim != 1:
            raise InputError("several classes an example are not compared: give each example one")
        return targets.tolist()
    return [list(each) for each in targets]
