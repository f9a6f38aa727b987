"""The scale on which values are modelled, chosen from the values themselves, whatever their unit.

What counts as no change is relative to the values, too: numbers that differ by rounding only are one number.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.aliases import Values
from unrolled.errors import InputError

__all__ = [
    "LARGEST_Z",
    "VANISHING",
    "SeriesScaling",
    "Standardization",
    "binary_unit",
    "check_unit",
    "is_constant",
    "log_scales",
    "scaled",
    "standardized",
]


ROUNDING = 4  # last places that the same number, computed in several ways, may differ by
VANISHING = 1e-12  # of the values: a mean or sum that is nothing but what rounding left of them
SMALLEST_CHANGE = 0.01  # of the change from step to step: a season that repeats better than that is as good as exact
LARGEST_Z = 1e30  # on the scale of z: float32, in which networks compute, ends at 3e38


def is_constant(x: Values) -> bool:
    """Whether the values of ``x``, at least one, differ by no more than rounding.

    The rounding is that of float32 where the values are such numbers and not whole ones.

    >>> is_constant(np.array([0.1 + 0.2, 0.3])), is_constant(np.array([1e-13, 2e-13]))
    (True, False)
    """
    low, high = float(x.min()), float(x.max())
    return low == high or high - low <= ROUNDING * _precision(x) * max(abs(low), abs(high))


def _precision(x: Values) -> float:
    with np.errstate(over="ignore", invalid="ignore"):
        held = bool((x == x.astype(np.float32)).all()) and bool((x != np.rint(x)).any())
    return float(np.finfo(np.float32 if held else np.float64).eps)


def binary_unit(x: NDArray[Any]) -> float:
    """The power of two at or below the largest of ``|x|``, 1 if that is 0: in this unit squares neither overflow nor vanish.

    >>> binary_unit(np.array([3.0, -5.0])), binary_unit(np.array([1e300])) > 1e299
    (4.0, True)
    """
    largest = float(np.abs(x).max(initial=0.0))
    return math.ldexp(1.0, math.frexp(largest)[1] - 1) if largest else 1.0


@dataclass(frozen=True)
class SeriesScaling:
    """``z = g(y) / scale`` with ``g`` the logarithm or the identity.

    A series that never changes is not modelled: its ``constant`` is what every ``z`` stands for.

    >>> scaling = SeriesScaling(log=True, scale=0.5)
    >>> scaling.inverse(scaling.transform(np.array([1.0, 10.0]))).round(6).tolist()
    [1.0, 10.0]
    >>> SeriesScaling.fit(np.full(30, 0.1), 12).inverse(np.array([-2.0, 3.0])).tolist()
    [0.1, 0.1]
    """

    log: bool
    scale: float
    constant: float | None = None

    def __post_init__(self) -> None:
        """Check that values can be divided by the scale and multiplied again."""
        check_unit("scale", self.scale)

    @classmethod
    def fit(cls, y: Values, season: int, *, log: bool | None = None) -> SeriesScaling:
        """Choose for ``y [T]``, all finite; ``log`` overrules the choice of ``g``.

        The scale is the mean of ``|g(y[t]) - g(y[t - season])|``, as that of MASE, and at least a hundredth of the mean of
        ``|g(y[t]) - g(y[t - 1])|``; that of a constant series is 1.
        """
        if is_constant(y):
            return cls(log=False, scale=1.0, constant=float(y[0]))
        log = prefers_log(y, season) if log is None else log
        z = np.log(y) if log else y
        unit = binary_unit(z)
        seasonal, single = (float(np.abs(z[lag:] / unit - z[:-lag] / unit).mean()) for lag in (_lag(z, season), 1))
        return cls(log, unit * max(seasonal, SMALLEST_CHANGE * single))

    def transform(self, y: Values) -> Values:
        """``y`` → ``z``, any shape; with ``log`` every value must be above 0."""
        if self.constant is not None:
            return np.zeros_like(y)
        with np.errstate(over="ignore"):
            return np.clip((np.log(y) if self.log else y) / self.scale, -LARGEST_Z, LARGEST_Z)

    def inverse(self, z: Values) -> Values:
        """``z`` → ``y``, any shape; what would overflow becomes the largest float."""
        if self.constant is not None:
            return np.full_like(z, self.constant)
        with np.errstate(over="ignore"):
            y = z * self.scale
        if self.log:
            y = np.exp(np.minimum(y, 709.0))
        return np.nan_to_num(y, nan=np.nan)


def scaled(scalings: Sequence[SeriesScaling], values: Sequence[Values]) -> list[Values]:
    """Series ``[T_i]``, each on its own scale."""
    return [scaling.transform(series) for scaling, series in zip(scalings, values, strict=True)]


def log_scales(scalings: Sequence[SeriesScaling]) -> Values:
    """By what each series' logarithm is divided, 0 for one that is not on its logarithm, ``[N]``."""
    return np.array([scaling.scale if scaling.log else 0.0 for scaling in scalings])


