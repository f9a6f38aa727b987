"""What weights stored otherwise cost, as commands tell it."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, cast

from unrolled.cli.json_report import finite
from unrolled.cli.measures_table import WORDS
from unrolled.cli.messages import say, show
from unrolled.cli.task import Model

__all__ = ["evaluate_both", "say_losses"]


def say_losses(model: Model) -> None:
    """Say how far the answers are from those of float32 weights, where these are stored otherwise."""
    say(*(each.verdict for each in model.losses))


def evaluate_both(model: Model, evaluate: Callable[[Model], None], *, as_json: bool) -> None:
    """Print the measures of a model with float32 weights, and with those it has, side by side.

    Args:
        model: with weights stored otherwise.
        evaluate: prints the measures of a model as JSON.
        as_json: whether both are printed so.
    """
    assert model.weights is not None
    exact = replace(model, estimator=model.estimator.with_weights(None), weights=None)
    found = _report(evaluate, model)
    with contextlib.redirect_stderr(io.StringIO()):  # what is said of the file has been said
        reports = {"float32": _report(evaluate, exact), model.weights: found}
    if as_json:
        print(json.dumps(finite(reports), indent=2, allow_nan=False))
        return
    first, second = (dict(_measures(report)) for report in reports.values())
    show(f"{model.path}, weights stored as {' and as '.join(reports)}")
    width = max(map(len, first), default=0) + 2
    show(f"{'':<{width}}" + "".join(f"{name:>14}" for name in (*reports, "difference")))
    for name, value in first.items():
        other = second.get(name, float("nan"))
        show(f"{name:<{width}}" + "".join(f"{number:>14.6g}" for number in (value, other, other - value)))


def _report(evaluate: Callable[[Model], None], model: Model) -> dict[str, Any]:
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        evaluate(model)
    return json.loads(printed.getvalue())


def _measures(report: dict[str, Any], above: str = "") -> Iterator[tuple[str, float]]:
    """The numbers of a report by name."""
    for name, value in report.items():
        words = above + WORDS.get(name, name.replace("_", " "))
        if isinstance(value, dict):
            yield from _measures(cast("dict[str, Any]", value), f"{words}: ")
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield words, float(value)
