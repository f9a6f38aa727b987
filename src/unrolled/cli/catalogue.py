"""The tasks that the command line knows, and which of them a model is for."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any

from unrolled.cli import tasks
from unrolled.cli.task import Model, Task
from unrolled.errors import InputError
from unrolled.parameters.declaration import Parameters

if TYPE_CHECKING:
    from unrolled.runtime.engine import Storage

__all__ = ["TASKS", "load_model", "options_of_all"]

TASKS: tuple[Task, ...] = tuple(
    import_module(f"{tasks.__name__}.{found.name}").TASK for found in iter_modules(tasks.__path__)
)
"""One of each file in ``cli/tasks/``."""


def load_model(path: Path, weights: str | None = None) -> tuple[Model, Task]:
    """Load a model file, with weights stored as asked, and find its task; torch is not needed."""
    from unrolled.tasks import load

    if weights not in (None, "bfloat16"):
        raise InputError(f"--weights {weights}: expected bfloat16, or nothing for the float32 of the file")
    stored: Storage | None = None if weights is None else "bfloat16"
    estimator = load(path, weights=stored)
    return Model(path, estimator, stored), next(task for task in TASKS if task.estimator == type(estimator).__name__)


def options_of_all(name: str, groups: Iterable[type[Parameters]]) -> Any:
    """A group of the options that one task or another has."""
    several = set(groups)
    largest = [group for group in several if not any(group in other.__mro__[1:] for other in several)]
    return type(name, tuple(sorted(largest, key=lambda group: group.__name__)), {})
