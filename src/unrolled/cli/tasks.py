"""The tasks that the command line knows, and which of them a model is for."""

from __future__ import annotations

from pathlib import Path

from unrolled.cli.classify import CLASSIFY
from unrolled.cli.detect import DETECT
from unrolled.cli.forecasting import FORECAST
from unrolled.cli.regress import REGRESS
from unrolled.cli.tag import TAG
from unrolled.cli.task import Model, Task

__all__ = ["TASKS", "load_model"]

TASKS: tuple[Task, ...] = (CLASSIFY, REGRESS, TAG, DETECT, FORECAST)


def load_model(path: Path) -> tuple[Model, Task]:
    """Load a model file, and find its task; torch is not needed."""
    from unrolled.tasks import load

    estimator = load(path)
    return Model(path, estimator), next(task for task in TASKS if task.estimator == type(estimator).__name__)
