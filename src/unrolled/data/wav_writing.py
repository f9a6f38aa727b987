"""Recordings as the bytes of a WAV file."""

from __future__ import annotations

import io
import wave
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["wav_bytes"]


def wav_bytes(samples: NDArray[np.floating[Any]], rate: int) -> bytes:
    """A WAV file of 16-bit samples of one channel.

    Args:
        samples: ``[n]`` from -1 to 1; what is beyond is cut off there.
        rate: of them a second.

    >>> from unrolled.data.wav import read_wav
    >>> read_wav(io.BytesIO(wav_bytes(np.array([0.0, 0.5, -1.0]), 8000))).samples.tolist()
    [0.0, 0.5, -1.0]
    """
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(rate)
        writer.writeframes(np.clip(np.rint(samples * 32768.0), -32768, 32767).astype("<i2").tobytes())
    return file.getvalue()
