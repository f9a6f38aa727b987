"""Rolling origins inside the history: forecasts of steps that were kept back, from every origin among them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unrolled.aliases import Values
from unrolled.statistical.methods import METHODS, StatisticalMethods
from unrolled.tasks.forecasting.history import History
from unrolled.tasks.forecasting.model import PARTS
from unrolled.tasks.forecasting.network_part import NetworkPart

__all__ = ["Rolled", "held_out", "origins_of", "roll"]

SHARE = 3  # one step of so many is kept back
MOST = 6  # horizons
LEAST = 4  # steps that are not kept back, or one season
ORIGINS = 20


@dataclass(frozen=True)
class Rolled:
    """What was forecast from each origin, and what came, on the scale of ``z``; nan beyond the end of a series.

    Attributes:
        before: steps from each origin to the end of its series, ``[origins]``.
        actual: ``[origins, N, H]``, all nan for a series that did not keep back so many steps.
        forecasts: of each part, ``[origins, P, N, H]``, nan for a part that a series has not got.
        quantiles: of the network, ``[origins, N, H, Q]``.
    """

    before: NDArray[np.int64]
    actual: Values
    forecasts: Values
    quantiles: Values

    @property
    def errors(self) -> Values:
        """Mean absolute error of each part for each series, ``[P, N]``, nan where there is none."""
        errors = np.abs(self.forecasts - self.actual[:, None])
        count = (~np.isnan(errors)).sum(axis=(0, 3))
        return np.where(count > 0, np.nansum(errors, axis=(0, 3)) / np.maximum(count, 1), np.nan)


def held_out(lengths: Sequence[int], season: int, horizon: int, network: int) -> list[int]:
    """Steps that each series keeps back: a third of it, one horizon at least and six at most, as far as it reaches.

    They are fewer where a network could not learn from the rest, which needs ``network`` steps, and a quarter of a horizon
    is kept back all the same.

    >>> held_out([10, 36, 144, 1000], 12, 12, 24), held_out([17], 4, 8, 12)
    ([5, 12, 48, 72], [5])
    """
    kept: list[int] = []
    for length in lengths:
        least = max(LEAST, min(season, length // 2))
        steps = max(0, min(max(horizon, length // SHARE), MOST * horizon, length - least))
        for_network = length - network
        kept.append(min(steps, for_network) if 4 * for_network >= horizon else steps)
    return kept


def origins_of(kept: Sequence[int]) -> NDArray[np.int64]:
    """How many steps before the end the origins lie, at most twenty: the first first.

    >>> origins_of([3]).tolist(), origins_of([50]).tolist()[:3]
    ([3, 2, 1], [48, 45, 42])
    """
    stride = max(1, -(-max(kept, default=0) // ORIGINS))
    return np.arange(stride, max(kept, default=0) + 1, stride)[::-1].copy()


def roll(
    history: History,
    z: Sequence[Values],
    kept: Sequence[int],
    before: NDArray[np.int64],
    methods: StatisticalMethods,
    network: NetworkPart | None,
    horizon: int,
    levels: tuple[float, ...],
) -> Rolled:
    """Forecast from each origin by methods and a network that saw nothing of what was kept back."""
    N, O = len(z), len(before)
    actual, forecasts = np.full((O, N, horizon), np.nan), np.full((O, len(PARTS), N, horizon), np.nan)
    of_network = np.full((O, N, horizon, len(levels)), np.nan)
    forecasts[:, : len(METHODS)] = methods.forecasts(z, horizon, [np.full(N, steps) for steps in before])
    learned = [] if network is None else network.learned
    for o, steps in enumerate(before.tolist()):
        for n, (series, back) in enumerate(zip(z, kept, strict=True)):
            if steps <= back:
                ahead = series[len(series) - steps :][:horizon]
                actual[o, n, : len(ahead)] = ahead
        rows = [n for n in learned if steps <= kept[n]]
        if network is not None and rows:
            known = history.select(rows).without_last(steps)
            alike: list[tuple[int | None, bool]] = [(n, True) for n in rows]
            of_network[o, rows] = network.forecast(known, [z[n][: len(z[n]) - steps] for n in rows], alike, horizon)
    forecasts[:, -1] = of_network[..., levels.index(0.5)]
    return Rolled(before, actual, forecasts, of_network)
