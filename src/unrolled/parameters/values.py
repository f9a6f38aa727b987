"""How steps of real numbers, strokes among them, are said."""

from __future__ import annotations

from typing import Annotated, Literal

from unrolled.parameters.declaration import Parameter, Parameters
from unrolled.parameters.ranges import COUNT, SHARE, Range

__all__ = ["Covariance", "ValueParameters"]

Covariance = Literal["auto", "full", "diagonal"]
"""Whether the numbers of a Gaussian depend on each other."""


class ValueParameters(Parameters):
    """From steps of numbers to mixtures of Gaussians."""

    _title = "Numbers and strokes"

    components: Annotated[
        int, Parameter("Gaussians of the mixture that a step of numbers is drawn from.", COUNT, search=(5, 10, 20))
    ] = 10
    covariance: Annotated[
        Covariance,
        Parameter(
            "Whether the numbers of a Gaussian depend on each other; auto lets up to four of them do so.", metavar="HOW"
        ),
    ] = "auto"
    positions: Annotated[
        bool, Parameter("Whether x and y of strokes are positions rather than offsets from one point to the next.")
    ] = False
    steps_at_once: Annotated[
        int, Parameter("Steps of numbers, or frames of a recording, that are said at once.", Range(1, 1000))
    ] = 1
    input_noise: Annotated[
        float,
        Parameter(
            "Deviation of noise added in training to the numbers of the step before, which themselves have about 1.",
            Range(0, 10),
        ),
    ] = 0.0
    step_dropout: Annotated[
        float, Parameter("Share of steps of numbers that are read as zeros in training.", SHARE, metavar="SHARE")
    ] = 0.0
