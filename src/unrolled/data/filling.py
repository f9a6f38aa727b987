"""What to do about values that are not there: refuse, or fill in the way the user chose."""

from __future__ import annotations

from typing import get_args

import numpy as np
import numpy.typing as npt

from unrolled.errors import InputError
from unrolled.parameters.series import Missing

__all__ = ["check_missing_option", "fill"]


def check_missing_option(missing: str) -> Missing:
    """Return the option, or raise an InputError that lists the known ones."""
    known: tuple[Missing, ...] = get_args(Missing)
    for option in known:
        if missing == option:
            return option
    raise InputError(f"missing={missing!r} is not known; choose one of {', '.join(map(repr, known))}")


def fill(values: npt.NDArray[np.float64], missing: Missing) -> npt.NDArray[np.float64]:
    """Return equally spaced values [T] with each NaN replaced; at the ends the nearest value is repeated.

    Raises:
        InputError: nothing to fill from.

    >>> fill(np.array([np.nan, 1, np.nan, 3]), "interpolate").tolist()
    [1.0, 1.0, 2.0, 3.0]
    >>> fill(np.array([np.nan, 1, np.nan, 3]), "previous").tolist()
    [1.0, 1.0, 1.0, 3.0]
    """
    absent = np.isnan(values)
    if not absent.any():
        return values
    if missing == "zero":
        return np.where(absent, 0.0, values)
    if absent.all():
        raise InputError(f"all {len(values)} values are missing, there is nothing to fill them from")
    present = np.flatnonzero(~absent)
    if missing == "interpolate":
        return np.interp(np.arange(len(values)), present, values[present])
    latest = np.searchsorted(present, np.arange(len(values)), side="right") - 1
    return values[present[np.maximum(latest, 0)]]
