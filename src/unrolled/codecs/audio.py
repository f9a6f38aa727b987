"""From the samples of a recording to features per frame: a logarithmic mel spectrum, or its cepstral coefficients."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from functools import lru_cache
from shlex import quote
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from unrolled.aliases import Values
from unrolled.codecs.mel import mel_filters
from unrolled.codecs.sliding_windows import sliding_windows
from unrolled.errors import InputError
from unrolled.parameters.audio import AudioParameters
from unrolled.parameters.declaration import Parameter, checked, declared
from unrolled.parameters.ranges import Range

__all__ = ["FLOOR", "AudioFeatures", "cosine_transform", "other_rate"]


FLOOR = 1e-10  # of a band's energy: less than the rounding of 16-bit samples leaves in it
REACH = 2  # frames on each side that a slope is taken over
HIGHEST_RATE = 2**31 - 1  # samples a second, as WAV files count them
LONGEST_WINDOW = 2**17  # samples
LARGEST_FILTERS = 2**22  # bands times samples of the transform: the triangles hold half as many numbers
FRAMES_AT_ONCE = 4096  # bounds the memory for long recordings


class AudioFeatures(AudioParameters, frozen=True):
    r"""The features of a recording; plain values only, so that a model file can hold them.

    With samples :math:`x`, windows of :math:`W` samples every :math:`H` of them, frame :math:`t` is

    .. math::
        e_t[n] &= x[tH + n] - \alpha\, x[tH + n - 1] \\
        P_t[k] &= \Big| \sum_{n=0}^{W-1} w[n]\, e_t[n]\, e^{-2\pi i k n / N} \Big|^2, \qquad
            w[n] = \tfrac12 - \tfrac12 \cos\frac{2\pi n}{W - 1} \\
        S_t[m] &= \ln \max\Big(10^{-10}, \sum_k \Lambda_m[k]\, P_t[k]\Big) \\
        C_t[j] &= \sqrt{\tfrac{2 - [j = 0]}{M}} \sum_{m=0}^{M-1} S_t[m] \cos\frac{\pi j (m + \frac12)}{M}

    :math:`w` is Hann's window, 0 at its ends, :math:`N` the least power of two from :math:`W` up (zeros follow the window),
    :math:`\Lambda_m` the triangles of :func:`unrolled.codecs.mel.mel_filters` on HTK's mel scale, and :math:`C` the
    orthonormal discrete cosine transform of type II. ``log_mel`` is :math:`S`, ``mfcc`` is :math:`C`. There are
    :math:`1 + \lfloor (n - W)/H \rfloor` frames, all within the recording; a recording shorter than a window is padded
    with zeros to a single frame. Computed in float64 and rounded to float32 at the end. A frame depends on its own
    window alone, to
    the last bit, unless ``normalization`` or ``deltas`` look further.

    Source: Davis and Mermelstein 1980 (doi 10.1109/TASSP.1980.1163420); mel scale and slopes as in Young et al.,
    *The HTK Book*, chapter 5.

    Args:
        kind: ``mfcc`` or ``log_mel``.
        rate: samples a second of every recording.
        window, hop: length of a window, and from one to the next, in seconds.
        mel_bands: number of bands, :math:`M`.
        coefficients: how many of :math:`C`, from :math:`j = 0`; None is 13, or all if there are fewer. Only for ``mfcc``.
        lowest, highest: frequencies where the bands begin and end, in hertz; None is half of ``rate``.
        emphasis: :math:`\alpha`, which lifts high frequencies; 0 leaves them.
        deltas: 1 appends to each number its slope, 2 the slope of that too:
            :math:`d_t = \sum_{i=1}^2 i\,(c_{t+i} - c_{t-i}) / 10`, the first and last frame repeated beyond the ends.
        normalization: ``level`` takes the loudness of the loudest frame away, the largest mean of :math:`S_t`, so that how
            loud the recording is does not matter; ``mean`` takes each number's mean over the recording away,
            ``mean_variance`` also divides by its deviation there, so that neither does the microphone; before the slopes are
            taken.

    Raises:
        InputError: an argument is out of its range, or a band so narrow that no frequency of the spectrum falls into it.

    >>> features = AudioFeatures(rate=8000, deltas=1)
    >>> tone = np.sin(2 * np.pi * 440 * np.arange(4000) / 8000)
    >>> features(tone).shape, features.channels
    ((48, 26), 26)
    """

    rate: Annotated[
        int, Parameter("Samples a second of every recording.", Range(1, HIGHEST_RATE), flag=None, metavar="HERTZ")
    ] = 16000

    def __post_init__(self) -> None:
        checked(AudioParameters, {name: getattr(self, name) for name in declared(AudioParameters)})
        rate_fits = _is_count(self.rate) and self.rate <= HIGHEST_RATE
        _require("rate", self.rate, rate_fits, f"a whole number of samples a second, at most {HIGHEST_RATE}")
        for name, least, most in (("window", 2, LONGEST_WINDOW), ("hop", 1, HIGHEST_RATE)):
            value = getattr(self, name)
            fits = _is_number(value) and abs(value * self.rate) <= most and round(value * self.rate) >= least
            _require(name, value, fits, f"seconds, at least {least} / {self.rate}, at most {most} / {self.rate}")
        most = LARGEST_FILTERS // self.transform_length
        bands_fit = _is_count(self.mel_bands) and self.mel_bands <= most
        _require(
            "mel_bands", self.mel_bands, bands_fit, f"a whole number from 1 to {most}, for a window of this length"
        )
        most = self.mel_bands if self.kind == "mfcc" else 0
        allowed = self.coefficients is None or (_is_count(self.coefficients) and self.coefficients <= most)
        _require(
            "coefficients", self.coefficients, allowed, f"1 to {most} (mel_bands)" if most else "none with log_mel"
        )
        highest, half = self.highest_frequency, self.rate / 2
        within = _is_number(highest) and highest <= half and _is_number(self.lowest) and 0 <= self.lowest < highest
        _require("lowest, highest", (self.lowest, highest), within, f"0 <= lowest < highest <= {half:g}, half the rate")
        empty = np.flatnonzero(self._filters.max(1) == 0)
        if len(empty):
            raise InputError(
                f"mel_bands is {self.mel_bands}, so narrow that band {empty[0]} holds no frequency of a spectrum of"
                f" {self.transform_length} samples: take fewer bands or a longer window"
            )

    @property
    def channels(self) -> int:
        """Number of features per frame."""
        return self._static_channels * (1 + self.deltas)

    def __call__(
        self, samples: NDArray[Any], *, name: str = "the recording", tempo: float = 1.0, pitch: float = 1.0
    ) -> NDArray[np.float32]:
        """The features ``[frames, channels]`` of one recording, ``[n]`` of float32 or float64 from -1 to 1.

        Args:
            samples: at ``rate`` of them a second.
            name: what an error calls the recording.
            tempo: as if it had been spoken so many times as fast: frames are so much farther apart.
            pitch: as if all its frequencies were so many times as high
                (:func:`unrolled.codecs.mel.mel_filters`).

        Raises:
            InputError: samples of another shape or dtype, none at all, or one that is not finite.
        """
        x = self._checked(samples, name)
        filters = None if pitch == 1 else self._heard_at(pitch)
        spectral = [self._spectral(block, filters) for block in self._blocks(x, tempo)]
        features = np.concatenate(spectral, axis=1)  # [channels, frames]
        if self.normalization == "level":
            features -= self._level(features)
        elif self.normalization != "none":
            features -= features.mean(1, keepdims=True)
        if self.normalization == "mean_variance":
            deviation = features.std(1, keepdims=True)
            features /= np.where(deviation > 1e-6, deviation, 1.0)  # silence is constant but for rounding
        parts = [features]
        for _ in range(self.deltas):
            parts.append(_slopes(parts[-1]))
        return np.ascontiguousarray(np.concatenate(parts).T, np.float32)

    def check_rate(self, rate: int, name: str) -> None:
        """Raise an InputError that says what to do, unless ``rate`` is this one's; ``name`` is the recording's."""
        if rate != self.rate:
            raise other_rate(name, rate, self.rate, "the model hears")

    def warn_of_short(self, lengths: Sequence[tuple[str, int]]) -> None:
        """Warn of recordings, given by their names and numbers of samples, that do not fill one frame.

        >>> import warnings
        >>> with warnings.catch_warnings(record=True) as caught:
        ...     warnings.simplefilter("always")
        ...     AudioFeatures(rate=8000).warn_of_short([("long.wav", 900), ("click.wav", 1)])
        >>> print(*(each.message for each in caught))
        click.wav has 1 sample, and a frame has 200: it is too short for anything to be said in it
        """
        short = [(name, n) for name, n in lengths if n < self.window_length]
        if short:
            name, n = short[0]
            more = f"; so are {len(short) - 1} more" if len(short) > 1 else ""
            warnings.warn(
                f"{name} has {n} sample{'s' * (n != 1)}, and a frame has {self.window_length}: it is too short for anything to"
                f" be said in it{more}",
                UserWarning,
                stacklevel=2,
            )

    def _checked(self, samples: NDArray[Any], name: str) -> Values:
        if samples.dtype.name not in ("float32", "float64"):
            raise InputError(f"{name}: samples are {samples.dtype}, expected float32 or float64 from -1 to 1")
        if samples.ndim != 1:
            raise InputError(f"{name}: samples have shape {list(samples.shape)}, expected [n], a single channel")
        if not len(samples):
            raise InputError(f"{name} holds no samples")
        bad = np.flatnonzero(~np.isfinite(samples))
        if len(bad):
            raise InputError(f"{name}: sample {bad[0]} is {samples[bad[0]]}, expected finite numbers")
        x = samples.astype(np.float64)
        return np.pad(x, (0, max(0, self.window_length - len(x))))

    def _blocks(self, x: Values, tempo: float = 1.0) -> list[Values]:
        """Windows ``[frames, W]``, some thousand at a time."""
        windows = sliding_windows(x, self.window_length)
        if tempo == 1:
            windows = windows[:: self.hop_length]
        else:
            hop = max(1.0, self.hop_length * tempo)
            windows = windows[(np.arange(1 + int((len(windows) - 1) / hop)) * hop).astype(np.int64)]
        return [windows[start : start + FRAMES_AT_ONCE] for start in range(0, len(windows), FRAMES_AT_ONCE)]

    def _spectral(self, windows: Values, filters: Values | None = None) -> Values:
        """``[frames, W]`` → ``S`` or ``C``, ``[channels, frames]``."""
        # From n = 1 on: w[0] is 0, and a shift changes no magnitude.
        emphasized = windows[:, 1:] - self.emphasis * windows[:, :-1]
        spectrum = np.fft.rfft(emphasized * np.hanning(self.window_length)[1:], self.transform_length)
        power = np.ascontiguousarray((spectrum.real**2 + spectrum.imag**2).T)
        S = np.log(np.maximum(_product(self._filters if filters is None else filters, power), FLOOR))
        return S if self.kind == "log_mel" else _product(cosine_transform(self.mel_bands, self._static_channels), S)

    def _level(self, features: Values) -> Values:
        """What ``level`` subtracts of each channel, ``[channels, 1]``; of mfcc the first is as loud as the frame."""
        if self.kind == "log_mel":
            return np.full((len(features), 1), features.mean(0).max())
        return np.where(np.arange(len(features)) == 0, features[0].max(), 0.0)[:, None]

    @property
    def _static_channels(self) -> int:
        return self.mel_bands if self.kind == "log_mel" else min(self.coefficients or 13, self.mel_bands)

    @property
    def highest_frequency(self) -> float:
        """Where the bands end, in hertz."""
        return self.rate / 2 if self.highest is None else self.highest

    @property
    def window_length(self) -> int:
        """``W``, in samples."""
        return round(self.window * self.rate)

    @property
    def hop_length(self) -> int:
        """``H``, in samples."""
        return round(self.hop * self.rate)

    @property
    def transform_length(self) -> int:
        """``N``, in samples."""
        return 1 << (self.window_length - 1).bit_length()

    @property
    def _filters(self) -> Values:
        return self._heard_at(1.0)

    def _heard_at(self, pitch: float) -> Values:
        sizes = self.rate, self.transform_length, self.mel_bands
        return mel_filters(*sizes, self.lowest, self.highest_frequency, pitch)


def other_rate(name: str, rate: int, expected: int, whose: str) -> InputError:
    """The error for a recording at another rate than ``whose`` expected one."""
    return InputError(
        f"{name} has {rate} samples a second, {whose} {expected}: resample it,"
        f" for example by sox {quote(name)} -r {expected} out.wav"
    )


def _product(weights: Values, x: Values) -> Values:
    """``weights [O, K] @ x [K, frames]``, each sum in the order of K; BLAS would let it depend on the number of frames."""
    total, used = np.zeros((len(weights), x.shape[1])), weights != 0
    first, after = used.argmax(0).tolist(), (len(weights) - used[::-1].argmax(0)).tolist()
    for k in np.flatnonzero(used.any(0)).tolist():
        rows = slice(first[k], after[k])
        total[rows] += weights[rows, k, None] * x[k]
    return total


@lru_cache(maxsize=32)
def cosine_transform(bands: int, coefficients: int) -> Values:
    """The orthonormal cosine transform of type II, its first rows: ``[coefficients, bands]``."""
    j, m = np.arange(coefficients)[:, None], np.arange(bands)
    cosines = np.cos(np.pi * j * (m + 0.5) / bands) * np.sqrt(np.where(j, 2.0, 1.0) / bands)
    cosines.setflags(write=False)
    return cosines


def _slopes(C: Values) -> Values:
    """Regression lines' slopes over neighbouring frames, ``[channels, frames]``."""
    frames = C.shape[1]
    padded = np.pad(C, ((0, 0), (REACH, REACH)), mode="edge")
    slopes = np.zeros_like(C)
    for i in range(1, REACH + 1):
        slopes += i * (padded[:, REACH + i : REACH + i + frames] - padded[:, REACH - i : REACH - i + frames])
    return slopes / (2 * sum(i * i for i in range(1, REACH + 1)))


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < math.inf


def _is_count(value: object) -> bool:
    return type(value) is int and value >= 1


def _require(name: str, value: object, holds: bool, expected: str) -> None:
    if not holds:
        raise InputError(f"{name} is {value!r}, expected {expected}")
