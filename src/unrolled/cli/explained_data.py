"""The data of a file as they are looked at with a fitted model: a part that is enough, and all of them to try a change on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unrolled.cli.task import Model, Task
from unrolled.parameters.declaration import declared

if TYPE_CHECKING:
    from unrolled.tasks.held_out.data import Data

__all__ = ["LookedAt", "looked_at"]

ITEMS, CHARACTERS, STEPS = 64, 8_000, 4_000
"""Examples, characters or steps of one long text, and steps of channels, that are enough to look at."""
ONE_NUMBER_OR_CLASS = ("SequenceClassifier", "SequenceRegressor")
WITHOUT_COLUMNS = (".npz", ".ts")
OF_DATA = ("missing", "horizon", "frame")
"""Settings that say how a file is read, or what is forecast."""


@dataclass(frozen=True)
class LookedAt:
    """What is looked at."""

    part: Any
    """As :func:`unrolled.insight.explain` takes it."""
    whole: Callable[[], Data]
    """All of it."""


def looked_at(
    model: Model, task: Task, file: Path, options: Any, settings: Mapping[str, Any], *, learning: bool
) -> LookedAt:
    """Read a file for a model, with the columns it was trained on where the options leave them open.

    Where nothing is learned from it, the file is read as to evaluate the model, so that one example of one class will do.

    Raises:
        InputError: the file does not fit.
    """
    estimator = model.estimator
    settled = {name: settings[name] for name in OF_DATA if settings.get(name) is not None}
    own = options if file.suffix in WITHOUT_COLUMNS else _with_columns(options, estimator)
    if task.estimator == "AnomalyDetector":
        channels = estimator.set_params(missing=settled.get("missing", "raise")).read(file)
        last = channels.steps_between(max(0, len(channels.values) - STEPS), len(channels.values))
        return LookedAt(last, lambda: task.data(file, own, settled))
    if task.estimator in ONE_NUMBER_OR_CLASS and not learning:
        known = declared(task.known_options)
        X, y = task.known(model, file, task.known_options(**{name: getattr(options, name) for name in known})).data
        return LookedAt((X[:ITEMS], y[:ITEMS]), lambda: task.data(file, own, settled))
    data: Any = task.data(file, own, settled)
    if task.estimator == "Forecaster":
        return LookedAt(data.panel, lambda: data)
    items, targets = data.items[:ITEMS], None if data.targets is None else data.targets[:ITEMS]
    if len(data.items) == 1 and targets is None:
        items = [data.items[0][:CHARACTERS]]
    return LookedAt(items if targets is None else (items, targets), lambda: data)


def _with_columns(options: Any, estimator: Any) -> Any:
    """Options with the names of the columns that a model was trained on, where they were not given."""
    known = _columns(estimator)
    open_ = {
        name: known[name]
        for name, each in declared(type(options)).items()
        if known.get(name) and getattr(options, name) == each.default
    }
    return replace(options, **open_) if open_ else options


def _columns(estimator: Any) -> dict[str, Any]:
    if type(estimator).__name__ == "AnomalyDetector":
        return {}
    columns = estimator.columns_
    if columns is None:
        return {}
    if isinstance(columns, dict):
        return columns
    return {
        "label": columns.label, "text": columns.text, "series": columns.series, "features": columns.features,
        "source": columns.text, "target": columns.label, "condition": columns.label,
    }  # fmt: skip
