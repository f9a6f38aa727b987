"""How recordings are heard by models that say sequences, as options; what is not given is left to the estimator."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

from unrolled.errors import InputError
from unrolled.parameters.audio import AudioKind, AudioNormalization, AudioParameters
from unrolled.parameters.declaration import Parameter, Parameters, declared, parameter_values

if TYPE_CHECKING:
    from unrolled.codecs.audio import AudioFeatures
    from unrolled.data.example_file import Examples

__all__ = ["FrameParameters", "SpeechParameters", "features_given"]


class SpeechParameters(AudioParameters, frozen=True):
    """From samples to features, as transcribers hear them."""

    normalization: AudioNormalization = "mean"


def _of(name: str, flag: str = "") -> Parameter:
    about = declared(AudioParameters)[name].about
    return replace(about, flag=flag or about.flag)


class FrameParameters(Parameters):
    """From samples to features, where attention has a window, too, so that the length of a frame is called otherwise."""

    _title = "Recordings"

    kind: Annotated[AudioKind, _of("kind")] = AudioParameters.kind
    frame: Annotated[float, _of("window", flag="--frame")] = AudioParameters.window
    hop: Annotated[float, _of("hop")] = AudioParameters.hop
    mel_bands: Annotated[int, _of("mel_bands")] = AudioParameters.mel_bands
    coefficients: Annotated[int | None, _of("coefficients")] = AudioParameters.coefficients
    lowest: Annotated[float, _of("lowest")] = AudioParameters.lowest
    highest: Annotated[float | None, _of("highest")] = AudioParameters.highest
    emphasis: Annotated[float, _of("emphasis")] = AudioParameters.emphasis
    deltas: Annotated[int, _of("deltas")] = AudioParameters.deltas
    normalization: Annotated[AudioNormalization, _of("normalization")] = AudioParameters.normalization


def features_given(examples: Examples, audio: AudioParameters | FrameParameters) -> AudioFeatures | None:
    """The features of recordings, whose sampling rate is that of the first; None if no option was given."""
    if examples.kind != "audio" or audio == type(audio)():
        return None
    from unrolled.codecs.audio import AudioFeatures

    given = {{"frame": "window"}.get(name, name): value for name, value in parameter_values(audio).items()}
    try:
        return AudioFeatures(rate=examples.items[0].rate, **given)
    except InputError as error:
        other = isinstance(audio, FrameParameters)
        raise (InputError(re.sub(r"\bwindow\b", "frame", str(error))) if other else error) from None
