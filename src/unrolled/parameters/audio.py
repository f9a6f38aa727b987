"""How recordings are read."""

from __future__ import annotations

from dataclasses import field
from typing import Annotated, Literal

from unrolled.parameters.declaration import Parameter, Parameters
from unrolled.parameters.ranges import COUNT, POSITIVE, SHARE, Range

__all__ = ["AudioKind", "AudioNormalization", "AudioParameters"]

AudioKind = Literal["log_mel", "mfcc"]
AudioNormalization = Literal["none", "level", "mean", "mean_variance"]


class AudioParameters(Parameters, frozen=True):
    """From samples to features per frame."""

    _title = "Recordings"

    kind: Annotated[
        AudioKind,
        Parameter(
            "Features of a recording: a logarithmic mel spectrum, or its cepstral coefficients.",
            flag="--hear",
            metavar="KIND",
        ),
    ] = field(default="mfcc", kw_only=False)
    window: Annotated[float, Parameter("Length of a frame in seconds.", POSITIVE, metavar="SECONDS")] = 0.025
    hop: Annotated[
        float, Parameter("Time from one frame of a recording to the next, in seconds.", POSITIVE, metavar="SECONDS")
    ] = 0.010
    mel_bands: Annotated[int, Parameter("Number of mel bands.", COUNT)] = 40
    coefficients: Annotated[
        int | None, Parameter("Number of cepstral coefficients of mfcc.", COUNT, unset="13, or all if there are fewer")
    ] = None
    lowest: Annotated[
        float, Parameter("Frequency at which the mel bands begin, in hertz.", Range(0), metavar="HERTZ")
    ] = 20.0
    highest: Annotated[
        float | None,
        Parameter(
            "Frequency at which the mel bands end, in hertz.", POSITIVE, unset="half the sampling rate", metavar="HERTZ"
        ),
    ] = None
    emphasis: Annotated[
        float,
        Parameter(
            "Share of each sample that is subtracted from the next, which lifts high frequencies.",
            SHARE,
            metavar="SHARE",
        ),
    ] = 0.97
    deltas: Annotated[
        int, Parameter("1 adds the slope of each feature of a recording, 2 also the slope of the slope.", Range(0, 2))
    ] = 0
    normalization: Annotated[
        AudioNormalization,
        Parameter(
            "Normalisation over a recording: level subtracts the loudness of its loudest frame, mean the mean of each"
            " feature, mean_variance also divides by its deviation.",
            metavar="HOW",
        ),
    ] = "none"
