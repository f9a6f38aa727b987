"""How files hold pairs of a source and its target."""

from __future__ import annotations

from typing import Literal

__all__ = ["PairLayout"]

PairLayout = Literal["lines", "table", "objects", "dictionary"]
"""``lines`` of two parallel files, a ``table`` (CSV or TSV), JSON ``objects``, one a line, or a ``dictionary``."""
