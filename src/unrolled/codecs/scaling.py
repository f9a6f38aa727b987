"""The scale on which a series is modelled: its logarithm or itself, divided by its usual seasonal change."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["SeriesScaling", "Standardization"]

Values = NDArray[np.float64]


@dataclass(frozen=True)
class SeriesScaling:
    """``z = g(y) / scale`` with ``g`` the logarithm or the identity.

    >>> scaling = SeriesScaling(log=True, scale=0.5)
    >>> scaling.inverse(scaling.transform(np.array([1.0, 10.0]))).round(6).tolist()
    [1.0, 10.0]
    """

    log: bool
    scale: float

    @classmethod
    def fit(cls, y: Values, season: int, *, log: bool | None = None) -> SeriesScaling:
        """Choose for ``y [T]``, all finite; ``log`` overrules the choice of ``g``.

        The scale is the mean of ``|g(y[t]) - g(y[t - season])|``, as that of MASE, or 1 if that is zero.
        """
        log = prefers_log(y, season) if log is None else log
        z = np.log(y) if log else y
        lag = season if len(z) > season else 1
        scale = float(np.abs(z[lag:] - z[:-lag]).mean()) if len(z) > 1 else 0.0
        floor = 1e-12 * max(1.0, float(np.abs(z).max()))  # below this it is rounding, not change
        return cls(log, scale if scale > floor else 1.0)

    def transform(self, y: Values) -> Values:
        """``y`` → ``z``, any shape; with ``log`` every value must be above 0."""
        return (np.log(y) if self.log else y) / self.scale

    def inverse(self, z: Values) -> Values:
        """``z`` → ``y``, any shape; what would overflow becomes the largest float."""
        y = z * self.scale
        if self.log:
            y = np.exp(np.minimum(y, 709.0))
        return np.nan_to_num(y, nan=np.nan)


def prefers_log(y: Values, season: int) -> bool:
    """Whether ``y`` varies in proportion to its level.

    Guerrero's criterion (1993, doi 10.1002/for.3980120104) between the Box-Cox exponents 0 and 1: over blocks of one
    season, ``sd / level^(1-λ)`` should be as constant as can be. Series with a value at or below zero stay as they are.

    >>> t = np.arange(48)
    >>> wave = np.sin(2 * np.pi * t / 12)
    >>> prefers_log(np.exp(0.02 * t + 0.2 * wave), 12), prefers_log(100 + 2 * t + 5 * wave, 12)
    (True, False)
    """
    if y.min() <= 0:
        return False
    block = season if season > 1 else 4
    n = len(y) // block
    if n < 3:
        return bool(y.max() > 2 * y.min())
    blocks = y[len(y) - n * block :].reshape(n, block)
    level, spread = blocks.mean(1), blocks.std(1)
    if spread.max() == 0:
        return False
    return _variation(spread / level) < _variation(spread)


def _variation(ratio: Values) -> float:
    return float(ratio.std() / ratio.mean())


@dataclass(frozen=True)
class Standardization:
    """``(x - mean) / deviation`` for each covariate, fitted over all series together."""

    mean: float
    deviation: float

    @classmethod
    def fit(cls, x: Values) -> Standardization:
        """Choose for ``x [n]``; a constant one keeps deviation 1."""
        deviation = float(x.std())
        return cls(float(x.mean()), deviation if deviation > 0 else 1.0)

    def transform(self, x: Values) -> Values:
        """Apply to any shape."""
        return (x - self.mean) / self.deviation
