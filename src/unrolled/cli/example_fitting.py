"""What the commands that learn from examples share: read, say what was read, train, write, say what next."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unrolled.cli.data_options import TableOptions
from unrolled.cli.example_streams import CALLED, describe, read_to_learn
from unrolled.cli.fit_files import FitFiles
from unrolled.cli.hearing_options import FrameParameters
from unrolled.cli.measures_table import measures_line
from unrolled.cli.messages import say
from unrolled.cli.options import flag
from unrolled.errors import InputError
from unrolled.parameters.audio import AudioParameters
from unrolled.parameters.augmentation import AugmentationParameters
from unrolled.parameters.declaration import Parameters, declared, parameter_values
from unrolled.parameters.numbers import NumberParameters
from unrolled.parameters.text import SplittingParameters, TokenParameters
from unrolled.parameters.training import ValidationParameters

if TYPE_CHECKING:
    from unrolled.codecs.audio import AudioFeatures
    from unrolled.data.example_columns import ExampleColumns
    from unrolled.data.example_file import Examples, TargetLevel

__all__ = ["Targets", "audio_features", "check_kind", "check_validation", "finish_fit", "fit_examples", "placed"]

OF_KINDS: tuple[tuple[type[Parameters], frozenset[str]], ...] = (
    (TokenParameters, frozenset({"text", "tokens"})),
    (SplittingParameters, frozenset({"text"})),
    (NumberParameters, frozenset({"numbers"})),
    (AudioParameters, frozenset({"audio"})),
    (FrameParameters, frozenset({"audio"})),
    (AugmentationParameters, frozenset({"audio"})),
)
"""Groups of parameters that matter to items of some kinds only."""


@dataclass(frozen=True)
class Targets:
    """What is learned of each example.

    Attributes:
        read: the targets of examples, checked.
        read_known: those of other examples, where the first are known.
        describe: what to print about them, and what to put into the JSON.
        level: whether each item has a target, or each of its steps.
    """

    read: Callable[[Examples], Any]
    read_known: Callable[[Examples, Any], Any]
    describe: Callable[[Any], tuple[str, dict[str, Any]]]
    level: TargetLevel = "sequence"


def fit_examples(
    make: Callable[[Examples], Any],
    targets: Targets,
    columns: TableOptions,
    files: FitFiles,
    parameters: ValidationParameters,
    audio: AudioParameters | None = None,
) -> None:
    """Run a ``fit`` command.

    Args:
        make: makes the estimator, once the examples are known.
        targets: what is learned.
        columns, parameters, audio: the options that were given.
        files: what is read and written.
    """
    files.check()
    if files.validation is not None:
        check_validation(parameters)
    examples, roles, notes = read_to_learn(files.file, columns, targets.level)
    for group in (parameters, *([] if audio is None else [audio])):
        check_kind(examples, group)
    y = targets.read(examples)
    summary, found = targets.describe(y)
    say(f"{files.file}: {describe(examples)}", summary)
    kept_back = None
    if files.validation is not None:
        others, _, _ = read_to_learn(files.validation, columns, targets.level, roles)
        kept_back = others.items, targets.read_known(others, y)
    estimator = make(examples)
    estimator.fit(examples.items, y, validation=kept_back, checkpoint=files.checkpoint)
    finish_fit(files, estimator, examples, roles, notes, found)


def finish_fit(
    files: FitFiles,
    estimator: Any,
    examples: Examples,
    roles: ExampleColumns | None,
    notes: Sequence[str],
    targets: Mapping[str, Any] | None = None,
    following: str | None = None,
) -> None:
    """Keep the columns with a model that was fitted, write it, and say what it is.

    Args:
        roles: the columns of the examples.
        notes: what was inferred before the fit.
        targets: what the JSON says of them.
        following: the command that comes next; by default the model is run on the file it has learned from.
    """
    say(*estimator.inferred_)
    estimator.columns_ = roles
    measured = estimator.validation_
    items = {"items": len(examples.items), "kind": examples.kind, **(targets or {})}
    found = {**items, "epochs": estimator.epochs_, "validation": measured}
    files.finish(estimator, [*notes, *estimator.inferred_], found, _verdict(measured, files.validation), following)


def placed(n: int, text: str, examples: Examples, others: Examples | None) -> InputError:
    """An error about item n, by the place that has in its file; those of the validation file come after the others."""
    beyond = n - len(examples.items)
    return examples.error(n, text) if others is None or beyond < 0 else others.error(beyond, text)


def audio_features(examples: Examples, audio: AudioParameters) -> AudioFeatures | None:
    """The features of recordings, whose sampling rate is that of the first; nothing of other items."""
    from unrolled.codecs.audio import AudioFeatures

    return AudioFeatures(rate=examples.items[0].rate, **parameter_values(audio)) if examples.kind == "audio" else None


def _verdict(measured: dict[str, float] | None, validation: Path | None) -> str:
    """What a model is worth, in a sentence: measures on examples kept back, which may be those of a file."""
    if measured is None:
        return "Nothing was kept back, so how well it does is not known."
    return f"On {'' if validation is None else f'{validation}, '}examples kept back: {measures_line(measured)}"


def check_validation(parameters: ValidationParameters) -> None:
    """Raise an InputError if a share is to be kept back beside a file for the same."""
    if parameters.validation_fraction != declared(type(parameters))["validation_fraction"].default:
        raise InputError("--validation and --validation-fraction both say what chooses the epoch: leave one out")


def check_kind(examples: Examples, group: Parameters, of_targets: tuple[str, ...] = ()) -> None:
    """Raise an InputError if an option was given that matters to items of another kind, and not to targets either."""
    for name, each in declared(type(group)).items():
        if name in of_targets:
            continue
        parts = (kinds for part, kinds in OF_KINDS if isinstance(group, part) and name in declared(part))
        kinds = next(parts, frozenset({examples.kind}))
        if examples.kind not in kinds and getattr(group, name) != each.default:
            whose = " and ".join(CALLED[kind] for kind in sorted(kinds))
            raise InputError(
                f"{examples.source} holds {CALLED[examples.kind]}; {flag(each)} is for {whose}: leave it out"
            )
