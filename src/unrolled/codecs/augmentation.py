r"""Recordings as they could have been, so that a network learns what does not matter.

Each time a recording is asked for,

.. math::
    x'[n] &= x[n] + \sigma\, (\epsilon[n] + c\, \epsilon[n-1]), \qquad \epsilon[n] \sim N(0, 1), \quad c \sim U(-1, 1) \\
    \text{hop}' &= \text{hop} \cdot (1 + \text{speed})^u, \quad a = (1 + \text{pitch})^v, \qquad u, v \sim U(-1, 1)

are drawn: noise of some colour, so many decibels below the recording; frames that are farther apart, as of faster speech; mel
bands whose frequencies are divided by :math:`a` (:func:`unrolled.codecs.mel.mel_filters`), as of a voice with a
shorter vocal tract. Of the features, standardised, stretches of time and ranges of bands become 0, their mean; how long
each is is drawn from 0 to the longest, evenly.

Sources: Ko et al. 2015, *Audio augmentation for speech recognition* (speed); Jaitly and Hinton 2013, *Vocal tract length
perturbation (VTLP) improves speech recognition*; Park et al. 2019, *SpecAugment*, arXiv 1904.08779 (masks).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from unrolled.aliases import Values
from unrolled.codecs.inputs import AudioCodec, Recording
from unrolled.errors import InputError
from unrolled.parameters.augmentation import AugmentationParameters
from unrolled.parameters.declaration import declared

__all__ = ["augmented_encoder", "augments", "check_augmentation"]

SPAN = 30.0  # decibels between the loudest noise and the faintest


def augments(how: AugmentationParameters) -> bool:
    """Whether anything is drawn at all.

    >>> augments(AugmentationParameters()), augments(AugmentationParameters(speed=0.1))
    (False, True)
    """
    return bool(how.speed or how.pitch or how.noise is not None or how.time_masks or how.frequency_masks)


def check_augmentation(how: AugmentationParameters, codec: AudioCodec | None) -> None:
    """Check what is drawn against what is read, None where that is no recording.

    Raises:
        InputError: naming the parameter.
    """
    if codec is None:
        for name, each in declared(AugmentationParameters).items():
            if getattr(how, name) != each.default:
                raise InputError(f"{name} is {getattr(how, name)!r}, which is for recordings: leave it out")
    elif how.frequency_masks and codec.features.kind != "log_mel":
        raise InputError(
            f"frequency_masks is {how.frequency_masks}, expected 0 for {codec.features.kind}: only log_mel has a feature a"
            " band"
        )


def augmented_encoder(
    codec: AudioCodec, how: AugmentationParameters
) -> Callable[[Recording, np.random.Generator], NDArray[np.float32]]:
    """The function that encodes a recording as ``codec`` does, ``[T, C]``, after what its generator draws.

    >>> from unrolled.codecs.audio import AudioFeatures
    >>> from unrolled.data.wav import Waveform
    >>> tone = Waveform(np.sin(np.arange(4000) * 0.3).astype(np.float32), 8000)
    >>> codec = AudioCodec.fit([tone], AudioFeatures("log_mel", rate=8000))
    >>> draw = augmented_encoder(codec, AugmentationParameters(speed=0.2, time_masks=1))
    >>> [draw(tone, np.random.default_rng(seed)).shape for seed in range(3)], codec.encoder()(tone).shape
    ([(46, 40), (48, 40), (52, 40)], (48, 40))
    """
    features, scaled = codec.features, codec.numbers.encoder()
    longest = round(how.time_mask / features.hop)

    def encode(recording: Recording, rng: np.random.Generator) -> NDArray[np.float32]:
        features.check_rate(recording.rate, recording.name)
        samples = recording.samples.astype(np.float64)
        u, v = rng.uniform(-1, 1, 2)
        tempo, pitch = (1 + how.speed) ** u, (1 + how.pitch) ** v
        if how.noise is not None:
            samples = samples + _noise(samples, how.noise + SPAN * rng.random(), rng)
        x = scaled(features(samples, name=recording.name, tempo=tempo, pitch=pitch).astype(np.float64))
        for _ in range(how.time_masks):
            x[_drawn(longest, len(x), rng)] = 0
        by_kind = x.reshape(len(x), 1 + features.deltas, -1)  # the bands, and their slopes
        for _ in range(how.frequency_masks):
            by_kind[:, :, _drawn(how.frequency_mask, features.mel_bands, rng)] = 0
        return x

    return encode


def _drawn(longest: int, of: int, rng: np.random.Generator) -> slice:
    """Up to ``longest`` neighbours among ``of``."""
    size = int(rng.integers(0, min(longest, of) + 1))
    start = int(rng.integers(0, of - size + 1))
    return slice(start, start + size)


def _noise(samples: Values, decibels: float, rng: np.random.Generator) -> Values:
    """Noise that is so many decibels below the mean energy of the samples."""
    white = rng.normal(size=len(samples) + 1)
    noise = white[1:] + rng.uniform(-1, 1) * white[:-1]
    below = 10 ** (-decibels / 20)
    return noise * below * np.sqrt(np.mean(samples**2) / max(np.mean(noise**2), np.finfo(np.float64).tiny))
