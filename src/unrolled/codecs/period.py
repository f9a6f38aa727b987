r"""The season that values themselves show, where the calendar names none or another.

After :math:`m` steps a series has changed by

.. math:: V(m) = \operatorname{mean}_t \left| d_t - \bar d \right|, \qquad d_t = y_t - y_{t-m}

A steady trend is in :math:`\bar d` and does not count. Noise changes by as much after any number of steps, and a level that
wanders by more the longer it wanders; of a season of :math:`m` steps little has changed after :math:`m` and after
:math:`2m`, though much after fewer. So there is a season of the first :math:`m` with, for
:math:`M = \max_{1 < k < m} V(k)`,

.. math:: V(m) \le \tfrac12 M, \qquad V(2m) \le \tfrac35 M

unless :math:`V(2) \le \tfrac7{10} V(1)`: what goes up and down in turn may be noise, and looks as if it repeated after any even
number of steps. If several :math:`m` in a row will do, it is the one with the least change. The bounds were chosen on half of a
set of simulated series (noises of many kinds, walks, trends, changes of level; seasons of many forms under noise) and held on
the other half, where none without a season was given one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from unrolled.aliases import Values
from unrolled.codecs.scaling import VANISHING, binary_unit

__all__ = ["period_of", "season_of"]


DEPTH = 0.5
AGAIN = 0.6
SEEN = 4  # times that a season must have been gone through
IN_TURN = 0.7
SHORTEST = 3
LONGEST = 400  # steps; smoothing has a state for each of them
READ = 4000  # the last steps of a series, which tell as much as all
ASKED = 50  # series of a panel


def period_of(y: Values) -> int:
    """The season in steps that ``y [T]``, all finite, shows clearly; 1 if none.

    >>> t = np.arange(120)
    >>> noise = np.random.default_rng(0).normal(size=120)
    >>> period_of(np.sin(2 * np.pi * t / 20) + 0.05 * t + 0.1 * noise), period_of(0.05 * t + noise), period_of(noise.cumsum())
    (20, 1, 1)
    """
    y = y[-READ:] / binary_unit(y)
    longest = min(len(y) // SEEN, LONGEST)
    if longest < SHORTEST:
        return 1
    change = np.array([_change(y, lag) for lag in range(1, 2 * longest + 1)])  # [lag - 1]
    if change[1] <= IN_TURN * change[0]:
        return 1
    lags = np.arange(SHORTEST, longest + 1)
    most = np.maximum.accumulate(change[1:])[lags - 3]  # after fewer steps
    after, again = change[lags - 1], change[2 * lags - 1]
    possible = (after <= DEPTH * most) & (again <= AGAIN * most) & (most > VANISHING)
    if not possible.any():
        return 1
    good = possible & (after <= 1.25 * after[possible].min() + VANISHING)
    near = possible & (lags < 1.5 * lags[np.argmax(good)])
    return int(lags[near][np.argmin(after[near])])


def season_of(series: Sequence[Values], calendar: int) -> int:
    """The season of several series ``[T_i]``: ``calendar`` unless more than half of them clearly show the same other one.

    That is one after which a series has changed half as much, or less, as after the calendar's. A multiple of the calendar's is
    none, and neither is one that not every series has gone through three times. Of many series some are asked.

    >>> wave = [np.sin(2 * np.pi * np.arange(120) / 20)]
    >>> season_of(wave, 7), season_of(wave, 1), season_of(wave, 10), season_of([*wave, np.arange(50.0)], 1)
    (20, 20, 10, 1)
    """
    longest = min(len(y) for y in series) // 3
    chosen = np.unique(np.linspace(0, len(series) - 1, min(len(series), ASKED)).astype(int))
    season, count = Counter(_better(series[i], calendar) for i in chosen).most_common(1)[0]
    return season if 2 * count > len(chosen) and season <= longest else calendar


def _better(y: Values, calendar: int) -> int:
    period = period_of(y)
    if calendar == 1:
        return period
    y = y[-READ:] / binary_unit(y)
    if period == 1 or len(y) <= calendar:
        return calendar
    clearly = period % calendar != 0 and _change(y, period) <= DEPTH * _change(y, calendar)
    return period if clearly else calendar


def _change(y: Values, lag: int) -> float:
    change = y[lag:] - y[:-lag]
    return float(np.abs(change - change.mean()).mean())
