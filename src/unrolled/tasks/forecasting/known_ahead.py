"""Covariates known ahead, appended to the histories they continue."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from unrolled.data.frequency import Frequency, stamp
from unrolled.data.panel import Panel
from unrolled.errors import InputError
from unrolled.tasks.forecasting.history import History
from unrolled.tasks.forecasting.model import called

__all__ = ["extend_future"]


def extend_future(history: History, ahead: Panel, frequency: Frequency, horizon: int) -> History:
    """Append to the covariates of each series the ``horizon`` rows of ``ahead`` that come next.

    ``ahead`` may start earlier than the forecast. Without time stamps its first row is the first step to forecast.

    Raises:
        InputError: a series has no rows there, or too few, or a time is missing; both sides are named.
    """
    index = {name: i for i, name in enumerate(ahead.names)}
    extended: list[Any] = []
    for i, name in enumerate(history.names):
        if name not in index:
            raise InputError(f"future= has no rows for {called(name)}, but a forecast of {horizon} steps needs them")
        rows = np.stack([column[index[name]] for column in ahead.future.values()], axis=1)
        start = _start(history.times[i], ahead.times[index[name]], frequency, name)
        if len(rows) - start < horizon:
            raise InputError(
                f"future= has {max(len(rows) - start, 0)} rows for {called(name)} after its history, need {horizon},"
                " one for each step to forecast"
            )
        extended.append(np.concatenate([history.future[i][: len(history.values[i])], rows[start : start + horizon]]))
    return replace(history, future=extended)


def _start(times: Any, ahead: Any, frequency: Frequency, name: str) -> int:
    """The row of ``ahead`` that is the first step to forecast."""
    if times is None or ahead is None:
        return 0
    first = frequency.after(times[-1], 1)[0]
    found = np.flatnonzero(ahead == first)
    if not len(found):
        raise InputError(
            f"future= has no row at {stamp(first)}, the first step after the history of {called(name)}, which ends at"
            f" {stamp(times[-1])}"
        )
    return int(found[0])
