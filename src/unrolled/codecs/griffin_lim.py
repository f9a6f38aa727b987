r"""From a logarithmic mel spectrum, or its cepstral coefficients, back to samples.

The bands :math:`M_t = e^{S_t} = \Lambda P_t` of a frame say less than its spectrum :math:`P_t`, of which a non-negative one with
these bands is found by the steps of Lee and Seung 2001 ("Algorithms for non-negative matrix factorization"), which never
increase the squared error:

.. math::
    P \leftarrow P \cdot \frac{\Lambda^\top M}{\Lambda^\top \Lambda P}

The phases are missing altogether. Griffin and Lim 1984 (doi 10.1109/TASSP.1984.1164317) look for samples whose spectrum has the
magnitudes :math:`\sqrt P`: by turns they take the spectrum of samples, and give it these magnitudes. With the momentum
:math:`\alpha` of Perraudin, Balazs and Søndergaard 2013 (doi 10.1109/WASPAA.2013.6701851):

.. math::
    c_i = \mathrm{STFT}\Big(\mathrm{STFT}^{-1}\big(\sqrt P \, \tfrac{t_{i-1}}{|t_{i-1}|}\big)\Big), \qquad
    t_i = c_i + \alpha (c_i - c_{i-1})

The samples so found are those after emphasis, which is undone last: :math:`x[n] = e[n] + \beta\, x[n - 1]`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.aliases import Values
from unrolled.codecs.audio import FLOOR, AudioFeatures, cosine_transform
from unrolled.codecs.mel import mel_filters
from unrolled.errors import InputError

__all__ = ["Transform", "griffin_lim", "samples_of_features", "spectral_convergence", "spectrum_of_bands"]

Spectrum = NDArray[np.complex128]
LEAST = 0.05  # of the overlapping windows' squares: at the ends of a recording, where hardly any window is above 0, it fades
LOUDEST = 20.0  # of a band's logarithm: samples from -1 to 1 stay well below
DIRECT = 30.0  # hertz below which nothing is heard, but much may be added up when emphasis is undone


@dataclass(frozen=True)
class Transform:
    """The spectra of windows of ``length`` samples every ``hop`` of them, with Hann's window, and samples of spectra."""

    length: int
    hop: int
    size: int
    """``N`` of the transform."""

    def forward(self, x: Values, frames: int) -> Spectrum:
        """``[n]`` → ``[frames, N/2 + 1]``."""
        starts = self.hop * np.arange(frames)
        windows = x[starts[:, None] + np.arange(self.length)] * np.hanning(self.length)
        return np.fft.rfft(windows, self.size)

    def inverse(self, spectrum: Spectrum) -> Values:
        """The samples ``[n]`` whose spectra are nearest: windows times their window, over the windows' squares."""
        window = np.hanning(self.length)
        parts = np.fft.irfft(spectrum, self.size)[:, : self.length] * window
        total, squares = (np.zeros(self.samples(len(spectrum))) for _ in range(2))
        for frame, part in enumerate(parts):
            own = slice(frame * self.hop, frame * self.hop + self.length)
            total[own] += part
            squares[own] += window**2
        return total / np.maximum(squares, LEAST)

    def samples(self, frames: int) -> int:
        """Of a recording of so many frames."""
        return self.length + (frames - 1) * self.hop


