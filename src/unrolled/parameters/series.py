"""How series are read."""

from __future__ import annotations

from typing import Annotated, Literal

from unrolled.parameters.declaration import Parameter, Parameters

__all__ = ["Missing", "SeriesParameters"]

Missing = Literal["raise", "interpolate", "previous", "zero"]


class SeriesParameters(Parameters):
    """Series with gaps."""

    _title = "Data"

    missing: Annotated[
        Missing,
        Parameter(
            "How blank values and missing time steps are treated; interpolation uses the value after a gap, which a live"
            " stream does not know yet.",
            metavar="HOW",
        ),
    ] = "raise"