def _lag(z: Values, season: int) -> int:
    return season if len(z) > season else 1


def check_unit(name: str, unit: float) -> None:
    """Raise an InputError unless values can be measured in this unit without loss."""
    limits = np.finfo(np.float64)
    if not limits.tiny <= unit <= limits.max:
        raise InputError(
            f"{name} is {unit:g}, expected from {limits.tiny:g} to {limits.max:g}; give the values in another unit"
        )


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
    blocks = y[len(y) - n * block :].reshape(n, block) / binary_unit(y)
    level, spread = blocks.mean(1), blocks.std(1)
    if is_constant(blocks):
        return False
    return _variation(spread / level) < _variation(spread) * (1 - 1e-9)  # a tie is decided by no rounding


def _variation(ratio: Values) -> float:
    return float(ratio.std() / ratio.mean())


@dataclass(frozen=True)
class Standardization:
    """``(x - mean) / deviation`` for each column of numbers.

    Of a ``constant`` one nothing can be learned: whatever comes later, it becomes 0.

    >>> Standardization.fit(np.full(1000, 1.1)).transform(np.array([1.1, 1.2])).tolist()
    [0.0, 0.0]
    """

    mean: float
    deviation: float
    constant: bool = False

    def __post_init__(self) -> None:
        """Check that values can be divided by the deviation and multiplied again."""
        check_unit("deviation", self.deviation)
        if not math.isfinite(self.mean):
            raise InputError(f"mean is {self.mean}, expected a finite number; give the values in another unit")

    @classmethod
    def fit(cls, x: Values) -> Standardization:
        """Choose for ``x [n]``; a constant one keeps deviation 1."""
        if is_constant(x):
            return cls(float(x[0]), 1.0, constant=True)
        unit = binary_unit(x)
        return cls(float((x / unit).mean()) * unit, float((x / unit).std()) * unit)

    def transform(self, x: Values) -> Values:
        """Apply to any shape."""
        return standardized(x, self.mean, self.deviation, self.constant)

    def inverse(self, z: Values) -> Values:
        """Back to the unit of ``x``, any shape; what would overflow becomes the largest float."""
        if self.constant:
            return np.full_like(z, self.mean)
        with np.errstate(over="ignore"):
            return np.nan_to_num(z * self.deviation + self.mean, nan=np.nan)

    def departs(self, x: Values) -> NDArray[np.bool_]:
        """Whether each of ``x`` is another number than this ``constant``, however that was computed and held.

        >>> Standardization.fit(np.full(9, 14.62)).departs(np.array([14.62, np.float32(14.62), 14.63])).tolist()
        [False, False, True]
        """
        c = self.mean
        with np.errstate(over="ignore"):
            single = np.float32(c)
        held = {c, float(single)} | ({float(str(single))} if float(single) == c else set[float]())
        return (abs(x - c) > ROUNDING * np.finfo(np.float64).eps * abs(c)) & ~np.isin(x, list(held))


def standardized(x: Values, mean: Any, deviation: Any, constant: Any) -> Values:
    """``(x - mean) / deviation``, 0 where ``constant``; numbers, or arrays of them along the last axis of ``x``."""
    with np.errstate(over="ignore"):
        z = np.clip((x - mean) / deviation, -LARGEST_Z, LARGEST_Z)
    return np.where(constant, 0.0, z)