def samples_of_features(
    S: NDArray[Any], features: AudioFeatures, *, iterations: int = 60, momentum: float = 0.99, seed: int = 0
) -> NDArray[np.float32]:
    """Samples from -1 to 1 whose features are near ``S``.

    Args:
        S: ``[T, C]`` as ``features`` has them: logarithms of the bands' energies, or cepstral coefficients, of which those that
            are left out are taken for 0, so that a spectrum is smooth.
        features: how recordings are read, without slopes and normalisation.
        iterations: of Griffin and Lim, at least 0.
        momentum: alpha, at least 0; 0 is the method of 1984.
        seed: of the first phases.

    Returns:
        ``[W + (T - 1) H]`` samples at ``features.rate`` of them a second; quieter where they would be beyond 1.

    Raises:
        InputError: features that cannot be undone, or an array that is none of them.

    >>> features = AudioFeatures("log_mel", rate=8000)
    >>> tone = 0.5 * np.sin(2 * np.pi * 500 * np.arange(4000) / 8000)
    >>> heard = samples_of_features(features(tone), features)
    >>> len(heard), round(np.argmax(abs(np.fft.rfft(heard))) * 8000 / len(heard), -1)
    (3960, np.float64(500.0))
    """
    if features.deltas or features.normalization != "none":
        raise InputError(
            f"features have deltas={features.deltas}, normalization={features.normalization!r}: samples can be made of features"
            " without slopes and normalisation"
        )
    frames = np.asarray(S, np.float64)
    if frames.ndim != 2 or not len(frames) or frames.shape[1] != features.channels:
        raise InputError(f"S has shape {list(frames.shape)}, expected [T, {features.channels}]: frames, features")
    if not np.isfinite(frames).all():
        raise InputError("S holds numbers that are not finite")
    if type(iterations) is not int or iterations < 0:
        raise InputError(f"iterations is {iterations!r}, expected a whole number of at least 0")
    if features.kind == "mfcc":
        frames = frames @ cosine_transform(features.mel_bands, features.channels)
    bands = np.exp(np.clip(frames, np.log(FLOOR), LOUDEST))
    size = features.transform_length
    filters = mel_filters(features.rate, size, features.mel_bands, features.lowest, features.highest_frequency)
    magnitudes = np.sqrt(spectrum_of_bands(bands, filters))
    transform = Transform(features.window_length, features.hop_length, size)
    emphasized = griffin_lim(magnitudes, transform, iterations=iterations, momentum=momentum, seed=seed)
    x = _without_emphasis(emphasized, features.emphasis, features.rate)
    return (x / max(1.0, float(abs(x).max()))).astype(np.float32)


def spectrum_of_bands(bands: Values, filters: Values, iterations: int = 100) -> Values:
    """Non-negative ``P [T, F]`` with ``P filters^T`` near ``bands [T, M]``, all above 0.

    >>> filters = np.array([[1.0, 0.5, 0.0], [0.0, 0.5, 1.0]])
    >>> (spectrum_of_bands(np.array([[1.5, 2.5]]), filters) @ filters.T).round(3).tolist()
    [[1.5, 2.5]]
    """
    above, squares = bands @ filters, filters.T @ filters
    found = above.copy()
    for _ in range(iterations):
        found *= above / np.maximum(found @ squares, np.finfo(np.float64).tiny)
    return found


def griffin_lim(magnitudes: Values, transform: Transform, *, iterations: int, momentum: float, seed: int) -> Values:
    """Samples ``[n]`` whose spectrum has nearly the ``magnitudes [T, F]``."""
    rng, frames = np.random.default_rng(seed), len(magnitudes)
    t: Spectrum = np.exp(2j * np.pi * rng.random(magnitudes.shape))
    before: Spectrum | None = None
    for _ in range(iterations):
        c = transform.forward(transform.inverse(_with_phases(magnitudes, t)), frames)
        t = c if before is None else c + momentum * (c - before)
        before = c
    return transform.inverse(_with_phases(magnitudes, t))


def _with_phases(magnitudes: Values, t: Spectrum) -> Spectrum:
    size = np.where(t == 0, 1.0, abs(t))
    return (magnitudes * np.where(t == 0, 1.0, t / size)).astype(np.complex128)


def spectral_convergence(magnitudes: Values, spectrum: Spectrum) -> float:
    """How far the magnitudes of a spectrum are from those it should have: the norm of the difference over their norm."""
    return float(np.linalg.norm(abs(spectrum) - magnitudes) / np.linalg.norm(magnitudes))


def _without_emphasis(e: Values, share: float, rate: int) -> Values:
    """``x[n] = e[n] + share x[n - 1]``, without what is too low to be heard."""
    spectrum = np.fft.rfft(e)
    spectrum[np.arange(len(spectrum)) * rate / len(e) < DIRECT] = 0
    e, x, last = np.fft.irfft(spectrum, len(e)), np.empty(len(e)), 0.0
    for n, value in enumerate(e.tolist()):
        last = value + share * last
        x[n] = last
    return x
