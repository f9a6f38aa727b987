"""Type aliases that several places share."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["ArrayLike", "Floats", "Integers", "PathLike", "Values"]

Values = NDArray[np.float64]
"""Numbers as they are read, scaled and predicted."""

Floats = NDArray[np.floating[Any]]
"""Numbers of float32 or float64, the dtypes that the kernels compute in."""

Integers = NDArray[np.integer[Any]]
"""Whole numbers of any size."""

ArrayLike = NDArray[Any] | Sequence[float] | Sequence[Sequence[float]]
"""An array, or numbers in lists, as users give series."""

PathLike = str | os.PathLike[str]
"""A path, as the standard library takes one."""
