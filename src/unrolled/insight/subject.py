"""What is looked into: a torch module with its inputs, or a fitted estimator with data, as something that runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, cast

from unrolled.errors import InputError
from unrolled.insight.watching import Watched, arguments_of, require_module, require_traces, watched
from unrolled.kernels.admission import whole_number

__all__ = ["Subject", "is_estimator", "items_of", "of_estimator", "subject_of", "watched_run"]

PREDICTED = ("SequenceClassifier", "SequenceRegressor", "SequenceTagger")
"""Estimators whose predictions can stand for targets where only what happens inside is asked for."""


class Subject(NamedTuple):
    """A module, and what runs it."""

    module: Any
    run: Callable[[], Any]
    """Of an estimator's network it returns the loss of its fit, of another module what that returns."""


def is_estimator(model: Any) -> bool:
    """Whether it is one of the library's estimators."""
    from unrolled.tasks.estimator import Estimator

    return isinstance(model, Estimator)


def subject_of(model: Any, data: Any, member: int) -> Subject:
    """A module or a fitted estimator as something that runs.

    Args:
        model: any torch module, or a fitted estimator.
        data: what the module is called with, a tuple if that is more than one; for an estimator the data of its ``evaluate``,
            ``(X, y)`` if these are two; a classifier, regressor or tagger does without ``y``, since its targets move no state.
        member: which network of an estimator.

    Raises:
        InputError: it is neither, not fitted, has no such network, or the data do not fit.
        MissingExtraError: torch is not installed.
    """
    whole_number("member", member)
    if is_estimator(model):
        return of_estimator(model, _with_targets(model, data), member)
    require_module(model)
    if member:
        raise InputError(f"member is {member}, but a module is one network: leave it out")
    return Subject(model, lambda: model(*arguments_of(data)))


def watched_run(model: Any, data: Any, member: int) -> Watched:
    """What the recurrent layers of a model did on data, as :func:`subject_of` takes both.

    Raises:
        InputError: as there; or there is no recurrent layer that can be looked into, or none ran.
    """
    subject = subject_of(model, data, member)
    with watched(subject.module) as seen:
        subject.run()
    require_traces(seen)
    return seen


def items_of(data: Any) -> Any:
    """``X``, of ``(X, y)`` or of ``X`` alone.

    >>> items_of((["so good", "so bad"], [1, 0])), items_of(["so good"]), items_of(("so good", "so bad"))
    (['so good', 'so bad'], ['so good'], ('so good', 'so bad'))
    """
    if not isinstance(data, tuple) or len(cast("tuple[Any, ...]", data)) != 2:
        return data
    X, _ = cast("tuple[Any, Any]", data)
    of_items = isinstance(X, list | tuple) or hasattr(X, "columns") or getattr(X, "ndim", 0) in (1, 3)
    return X if of_items else data


def _with_targets(model: Any, data: Any) -> Any:
    """``(X, y)``, of which the model says ``y`` where it is not given; a frame may have it as a column."""
    alone = not isinstance(data, tuple) and not hasattr(data, "columns")
    return (data, model.predict(data)) if alone and type(model).__name__ in PREDICTED else data


def of_estimator(model: Any, data: Any, member: int) -> Subject:
    """One network of a fitted estimator with the loss of its fit, as :func:`subject_of` has them."""
    name = type(model).__name__
    given = cast("tuple[Any, ...]", data) if isinstance(data, tuple) else (data,)
    if not 1 <= len(given) <= 2:
        raise InputError(f"data is a tuple of {len(given)}, expected the data of {name}.evaluate, or a pair (X, y)")
    return Subject(*model.network_loss(*given, member=member))
