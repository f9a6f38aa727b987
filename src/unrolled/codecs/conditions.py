"""What a piece is to be: a class, or a vector of numbers, as a network reads it."""

from __future__ import annotations

from typing import Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from unrolled.codecs.labels import Labels
from unrolled.codecs.scaling import Standardization
from unrolled.errors import InputError

__all__ = ["ConditionCodec"]


class ConditionCodec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Classes by their places, or vectors of standardised numbers; it is part of the model file.

    >>> codec = ConditionCodec.fit(np.array([[1.0, 5.0], [3.0, 5.0]]))
    >>> codec.kind, codec.inputs, codec.encode(np.array([[2.0, 5.0], [3.0, 5.0]])).tolist()
    ('vector', 2, [[0.0, 0.0], [1.0, 0.0]])
    >>> codec = ConditionCodec.fit(np.array(["minor", "major"]))
    >>> codec.kind, codec.encode(np.array(["minor"])).tolist()
    ('class', [1])
    """

    classes: Labels | None = None
    numbers: list[Standardization] = []

    def __post_init__(self) -> None:
        """Check that it is one or the other."""
        if (self.classes is None) != bool(self.numbers) or (self.classes is not None and not self.classes.values):
            raise InputError("a condition is either one of some classes or a vector of numbers")

    @classmethod
    def fit(cls, y: NDArray[Any]) -> ConditionCodec:
        """From labels ``[N]``, or from numbers ``[N, D]``.

        Raises:
            InputError: labels of several kinds are mixed, or of fractions.
        """
        if y.ndim == 1:
            return cls(classes=Labels.fit(y))
        return cls(numbers=[Standardization.fit(column) for column in y.T])

    @property
    def kind(self) -> Literal["class", "vector"]:
        """``class`` or ``vector``."""
        return "vector" if self.classes is None else "class"

    @property
    def inputs(self) -> int:
        """Classes, or numbers of a vector."""
        return len(self.numbers) if self.classes is None else len(self.classes.values)

    def encode(self, y: NDArray[Any]) -> NDArray[Any]:
        """Labels ``[N]`` → places; numbers ``[N, D]`` → standardised, float32.

        Raises:
            InputError: a label is none of the classes.
        """
        if self.classes is not None:
            return self.classes.encode(y)
        columns = [each.transform(column) for each, column in zip(self.numbers, y.T, strict=True)]
        return np.stack(columns, 1).astype(np.float32)
