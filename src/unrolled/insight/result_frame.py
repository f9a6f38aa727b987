"""Results as frames."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from unrolled.errors import MissingExtraError

__all__ = ["frame_of"]


def frame_of(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> Any:
    """A polars frame of rows.

    Raises:
        MissingExtraError: polars is not installed.
    """
    try:
        import polars as pl
    except ImportError:
        raise MissingExtraError("to_frame", "polars", "cli") from None
    return pl.DataFrame(list(rows), schema=list(columns), orient="row")
