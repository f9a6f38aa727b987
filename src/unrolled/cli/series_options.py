"""Options of ``predict`` and ``evaluate`` for models of series."""

from __future__ import annotations

from typing import Annotated

from unrolled.parameters.declaration import Parameter, Parameters
from unrolled.parameters.series import Missing

__all__ = ["SeriesOptions"]


class SeriesOptions(Parameters):
    """What forecasters and detectors are asked alike."""

    _title = "Forecasters and detectors"

    missing: Annotated[
        Missing | None,
        Parameter("How blank values and missing time steps of the file are treated.", unset="raise", metavar="HOW"),
    ] = None
