"""Strokes of a pen: positions as offsets from one to the next, and back; in a unit in which offsets are about 1."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from unrolled.aliases import Values
from unrolled.codecs.scaling import LARGEST_Z, binary_unit, check_unit
from unrolled.errors import InputError

__all__ = ["StrokeCodec", "check_strokes", "offsets_of", "positions_of"]


def offsets_of(positions: Values, start: Values | Sequence[float] = (0.0, 0.0)) -> Values:
    """Positions ``[T, 3]`` (x, y, whether the pen is lifted after them) as offsets, the first from ``start``.

    >>> offsets_of(np.array([[5, 1, 0], [7, 0, 1.0]])).tolist()
    [[5.0, 1.0, 0.0], [2.0, -1.0, 1.0]]
    """
    ways = np.diff(positions[:, :2], axis=0, prepend=np.asarray(start, np.float64)[None])
    return np.concatenate([ways, positions[:, 2:]], axis=1)


def positions_of(offsets: Values, start: Values | Sequence[float] = (0.0, 0.0)) -> Values:
    """Offsets ``[T, 3]`` as positions; :func:`offsets_of` undone.

    >>> positions_of(np.array([[5, 1, 0], [2, -1, 1.0]])).tolist()
    [[5.0, 1.0, 0.0], [7.0, 0.0, 1.0]]
    """
    places = np.asarray(start, np.float64) + np.cumsum(offsets[:, :2], axis=0)
    return np.concatenate([places, offsets[:, 2:]], axis=1)


def check_strokes(steps: Values, called: str) -> None:
    """Raise an InputError unless ``steps`` are ``[T, 3]`` with a pen of zeros and ones."""
    if steps.ndim != 2 or steps.shape[1] != 3:
        raise InputError(f"{called} has shape {list(steps.shape)}, expected [T, 3]: x, y, whether the pen is lifted")
    other = np.flatnonzero((steps[:, 2] != 0) & (steps[:, 2] != 1))
    if len(other):
        raise InputError(
            f"{called}, step {other[0]}: the pen is {steps[other[0], 2]:g}, expected 0 or 1, which is lifted after the point"
        )


class StrokeCodec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Strokes as a network reads them: offsets over one unit for both directions, so that no angle changes.

    It is part of the model file.

    >>> scaling = StrokeCodec.fit([np.array([[4, 1, 0], [4, 4, 1.0]])], positions=True)
    >>> scaling.start, scaling.unit
    ((4.0, 1.0), 1.5)
    >>> scaling.encode(np.array([[4, 1, 0], [7, 4, 1.0]])).tolist()
    [[0.0, 0.0, 0.0], [2.0, 2.0, 1.0]]
    """

    positions: bool
    """Whether strokes are given as positions rather than offsets."""
    unit: float
    start: tuple[float, float] = (0.0, 0.0)
    """Where the first point is, on the average; of offsets zero."""

    def __post_init__(self) -> None:
        """Check that offsets can be divided by the unit and multiplied again."""
        check_unit("unit", self.unit)
        if not np.isfinite(self.start).all():
            raise InputError(f"start is {self.start}, expected two finite numbers")

    @classmethod
    def fit(cls, pieces: Sequence[Values], *, positions: bool) -> StrokeCodec:
        """The unit is the root of the mean square of all offsets in both directions."""
        start = np.mean([piece[0, :2] for piece in pieces], axis=0) if positions else np.zeros(2)
        offsets = np.concatenate([offsets_of(piece, start) if positions else piece for piece in pieces])[:, :2]
        whole = binary_unit(offsets)
        size = whole * float(np.sqrt(np.mean((offsets / whole) ** 2)))
        return cls(positions, size or 1.0, (float(start[0]), float(start[1])))

    @property
    def width(self) -> int:
        """Numbers of a step."""
        return 3

    @property
    def log_unit(self) -> float:
        """The logarithm of the area that a density of 1 stands for."""
        return 2 * math.log(self.unit)

    def encode(self, piece: Values) -> NDArray[np.float32]:
        """``[T, 3]`` as it is given → as it is read."""
        steps = (offsets_of(piece, self.start) if self.positions else piece).astype(np.float64)
        with np.errstate(over="ignore"):
            steps[:, :2] = np.clip(steps[:, :2] / self.unit, -LARGEST_Z, LARGEST_Z)
        return steps.astype(np.float32)

    def decode(self, steps: Values) -> Values:
        """``[T, 3]`` as it is drawn → as it was given in training."""
        offsets = np.concatenate([steps[:, :2] * self.unit, steps[:, 2:]], axis=1)
        return positions_of(offsets, self.start) if self.positions else offsets

    def decoded(self, steps: Iterable[Values], before: Values) -> Iterator[Values]:
        """As :meth:`decode`, of steps ``[3]`` that come one by one after those ``before [T, 3]``.

        >>> codec = StrokeCodec(positions=True, unit=2.0, start=(1.0, 1.0))
        >>> [step.tolist() for step in codec.decoded(iter(np.ones((2, 3))), np.ones((1, 3)))]
        [[5.0, 5.0, 1.0], [7.0, 7.0, 1.0]]
        """
        way = np.cumsum(np.concatenate([np.zeros((1, 2)), before[:, :2] * self.unit]), axis=0)[-1]
        for step in steps:
            offset = step[:2] * self.unit
            way = way + offset
            yield np.append(self.start + way if self.positions else offset, step[2:])

    def places(self, piece: Values) -> Values:
        """The positions of a piece in the user's units, whichever it is."""
        return piece if self.positions else positions_of(piece)
