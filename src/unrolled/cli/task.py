"""What a task is to the command line: how a model of it is trained, predicts and is evaluated."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unrolled.cli.options import flag
from unrolled.errors import InputError
from unrolled.parameters.declaration import Parameters, declared

if TYPE_CHECKING:
    from unrolled.runtime.engine import Storage
    from unrolled.tasks.held_out.data import Data
    from unrolled.tasks.weights_loss import WeightsLoss

__all__ = ["Destination", "Known", "Model", "Task"]


@dataclass(frozen=True)
class Model:
    """A model file that was loaded; ``estimator`` is what :func:`unrolled.load` returned.

    Attributes:
        weights: what the networks' matrices are stored as, by default as in the file.
        losses: what that costs, once there were data to tell it by.
    """

    path: Path
    estimator: Any
    weights: Storage | None = None
    losses: list[WeightsLoss] = field(default_factory=list["WeightsLoss"])

    def measure(self, X: Any, y: Any = None) -> None:
        """Find out what storing weights otherwise costs, by the first data that are predicted."""
        if self.weights is not None and not self.losses:
            self.losses.append(self.estimator.weights_loss(X, y))


@dataclass(frozen=True)
class Destination:
    """Where a result goes: to ``file`` or, without one, to stdout; with ``as_json`` also to stdout as JSON."""

    file: Path | None
    as_json: bool


@dataclass(frozen=True)
class Known:
    """What a model is looked at with: the data of its ``evaluate``.

    Attributes:
        data: ``(X, y)``, with ``y`` None where there are no targets; or a table, as the estimator's ``read`` returns it.
        places: where each item stands in its file, such as ``line 3``; empty of a table.
        notes: what was inferred of the file, and what was left out of it.
    """

    data: Any
    places: list[str]
    notes: list[str]


@dataclass(frozen=True)
class Task:
    """One of the tasks of ``unrolled fit``.

    Attributes:
        name: of the command.
        estimator: the name of the class of its models.
        called: what messages call such a model.
        fit: the command ``unrolled fit NAME``.
        predict: what ``unrolled predict`` does with a model, a file, the options of this task, and where the result goes.
        predict_options: the options of ``unrolled predict`` for models of this task.
        evaluate: what ``unrolled evaluate`` does with a model, a file, its options, and whether JSON is printed.
        evaluate_options: the options of ``unrolled evaluate`` for them.
        writes: which of ``predict_options`` are files to write.
        known: reads the data of ``evaluate`` for a model.
        known_options: those options of ``unrolled evaluate`` that say how the file is read, and how the model answers.
        data: reads a file to try several models on, with its options and the parameters that are settled.
        data_options: the options of such commands about the file.
        command: the one that runs such a model first of all.
    """

    name: str
    estimator: str
    called: str
    fit: Callable[..., None]
    predict: Callable[[Model, Path, Any, Destination], None]
    predict_options: type[Parameters]
    evaluate: Callable[[Model, Path, Any, bool], None]
    evaluate_options: type[Parameters]
    known: Callable[[Model, Path, Any], Known]
    known_options: type[Parameters]
    data: Callable[[Path, Any, Mapping[str, Any]], Data]
    data_options: type[Parameters]
    writes: frozenset[str] = frozenset()
    command: str = "predict"

    def own(self, chosen: str, given: Parameters, options: type[Parameters]) -> Parameters:
        """The task's own among the options of all tasks.

        Args:
            chosen: a clause that says why it is this task.
            given: the options of all tasks.
            options: which of them are this task's.

        Raises:
            InputError: an option was given that is not for this task.
        """
        own = declared(options)
        for name, each in declared(type(given)).items():
            if name not in own and getattr(given, name) != each.default:
                raise InputError(f"{chosen}, for which {flag(each)} means nothing: leave it out")
        return options(**{name: getattr(given, name) for name in own})
