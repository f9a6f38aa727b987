"""How estimators read recordings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

from unrolled.errors import InputError
from unrolled.parameters.declaration import Parameter, Parameters, require

if TYPE_CHECKING:
    from unrolled.codecs.audio import AudioFeatures
else:
    AudioFeatures = Any  # made by read_audio

__all__ = ["AudioFeatures", "RecordingParameters", "check_audio", "read_audio"]


def read_audio(name: str, value: Any) -> Any:
    """Features of recordings, given as such or, as a model file has them, by their names."""
    from unrolled.codecs.audio import AudioFeatures

    if isinstance(value, Mapping):
        try:
            return AudioFeatures(**value)
        except TypeError as error:
            raise InputError(f"{name} is {dict(value)}, expected features of recordings: {error}") from None
    require(name, value, isinstance(value, AudioFeatures), "an AudioFeatures, or None")
    return value


def check_audio(name: str, found: AudioFeatures | None, given: AudioFeatures | None) -> None:
    """Check the features in a model file against the parameter, if that was set; what was usual otherwise, the file alone says.

    Raises:
        InputError: they differ.
    """
    require(name, found, given is None or found is None or found == given, f"{given}, as in settings")


class RecordingParameters(Parameters):
    """What estimators have that can read recordings."""

    _title = "Recordings"

    audio: Annotated[
        AudioFeatures | None,
        Parameter(
            "Features of recordings.",
            unset="13 mel-frequency cepstral coefficients per frame",
            flag=None,
            read=read_audio,
        ),
    ] = None
