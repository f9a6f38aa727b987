r"""Inputs of a network from the calendar and from earlier seasons.

A time stamp that lies the share :math:`\varphi` of a day, week or year after its beginning becomes

.. math:: \left(\sin 2\pi\varphi,\ \cos 2\pi\varphi\right)

and the step ``k`` ahead of ``t`` in a season of ``m`` steps is announced by the median of the same step in the last seasons,

.. math:: \operatorname{median}_{j = 1 .. 4}\ z[t + k - j m]

which one strange season among them does not move.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from unrolled.aliases import Values

__all__ = ["SEASONS", "Cycle", "calendar", "seasonal_medians"]

Cycle = Literal["day", "week", "year"]

SEASONS = 4
DAY = np.timedelta64(1, "D")
MONDAY = np.datetime64("1969-12-29", "us")


def calendar(times: NDArray[Any], cycles: Sequence[Cycle]) -> Values:
    """Sine and cosine of each cycle, ``[T, 2 cycles]``, for stamps ``datetime64 [T]``.

    >>> calendar(np.array(["2024-01-01T06:00", "2024-01-01T12:00"], "datetime64[us]"), ["day"]).round(6).tolist()
    [[1.0, 0.0], [0.0, -1.0]]
    """
    columns: list[Values] = []
    for cycle in cycles:
        if cycle == "year":
            start = times.astype("datetime64[Y]")
            length = (start + 1).astype("datetime64[D]") - start.astype("datetime64[D]")
            share = (times - start.astype(times.dtype)) / length
        else:
            length = DAY if cycle == "day" else 7 * DAY
            share = (times - MONDAY) % length.astype("timedelta64[us]") / length
        columns += [np.sin(2 * np.pi * share), np.cos(2 * np.pi * share)]
    return np.stack(columns, axis=1) if columns else np.zeros((len(times), 0))


def seasonal_medians(z: Values, season: int, leads: Sequence[int]) -> Values:
    """Medians of earlier seasons ``[T, K, C]`` for the steps ``leads [K]``, from 0, after each step of ``z [T, C]``.

    Of the last four seasons that are known at ``t`` those count that lie inside ``z``; NaN where none does.

    >>> seasonal_medians(np.arange(6.0)[:, None], 2, [1])[:, 0, 0].tolist()
    [nan, 0.0, 1.0, 1.0, 2.0, 2.0]
    """
    T, C = z.shape
    medians = np.full((T, len(leads), C), np.nan)
    for place, lead in enumerate(leads):
        first = max(1, -(-lead // season))  # seasons back to a step that is known
        earlier = np.full((SEASONS, T, C), np.nan)
        for row, j in enumerate(range(first, first + SEASONS)):
            back = j * season - lead
            earlier[row, back:] = z[: max(T - back, 0)]
        known = first * season - lead
        medians[known:, place] = np.nanmedian(earlier[:, known:], axis=0)
    return medians
