"""Results are held against each other before anything is timed."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from unrolled.aliases import Floats

__all__ = ["TOLERANCE", "difference", "disagreement"]

TOLERANCE = 1e-4
"""Largest difference between float32 results, relative to the largest number of each array."""


def difference(results: Mapping[str, Floats], reference: Mapping[str, Floats]) -> dict[str, float]:
    """Largest absolute difference of each array, relative to the reference's largest number.

    Arrays of other shapes, missing ones and NaN differ infinitely.

    >>> difference({"y": np.float32([1.0, 2.5])}, {"y": np.float32([1.0, 2.0])})
    {'y': 0.25}
    """
    return {name: _relative(results.get(name), expected) for name, expected in reference.items()}


def _relative(found: Floats | None, expected: Floats) -> float:
    if found is None or found.shape != expected.shape:
        return float("inf")
    largest = float(np.max(np.abs(expected), initial=np.finfo(np.float32).tiny))
    furthest = float(np.max(np.abs(found.astype(np.float64) - expected), initial=0)) / largest
    return float("inf") if np.isnan(furthest) else furthest


def disagreement(
    results: Mapping[str, Mapping[str, Floats]], reference: str, tolerance: float = TOLERANCE
) -> tuple[float, str | None]:
    """The largest difference of any contender from the one named, and a sentence if it exceeds the tolerance."""
    largest = 0.0
    for name, arrays in results.items():
        for array, amount in difference(arrays, results[reference]).items():
            largest = max(largest, amount)
            if not amount <= tolerance:
                what = "outputs" if array == "y" else f"gradient of {array}"
                return largest, f"{name} and {reference} disagree: {what}, by {amount:.1e} of the largest; not timed"
    return largest, None
