"""How recordings are changed at random in training."""

from __future__ import annotations

from typing import Annotated

from unrolled.parameters.declaration import Parameter, Parameters
from unrolled.parameters.ranges import POSITIVE, SHARE, Range

__all__ = ["AugmentationParameters"]


class AugmentationParameters(Parameters):
    """What is drawn anew for every recording in every epoch of training, and never afterwards."""

    _title = "Recordings in training"

    speed: Annotated[
        float,
        Parameter("Share by which a recording is faster or slower at most, at the same pitch.", SHARE, metavar="SHARE"),
    ] = 0.0
    pitch: Annotated[
        float,
        Parameter(
            "Share by which all frequencies of a recording are higher or lower at most, at the same speed.",
            SHARE,
            metavar="SHARE",
        ),
    ] = 0.0
    noise: Annotated[
        float | None,
        Parameter(
            "Decibels that a recording is above the noise added to it, at least; up to 30 more are drawn.",
            Range(-20, 100),
            unset="no noise is added",
            metavar="DECIBELS",
        ),
    ] = None
    time_masks: Annotated[int, Parameter("Stretches of each recording that are hidden.", Range(0))] = 0
    time_mask: Annotated[
        float, Parameter("Longest stretch that is hidden, in seconds.", POSITIVE, metavar="SECONDS")
    ] = 0.15
    frequency_masks: Annotated[
        int, Parameter("Ranges of mel bands that are hidden in each recording, of log_mel.", Range(0))
    ] = 0
    frequency_mask: Annotated[int, Parameter("Most neighbouring mel bands that are hidden together.", Range(1))] = 8
