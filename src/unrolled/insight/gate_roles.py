r"""Whether reset gates act in the short term and update gates in the long term, as texts on GRUs have it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from unrolled.aliases import Values

__all__ = ["GateRoles", "persistence", "roles_of"]

SEEN = 0.3
"""The size of a correlation from which the verdict speaks of one."""


class GateRoles(NamedTuple):
    r"""What the two gates of a GRU do over time."""

    place: str
    """Such as ``encoder.l0``."""
    time_constants: Values
    """Steps after which a unit's state has decayed to :math:`1/e` by its update gate, ``[H]``."""
    openness: Values
    """The mean of each unit's reset gate, ``[H]``; at 0 the candidate does not see the state."""
    persistence: Mapping[str, Values]
    """Gate → steps until a unit's gate is no longer correlated with itself (below :math:`1/e`), ``[H]``; NaN where it never
    changes."""
    correlation: float
    r"""Of :math:`\log \tau` and the openness of the reset gate over units; NaN where one of them does not differ."""

    @property
    def verdict(self) -> str:
        """Two sentences with the numbers."""
        tau = self.time_constants
        r, z = (_alike(self.persistence[name]) for name in ("r", "z"))
        said = (
            f"{self.place}: the update gates keep a state for {np.median(tau):.3g} steps in the median unit, {tau.min():.3g} to"
            f" {tau.max():.3g} over all; they themselves {z}, the reset gates {r}."
        )
        rho = self.correlation
        if np.isnan(rho):
            return f"{said} Units do not differ enough to tell what reset gates do."
        numbers = f"(correlation of log τ and the reset gate: {rho:.2f})"
        if rho >= SEEN:
            return f"{said} Reset gates are more closed where states are short {numbers}: they act in the short term."
        if rho <= -SEEN:
            return f"{said} Reset gates are more closed where states are long {numbers}: they do not act in the short term."
        return f"{said} Reset gates are about as open where states are short as where they are long {numbers}."

    def __str__(self) -> str:
        return self.verdict


def roles_of(place: str, r: Values, z: Values, time_constants: Values) -> GateRoles:
    """The roles of gates ``[T, B, H]`` with NaN past the end of a sequence."""
    openness, logs = np.nanmean(r, axis=(0, 1)), np.log(time_constants)
    finite = np.isfinite(logs)
    spread = [values[finite].std() if finite.sum() > 2 else 0.0 for values in (openness, logs)]
    told = min(spread) > 1e-9
    correlation = float(np.corrcoef(openness[finite], logs[finite])[0, 1]) if told else float("nan")
    return GateRoles(place, time_constants, openness, {"r": persistence(r), "z": persistence(z)}, correlation)


def persistence(values: Values) -> Values:
    r"""Steps until each unit's autocorrelation is below :math:`1/e`, ``[H]``, of values ``[T, B, H]``; as many as there are where
    it never is, NaN where nothing changes.

    >>> alternating = np.tile([0.0, 1.0], 10)[:, None, None]
    >>> persistence(alternating).tolist()
    [1.0]
    """
    T = len(values)
    around = values - np.nanmean(values, axis=(0, 1))
    variance = np.nanmean(around**2, axis=(0, 1))
    still = variance < 1e-18
    found = np.where(still, np.nan, float(T))
    open_ = ~still
    for k in range(1, T):
        if not open_.any():
            break
        alike = np.nanmean(around[k:, :, open_] * around[:-k, :, open_], axis=(0, 1)) / variance[open_]
        fallen = np.flatnonzero(open_)[alike < np.exp(-1)]
        found[fallen] = k
        open_[fallen] = False
    return found


def _alike(steps: Values) -> str:
    known = steps[~np.isnan(steps)]
    if not len(known):
        return "never change"
    middle = float(np.median(known))
    return f"stay alike for {middle:.3g} step{'s' * (middle != 1)}"
