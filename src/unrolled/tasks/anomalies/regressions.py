r"""Each channel forecast by lines: from its own past, and from what the other channels are at the same step.

.. math::
    p[t] &= \left(z_c[t-1], z_c[t-2], \dots, z_c[t-8];\; z_c[t-m \pm 1], z_c[t-m], s[t];\; u[t]\right) \\
    \hat z^{\text{past}}_c &= w \cdot p, \qquad
    \hat z^{\text{others}}_c = w \cdot (z_{\ne c}[t], u[t]), \qquad
    \hat z^{\text{all}}_c = w \cdot (p, z_{\ne c}[t])

with the medians :math:`s` of earlier seasons of ``m`` steps and the calendar :math:`u` (:mod:`unrolled.codecs.cycles`), and a
constant each. A network sees no channel before the step is over; here one that no longer goes with the others is seen.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from unrolled.aliases import Values
from unrolled.codecs.cycles import calendar, seasonal_medians
from unrolled.codecs.ridge import robust_ridge
from unrolled.runtime.dense import Dense
from unrolled.tasks.anomalies.shape import LARGEST_INPUT, ScoringConfig

__all__ = ["Regressors", "View", "fit_regressions", "regression_sizes", "views"]

View = Literal["past", "others", "all"]
LAGS = (1, 2, 3, 4, 6, 8)


def views(channels: int) -> tuple[View, ...]:
    """What a channel is forecast from; a single one has no others."""
    return ("past",) if channels == 1 else ("past", "others", "all")


def regression_sizes(shape: ScoringConfig) -> dict[View, tuple[int, int]]:
    """The shape ``[C, F + 1]`` of the weights of each view."""
    C, known = shape.network.channels, 2 * len(shape.cycles) + 1
    past = len(_lags(shape)) + 4 * len(shape.seasons)
    columns = {"past": past, "others": C - 1, "all": past + C - 1}
    return {view: (C, columns[view] + known) for view in views(C)}


class Regressors:
    """What regressions read at the steps of ``z [T, C]``."""

    def __init__(self, shape: ScoringConfig, z: Values, times: NDArray[Any] | None) -> None:
        self.z = np.clip(z, -LARGEST_INPUT, LARGEST_INPUT)
        around = [lag for m in shape.seasons for lag in (m - 1, m, m + 1)]
        past = [_earlier(self.z, lag) for lag in (*_lags(shape), *around)]
        past += [seasonal_medians(self.z, m, (0,))[:, 0] for m in shape.seasons]
        self.past = np.stack(past, axis=1)  # [T, P, C]
        self.known = np.zeros((len(z), 0)) if times is None else calendar(times, shape.cycles)

    def of(self, view: View, c: int, first: int) -> Values:
        """Those of a channel from the step ``first`` on, ``[T - first, F]``."""
        past = [] if view == "others" else [self.past[first:, :, c]]
        others = [] if view == "past" else [np.delete(self.z[first:], c, axis=1)]
        return np.concatenate([*past, *others, self.known[first:]], axis=1)

    def errors(self, view: View, weights: Values, target: Values, first: int) -> Values:
        """Absolute errors ``[T - first, C]`` as forecasts of ``target [T, C]``, for weights ``[C, F + 1]``."""
        told = [Dense(row[None, :-1], row[-1:])(self.of(view, c, first))[:, 0] for c, row in enumerate(weights)]
        return abs(target[first:] - np.stack(told, axis=1))


def fit_regressions(shape: ScoringConfig, z: Values, times: NDArray[Any] | None) -> dict[View, Values]:
    """Weights ``[C, F + 1]`` of each view, from the steps ``z [T, C]`` to learn from."""
    read, first = Regressors(shape, z, times), shape.settling + shape.window
    return {
        view: np.stack([robust_ridge(read.of(view, c, first), read.z[first:, c]) for c in range(z.shape[1])])
        for view in views(z.shape[1])
    }


def _earlier(z: Values, lag: int) -> Values:
    """The values ``lag`` steps before; NaN where there are none."""
    return np.concatenate([np.full((lag, z.shape[1]), np.nan), z[:-lag]])


def _lags(shape: ScoringConfig) -> list[int]:
    return [lag for lag in LAGS if lag < shape.window]
