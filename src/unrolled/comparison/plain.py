"""Families without a network: each is fitted to a task in its own way."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

__all__ = ["Fitted", "PlainFamily"]


class Fitted(NamedTuple):
    """What a fit gives."""

    predict: Callable[[], Any]
    """Predictions of the test part, as :meth:`unrolled.comparison.task.Task.score` takes them."""
    parameters: int
    """How many numbers were learned."""
    reach: int | None
    """To how many steps an answer can be owed; None if to all of the sequence."""
    state: int | None
    """How many numbers it takes to go on from a step to the next; None if the sequence must be read anew."""
    chosen: str
    """What was chosen on the validation part."""


@dataclass(frozen=True)
class PlainFamily:
    """A family.

    Attributes:
        name: as users ask for it.
        fits: task → what is fitted to it with a seed.
        why_not: why it makes no sense for other tasks.
        package: what it needs beside this library.
        seeded: the tasks for which a fit depends on its seed.
    """

    name: str
    fits: Mapping[str, Callable[[Any, int], Fitted]]
    why_not: str
    package: str | None = None
    seeded: tuple[str, ...] = ()
