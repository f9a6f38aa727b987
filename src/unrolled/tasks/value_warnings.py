"""Warnings about values that leave nothing to learn, or that drown all others."""

from __future__ import annotations

import warnings
from collections.abc import Iterable

import numpy as np

from unrolled.aliases import Values
from unrolled.codecs.scaling import binary_unit, is_constant

__all__ = ["far_off", "warn_of_values"]


FAR = 100  # times the width of the middle four fifths of the values
NAMED = 3


def warn_of_values(named: Iterable[tuple[str, Values]], promise: str, *, stacklevel: int) -> None:
    """Warn of series whose values are all the same, and of single values beside which the others vanish.

    Args:
        named: what each series is called, and its values ``[T]``.
        promise: what follows where every value is the same.
        stacklevel: as of :func:`warnings.warn`, counted from the caller.
    """
    pairs = list(named)
    constant = [name for name, values in pairs if is_constant(values)]
    if constant:
        more = f" and {len(constant) - NAMED} more" if len(constant) > NAMED else ""
        message = f"{', '.join(constant[:NAMED])}{more}: every value is the same, so {promise}"
        warnings.warn(message, UserWarning, stacklevel=stacklevel + 1)
    far = [(name, values[row], row) for name, values in pairs if (row := far_off(values)) is not None]
    for name, value, row in far[:NAMED]:
        message = (
            f"{name}: {value:g} at row {row} (counted from 0) is so far from the other values that it decides the scale of"
            " all of them; correct it if it is a mistake, or make it blank and choose how to fill it with missing="
        )
        warnings.warn(message, UserWarning, stacklevel=stacklevel + 1)


def far_off(x: Values) -> int | None:
    """The row of the value furthest from the median, if that is a hundred times as far as the middle four fifths are wide.

    None where they are of no width: in counts that are mostly zero, say, a single one is nothing strange.

    >>> far_off(np.array([1.0, 2.0, 3.0, 2.0, 1e6, 1.0, 2.0, 3.0, 2.0, 1.0, 2.0])), far_off(np.arange(9.0) ** 3)
    (4, None)
    """
    x = x / binary_unit(x)
    low, middle, high = (float(q) for q in np.quantile(x, [0.1, 0.5, 0.9]))
    row = int(np.argmax(np.abs(x - middle)))
    return row if 0 < FAR * (high - low) < abs(float(x[row]) - middle) else None
