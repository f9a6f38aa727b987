"""An item that is heard part by part."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from unrolled.aliases import Values
from unrolled.codecs.audio import AudioFeatures
from unrolled.codecs.inputs import AudioCodec, NumberCodec
from unrolled.codecs.joining import joined
from unrolled.data.items import read_items
from unrolled.data.wav import Waveform
from unrolled.errors import InputError
from unrolled.runtime.decoding.ctc import Fusion, Transcription
from unrolled.tasks.generation.targets import Target
from unrolled.tasks.generation.transcriber_model import Listener, Search, TranscriberModel

__all__ = ["TranscriberStream"]

Transcript = TypeVar("Transcript")


class TranscriberStream(Generic[Transcript]):
    """What :meth:`unrolled.CTCTranscriber.stream` returns; the parts do not change a bit of the result.

    Args:
        model: that of a fitted transcriber.
        width, fusion: of the search.
        decode: from symbols to a text, or a list of them.
        transcript: from what was found, the log-probabilities of all steps and the duration to what :meth:`finish` returns.

    Raises:
        InputError: the model cannot listen to streams.
    """

    def __init__(
        self,
        model: TranscriberModel,
        *,
        width: int,
        fusion: Fusion[Any] | None,
        decode: Callable[[NDArray[np.int64]], Target],
        transcript: Callable[[Transcription, Values, float], Transcript],
    ) -> None:
        if model.shape.stack.bidirectional:
            raise InputError(
                "the model reads items in both directions, so it must know their ends: fit with bidirectional=False to"
                " listen to a stream"
            )
        codec = model.inputs
        self._parts = _Samples(codec) if isinstance(codec, AudioCodec) else _Steps(codec)
        self._stride, self._rest = model.stride, np.empty((0, model.shape.stack.inputs // model.stride), np.float32)
        self._listener, self._search = Listener(model), Search(width, fusion)
        self._decode, self._transcript = decode, transcript
        self._heard: list[Values] = []
        self._finished = False

    def push(self, part: Any) -> Target:
        """Hear the next part, and say what was said so far, which later parts may change.

        Args:
            part: samples ``[n]`` of float32 or float64 from -1 to 1, or a :class:`unrolled.data.wav.Waveform`; steps
                ``[T, C]`` where the model was trained on such. It may be empty.

        Raises:
            InputError: it is none of these, or the stream was finished; then nothing was heard.
        """
        if self._finished:
            raise InputError("the stream was finished: begin another with stream()")
        self._hear(self._parts.push(part), last=False)
        return self._decode(self._search.symbols())

    def finish(self) -> Transcript:
        """End the item, and return what :meth:`unrolled.CTCTranscriber.transcribe` returns for all of it.

        Raises:
            InputError: nothing was heard, or the stream was finished.
        """
        if self._finished:
            raise InputError("the stream was finished: begin another with stream()")
        x, duration = self._parts.finish()
        self._finished = True
        self._hear(x, last=True)
        return self._transcript(self._search.best(1)[0], np.concatenate(self._heard), duration)

    def _hear(self, x: NDArray[np.float32], *, last: bool) -> None:
        """Further steps ``[T, C]``, of which as many as make whole ones are read."""
        x = np.concatenate([self._rest, x])
        whole = len(x) if last else len(x) // self._stride * self._stride
        self._rest = x[whole:]
        if whole:
            self._heard.append(self._listener.hear(joined(x[:whole], self._stride)))
            self._search.push(self._heard[-1])


class _Steps:
    """Steps of numbers, standardised."""

    def __init__(self, codec: NumberCodec) -> None:
        self._channels, self._encode = len(codec.channels), codec.encoder()
        self._steps = 0

    def push(self, part: Any) -> NDArray[np.float32]:
        if isinstance(part, np.ndarray) and part.shape == (0, self._channels):
            return np.empty((0, self._channels), np.float32)
        x = self._encode(read_items([part], kind="numbers", channels=self._channels)[0])
        self._steps += len(x)
        return x

    def finish(self) -> tuple[NDArray[np.float32], float]:
        if not self._steps:
            raise InputError("the stream holds no steps: push some before it is finished")
        return np.empty((0, self._channels), np.float32), self._steps


class _Samples:
    """Features of the windows that are complete, standardised."""

    def __init__(self, codec: AudioCodec) -> None:
        self._features, self._scaled = codec.features, codec.numbers.encoder()
        _check_streamable(codec.features)
        self._rest = np.empty(0, np.float64)
        self._samples = self._frames = 0

    def push(self, part: Any) -> NDArray[np.float32]:
        if isinstance(part, Waveform):
            self._features.check_rate(part.rate, part.name)
        new = np.asarray(part.samples if isinstance(part, Waveform) else part)
        if new.size or new.ndim != 1:
            self._features(new, name="the part")  # which checks it
        self._samples += len(new)
        x = np.concatenate([self._rest, new.astype(np.float64)])
        W, hop = self._features.window_length, self._features.hop_length
        frames = max(0, 1 + (len(x) - W) // hop)
        self._rest = x[frames * hop :]
        return self._read(x[: (frames - 1) * hop + W], frames) if frames else self._none()

    def finish(self) -> tuple[NDArray[np.float32], float]:
        if not self._samples:
            raise InputError("the stream holds no samples: push some before it is finished")
        if not self._frames:
            self._features.warn_of_short([("the stream", self._samples)])
        x = self._none() if self._frames else self._read(self._rest, 1)
        return x, self._samples / self._features.rate

    def _read(self, x: Values, frames: int) -> NDArray[np.float32]:
        self._frames += frames
        return self._scaled(self._features(x).astype(np.float64))

    def _none(self) -> NDArray[np.float32]:
        return np.empty((0, self._features.channels), np.float32)


def _check_streamable(features: AudioFeatures) -> None:
    """Raise an InputError if a frame depends on what comes later."""
    for name in ("normalization", "deltas"):
        value = getattr(features, name)
        if value not in ("none", 0):
            raise InputError(
                f"the model hears features with {name}={value!r}, which depend on what comes later: fit with audio=None, or"
                f" features without, to listen to a stream"
            )
