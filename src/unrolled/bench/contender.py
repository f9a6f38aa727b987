"""What every library that takes part looks like to the benchmark."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

import numpy as np

from unrolled.aliases import Floats
from unrolled.bench.case import Case

__all__ = ["Contender", "Task", "outputs_only"]


def outputs_only(y: Any) -> dict[str, Floats]:
    """What inference returns, an array of any library, as results to be compared."""
    return {"y": np.asarray(y)}


class Task(NamedTuple):
    """A case made ready in one library: a call to be timed, and how to read what it returned."""

    run: Callable[[], Any]
    read: Callable[[Any], dict[str, Floats]] = outputs_only
    """``y [T, B, H]``; in training also the gradients of ``x`` and of every parameter, by its name."""


class Contender(Protocol):
    """A library, or one of this library's ways to run a layer."""

    @property
    def name(self) -> str:
        """Name in the tables."""
        ...

    @property
    def version(self) -> str:
        """Version of the library."""
        ...

    def prepare(self, case: Case, arrays: Mapping[str, Floats]) -> Task | None:
        """The case made ready; ``None`` if this contender has no such work."""
        ...
