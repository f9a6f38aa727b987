"""Series of several lengths side by side, on the scale the network sees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unrolled.aliases import Values

__all__ = ["SeriesBatch"]


@dataclass(frozen=True)
class SeriesBatch:
    """``N`` series, padded at their ends with their last value; ``T`` is the longest length.

    Attributes:
        z: the scaled target, ``[T, N]``.
        lengths: steps of each series, ``[N]``.
        past: covariates known up to now, ``[T, N, P]``.
        future: covariates known ahead, ``[T + horizon, N, F]``; where they end early the last value is repeated.
        static: one number a series, ``[N, S]``.
    """

    z: Values
    lengths: NDArray[np.int64]
    past: Values
    future: Values
    static: Values

    @classmethod
    def pad(
        cls,
        z: Sequence[Values],
        past: Sequence[Values],
        future: Sequence[Values],
        static: Values,
        horizon: int,
    ) -> SeriesBatch:
        """Put series together: ``z[i] [T_i]``, ``past[i] [T_i, P]``, ``future[i] [T_i or more, F]``, ``static [N, S]``.

        >>> none = [np.zeros((2, 0)), np.zeros((1, 0))]
        >>> SeriesBatch.pad([np.array([1.0, 2.0]), np.array([3.0])], none, none, np.zeros((2, 0)), 1).z.tolist()
        [[1.0, 3.0], [2.0, 3.0]]
        """
        lengths = np.array([len(series) for series in z])
        T = int(lengths.max())
        return cls(
            z=np.stack([_extended(series, T) for series in z], axis=1),
            lengths=lengths,
            past=np.stack([_extended(series, T) for series in past], axis=1),
            future=np.stack([_extended(series, T + horizon) for series in future], axis=1),
            static=static,
        )

    def select(self, series: NDArray[np.int64]) -> SeriesBatch:
        """The batch of some of the series, as long as the longest of them."""
        lengths = self.lengths[series]
        T = int(lengths.max())
        horizon = len(self.future) - len(self.z)
        return SeriesBatch(
            self.z[:T, series],
            lengths,
            self.past[:T, series],
            self.future[: T + horizon, series],
            self.static[series],
        )

    def last(self, steps: int) -> SeriesBatch:
        """The last steps of each series, all alike in length, with what is known ahead."""
        horizon = len(self.future) - len(self.z)
        series = np.arange(len(self.lengths))
        rows = self.lengths - steps + np.arange(steps + horizon)[:, None]
        known = rows[:steps]
        return SeriesBatch(
            self.z[known, series],
            np.full(len(series), steps),
            self.past[known, series],
            self.future[rows, series],
            self.static,
        )


def _extended(x: Values, length: int) -> Values:
    if len(x) >= length:
        return x[:length]
    return np.concatenate([x, np.repeat(x[-1:], length - len(x), axis=0)])
