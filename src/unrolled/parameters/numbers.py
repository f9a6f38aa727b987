"""How sequences of numbers are read."""

from __future__ import annotations

from typing import Annotated

from unrolled.parameters.declaration import Parameter, Parameters
from unrolled.parameters.ranges import COUNT

__all__ = ["NumberParameters"]


class NumberParameters(Parameters):
    """From numbers to what networks read at each step."""

    _title = "Sequences of numbers"

    differences: Annotated[
        bool,
        Parameter(
            "Whether numbers are read together with their differences from the step before.", search=(True, False)
        ),
    ] = True
    segment: Annotated[
        int | None,
        Parameter(
            "Steps of numbers that the layers read at once.",
            COUNT,
            unset="so many that half of the sequences have at most 64 segments",
        ),
    ] = None
    convolutions: Annotated[
        bool | None,
        Parameter(
            "Whether a linear model of random convolutions is combined with the networks.",
            unset="below 1,000 sequences of numbers that all count alike",
        ),
    ] = None
