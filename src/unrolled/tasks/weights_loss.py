"""What it costs to store weights in fewer bits: answers beside those of float32 weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Told", "WeightsLoss", "weights_loss"]


class Told(NamedTuple):
    """What a model says of data."""

    unit: str
    """What the numbers are, in the plural."""
    numbers: NDArray[Any]
    answers: Sequence[Any] | None = None
    """One an item, where there is more to an answer than its numbers."""


@dataclass(frozen=True)
class WeightsLoss:
    """How far answers are from those of float32 weights."""

    unit: str
    """What is compared, such as probabilities."""
    numbers: int
    """How many of them."""
    largest: float
    """The largest difference, in their own unit."""
    typical: float
    """The median of the differences."""
    size: float
    """Beside it, the median of the numbers themselves without their signs."""
    changed: int
    """Answers that are another one now."""
    answers: int
    """Of how many; 0 where the numbers are all that there is."""

    @property
    def verdict(self) -> str:
        """In a sentence."""
        answers = f"; {self.changed:,} of {self.answers:,} answers are others" if self.answers else ""
        return (
            f"weights as bfloat16 instead of float32: {self.numbers:,} {self.unit} differ by {self.largest:.2g} at most,"
            f" {self.typical:.2g} typically (they themselves are typically {self.size:.2g} in size){answers}"
        )

    def __str__(self) -> str:
        return self.verdict


def weights_loss(told: Told, exact: Told) -> WeightsLoss:
    """What a model says beside what it says with float32 weights. Numbers that are none in either are left out.

    >>> exact = Told("chances", np.array([0.5, 0.4, np.nan]), ["a", "a"])
    >>> print(weights_loss(Told("chances", np.array([0.5, 0.2, np.nan]), ["a", "b"]), exact))
    weights as bfloat16 instead of float32: 2 chances differ by 0.2 at most, ...; 1 of 2 answers are others
    """
    a, b = np.ravel(told.numbers).astype(np.float64), np.ravel(exact.numbers).astype(np.float64)
    known = np.isfinite(a) & np.isfinite(b)
    apart, size = np.abs(a - b)[known], np.abs(b)[known]
    changed = [str(one) != str(other) for one, other in zip(told.answers or (), exact.answers or (), strict=True)]
    return WeightsLoss(
        told.unit,
        len(apart),
        largest=float(apart.max(initial=0.0)),
        typical=float(np.median(apart)) if len(apart) else 0.0,
        size=float(np.median(size)) if len(apart) else 0.0,
        changed=sum(changed),
        answers=len(changed),
    )
