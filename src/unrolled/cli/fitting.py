"""What the commands that learn from examples share: read, say what was read, train, write, say what next."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unrolled.cli.example_options import NetworkOptions, TableOptions
from unrolled.cli.measures import measures_line
from unrolled.cli.option_groups import flag
from unrolled.cli.output import say
from unrolled.cli.places import check_places, model_path, print_with_model
from unrolled.cli.progress import TrainingBar
from unrolled.cli.report import Report, print_report
from unrolled.errors import InputError

if TYPE_CHECKING:
    from unrolled.data.example_file import Examples, TargetLevel

__all__ = ["Answers", "Sources", "fit_examples"]


@dataclass(frozen=True)
class Answers:
    """What is learned of each example.

    Attributes:
        read: the answers of examples, checked.
        read_known: those of other examples, where the first are known.
        describe: what to print about them, and what to put into the JSON.
        target_level: whether each item has a target, or each of its steps.
    """

    read: Callable[[Examples], Any]
    read_known: Callable[[Examples, Any], Any]
    describe: Callable[[Any], tuple[str, dict[str, Any]]]
    target_level: TargetLevel = "sequence"


@dataclass(frozen=True)
class Sources:
    """What a ``fit`` command learns from, and where it writes to."""

    file: Path
    columns: TableOptions
    output: Path | None
    validation: Path | None
    checkpoint: Path | None
    as_json: bool


def fit_examples(make: Callable[..., Any], answers: Answers, sources: Sources, *groups: Any) -> None:
    """Run a ``fit`` command.

    Args:
        make: makes the estimator, given its callback and the examples.
        groups: the options that were given.
    """
    from unrolled.cli.examples import describe, read_to_learn

    file, columns, validation = sources.file, sources.columns, sources.validation
    path = sources.output or model_path(file)
    check_places(
        {"--output": path, "--checkpoint": sources.checkpoint},
        [file, validation, getattr(columns, "labels", None)],
        as_json=sources.as_json,
    )
    shares = [group.validation_fraction for group in groups if isinstance(group, NetworkOptions)]
    if validation is not None and shares != [NetworkOptions.validation_fraction]:
        raise InputError("--validation and --validation-fraction both say what chooses the epoch: leave one out")
    examples, roles, notes = read_to_learn(file, columns, answers.target_level)
    for group in groups:
        _check_group(examples, group)
    y = answers.read(examples)
    summary, found = answers.describe(y)
    say(f"{file}: {describe(examples)}", summary)
    kept_back = None
    if validation is not None:
        others, _, _ = read_to_learn(validation, columns, answers.target_level, roles)
        kept_back = others.items, answers.read_known(others, y)
    with TrainingBar() as bar:
        estimator = make(examples, callback=bar)
        estimator.fit(examples.items, y, validation=kept_back, checkpoint=sources.checkpoint)
    estimator.columns_ = roles
    estimator.save(path)
    measured = estimator.validation_
    if sources.as_json:
        items = {"items": len(examples.items), "kind": examples.kind}
        epochs = {"epochs": estimator.epochs_, "validation": measured}
        print_report(Report(path, file, notes, {**items, **found, **epochs}))
        return
    if measured is None:
        verdict = "Nothing was kept back, so how well it does is not known."
    else:
        verdict = f"On {'' if validation is None else f'{validation}, '}examples kept back: {measures_line(measured)}"
    print_with_model(path, file, verdict)


def _check_group(examples: Examples, group: Any) -> None:
    """Raise an InputError if an option was given that matters to items of another kind."""
    from unrolled.cli.examples import CALLED

    kinds: frozenset[str] = getattr(group, "kinds", frozenset({examples.kind}))
    changed = [field.name for field in fields(group) if getattr(group, field.name) != field.default]
    if changed and examples.kind not in kinds:
        whose = " and ".join(CALLED[kind] for kind in sorted(kinds))
        raise InputError(
            f"{examples.source} holds {CALLED[examples.kind]}; {flag(group, changed[0])} is for {whose}: leave it out"
        )
