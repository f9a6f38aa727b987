"""Files of examples to try several models on, and the files of others that are held out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from unrolled.cli.data_options import GivenParts, TableOptions
from unrolled.cli.example_fitting import Targets, audio_features, check_kind
from unrolled.cli.example_streams import describe, read_to_learn
from unrolled.cli.messages import say
from unrolled.parameters.audio import AudioParameters
from unrolled.parameters.declaration import Parameters, checked, declared, parameter_values

if TYPE_CHECKING:
    from unrolled.tasks.held_out.examples import ExampleData

__all__ = ["example_data", "own_and_others", "with_given"]

Group = TypeVar("Group", bound=Parameters)


def example_data(
    estimator: type[Any],
    targets: Targets,
    file: Path,
    columns: TableOptions,
    given: GivenParts,
    values: Mapping[str, Any],
) -> ExampleData:
    """Examples with a target each, or one for each step, to try several models on.

    Args:
        estimator: the class that learns from them.
        targets: what is learned.
        file, columns, given: what the user said of the files.
        values: parameters that are settled, those of recordings among them.
    """
    from unrolled.tasks.held_out.examples import ExampleData

    examples, roles, notes = read_to_learn(file, columns, targets.level)
    heard, settled = own_and_others(AudioParameters, values)
    check_kind(examples, heard)
    features = audio_features(examples, heard)
    if features is not None:
        settled["audio"] = features
    y = targets.read(examples)
    say(f"{file}: {describe(examples)}", targets.describe(y)[0])

    def others(path: Path) -> tuple[Any, Any]:
        found, _, _ = read_to_learn(path, columns, targets.level, roles)
        return found.items, targets.read_known(found, y)

    data = ExampleData(
        estimator=estimator, values=settled, source=str(file), notes=notes, items=examples.items, targets=y, columns=roles
    )  # fmt: skip
    return with_given(data, given, others)


def with_given(data: ExampleData, given: GivenParts, read: Callable[[Path], tuple[Any, Any]]) -> ExampleData:
    """The data with the examples that the user has given to be held out, whose items and targets ``read`` reads."""

    def part(path: Path | None) -> ExampleData | None:
        if path is None:
            return None
        items, targets = read(path)
        return replace(data, source=str(path), items=items, targets=targets)

    return replace(data, validation=part(given.validation), test=part(given.test))


def own_and_others(group: type[Group], values: Mapping[str, Any]) -> tuple[Group, dict[str, Any]]:
    """The parameters of a group among some values, and the others.

    >>> heard, others = own_and_others(AudioParameters, {"mel_bands": 20, "hidden_size": 8})
    >>> heard.mel_bands, others
    (20, {'hidden_size': 8})
    """
    known = declared(group)
    own = {name: value for name, value in values.items() if name in known}
    return checked(group, {**parameter_values(group()), **own}), {
        name: value for name, value in values.items() if name not in known
    }
