r"""A network's outputs as forecasts and their spread: :math:`b = \log(1 + e^a) + 0.001`, which is never zero."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.aliases import Values

__all__ = ["SMALLEST_SPREAD", "with_spread"]


SMALLEST_SPREAD = 1e-3  # of a channel's own deviation: what hardly varies must not make an alarm of its last digit


def with_spread(outputs: NDArray[np.floating[Any]]) -> tuple[Values, Values]:
    """The two halves of the last axis: μ as it is, b made positive.

    >>> mean, spread = with_spread(np.array([[2.0, 0.0]]))
    >>> mean.tolist(), spread.round(4).tolist()
    ([[2.0]], [[0.6941]])
    """
    mean, raw = np.split(outputs.astype(np.float64), 2, axis=-1)
    return mean, np.logaddexp(0, raw) + SMALLEST_SPREAD
