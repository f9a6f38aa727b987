"""The runtime of saved models: NumPy and kernels, inference only."""

from __future__ import annotations

from collections.abc import Mapping

from unrolled.aliases import Floats
from unrolled.bench.case import Case
from unrolled.bench.contender import Task
from unrolled.runtime.recurrent import RecurrentLayer

__all__ = ["RuntimeLayer"]


class RuntimeLayer:
    """A :class:`~unrolled.runtime.recurrent.RecurrentLayer`."""

    name = "runtime"

    def __init__(self, version: str) -> None:
        self.version = version

    def prepare(self, case: Case, arrays: Mapping[str, Floats]) -> Task | None:
        """See :class:`~unrolled.bench.contender.Contender`."""
        if case.work == "training":
            return None
        x = arrays["x"]
        layer = RecurrentLayer(case.described.name, {name: a for name, a in arrays.items() if name != "x"})
        return Task(lambda: layer(x)[0])
