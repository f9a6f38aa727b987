"""Ranges of the numbers that model files hold, as types: read from a file, a number outside is an error that names it."""

from __future__ import annotations

from typing import Annotated

import msgspec

__all__ = ["LARGEST_COUNT", "Count", "Day", "Size"]

LARGEST_COUNT = 2**53  # far above any memory, and far below where sums of sizes overflow

Count = Annotated[int, msgspec.Meta(ge=1, le=LARGEST_COUNT)]
"""How many there are of what must be there."""
Size = Annotated[int, msgspec.Meta(ge=0, le=LARGEST_COUNT)]
"""How many there are of what may be missing."""
Day = Annotated[int, msgspec.Meta(ge=1, le=31)]
"""Of the month."""
