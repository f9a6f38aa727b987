"""Checks of parameters: what one is, and what it may be."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Literal, Protocol, TypeVar, get_args, get_origin, get_type_hints

import msgspec
import numpy as np

from unrolled.errors import InputError
from unrolled.tasks.ranges import check_ranges

__all__ = ["check_count", "check_network", "chosen_seed", "converted", "plain", "require"]


Settings = TypeVar("Settings", bound=msgspec.Struct)

LONGEST = 200  # characters of a value in a message


def check_count(name: str, value: object) -> int:
    """Return a whole number of at least 1, or raise an InputError that names the argument."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise InputError(f"{name} is {value!r}, expected a whole number of at least 1")
    return int(value)


def plain(value: Any) -> Any:
    """Turn NumPy's numbers into Python's own."""
    return value.item() if isinstance(value, np.generic) else value


def require(name: str, value: object, holds: bool, expected: str) -> None:
    """Raise an InputError that names the parameter unless the condition holds."""
    if not holds:
        shown = repr(value)
        raise InputError(
            f"{name} is {shown if len(shown) <= LONGEST else shown[:LONGEST] + '...'}, expected {expected}"
        )


def converted(given: Mapping[str, Any], settings: type[Settings]) -> Settings:
    """Parameters as ``settings``, each of the type it has there.

    Raises:
        InputError: naming the parameter, what it is and what it may be.
    """
    for name, kind in get_type_hints(settings).items():
        words = get_args(kind) if get_origin(kind) is Literal else ()
        if words and name in given:
            known = isinstance(given[name], str) and given[name] in words
            require(name, given[name], known, f"one of {', '.join(words)}")
    try:
        return msgspec.convert(given, settings)
    except (msgspec.ValidationError, TypeError) as error:
        raise InputError(f"a parameter has the wrong type: {error}") from None


class NetworkSettings(Protocol):
    """What every estimator lets its user choose."""

    @property
    def cell(self) -> str: ...
    @property
    def hidden_size(self) -> int: ...
    @property
    def num_layers(self) -> int: ...
    @property
    def members(self) -> int: ...
    @property
    def dropout(self) -> float: ...
    @property
    def max_epochs(self) -> int: ...
    @property
    def batch_size(self) -> int: ...
    @property
    def learning_rate(self) -> float: ...
    @property
    def clip_norm(self) -> float: ...
    @property
    def random_state(self) -> int | None: ...


def check_network(settings: NetworkSettings, cells: Collection[str]) -> None:
    """Check the ranges of what all estimators have; ``cells`` are those this one knows."""
    require("cell", settings.cell, settings.cell in cells, f"one of {', '.join(cells)}")
    names = (
        "hidden_size", "num_layers", "members", "max_epochs", "patience", "batch_size", "learning_rate", "clip_norm",
        "dropout",
    )  # fmt: skip
    check_ranges(**{name: getattr(settings, name, None) for name in names})  # patience is for those that stop early
    seed = settings.random_state
    require("random_state", seed, seed is None or 0 <= seed < 2**63, "a whole number from 0 to below 2**63")


def chosen_seed(random_state: int | None) -> int:
    """The seed that was given, or one that is drawn."""
    return int(np.random.SeedSequence().generate_state(1)[0]) if random_state is None else random_state
