"""Series with their covariates as arrays: what a forecast starts from, and what a saved forecaster remembers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.aliases import Values
from unrolled.data.panel import Panel

__all__ = ["History"]


@dataclass(frozen=True)
class History:
    """``N`` series: ``values[i] [T_i]``, ``past[i] [T_i, P]``, ``future[i] [T_i or more, F]``, ``static [N, S]``."""

    names: list[str]
    times: list[NDArray[Any] | None]
    values: list[Values]
    past: list[Values]
    future: list[Values]
    static: Values

    @classmethod
    def from_panel(cls, panel: Panel) -> History:
        """Take a panel's series, covariates in the panel's order of columns."""
        return cls(
            names=panel.names,
            times=panel.times,
            values=panel.values,
            past=[_columns([c[i] for c in panel.past.values()], len(v)) for i, v in enumerate(panel.values)],
            future=[_columns([c[i] for c in panel.future.values()], len(v)) for i, v in enumerate(panel.values)],
            static=_columns([np.asarray(c, np.float64) for c in panel.static.values()], len(panel.values)),
        )

    def without_last(self, steps: int | Sequence[int]) -> History:
        """The same series ended some steps earlier, one number for all or one for each.

        Covariates known ahead stay, as they would have been known then.
        """
        dropped = [steps] * len(self.values) if isinstance(steps, int) else steps
        ends = [length - n for length, n in zip(self.lengths, dropped, strict=True)]
        return replace(
            self,
            times=[None if times is None else times[:end] for times, end in zip(self.times, ends, strict=True)],
            values=[values[:end] for values, end in zip(self.values, ends, strict=True)],
            past=[past[:end] for past, end in zip(self.past, ends, strict=True)],
        )

    def select(self, series: Sequence[int]) -> History:
        """Some of the series."""
        return History(
            [self.names[i] for i in series],
            [self.times[i] for i in series],
            [self.values[i] for i in series],
            [self.past[i] for i in series],
            [self.future[i] for i in series],
            self.static[list(series)],
        )

    @property
    def lengths(self) -> list[int]:
        """Steps of each series."""
        return [len(values) for values in self.values]


def _columns(columns: list[Values], rows: int) -> Values:
    return np.stack(columns, axis=1) if columns else np.zeros((rows, 0))
