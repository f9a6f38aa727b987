"""Samples of a mel spectrum: their spectrum again, what each iteration gains, and what cannot be undone."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize, signal

from unrolled.codecs.audio import AudioFeatures
from unrolled.codecs.griffin_lim import (
    Transform,
    griffin_lim,
    samples_of_features,
    spectral_convergence,
    spectrum_of_bands,
)
from unrolled.codecs.mel import mel, mel_filters
from unrolled.errors import InputError

RATE = 8000
FEATURES = AudioFeatures("log_mel", rate=RATE)
FILTERS = mel_filters(RATE, 256, 40, 20.0, RATE / 2)
TRANSFORM = Transform(200, 80, 256)


def vowel(seconds=0.4, seed=0):
    """Pulses through two resonances that glide, and breath."""
    rng, n = np.random.default_rng(seed), np.arange(int(seconds * RATE))
    pulses = np.diff(np.floor(np.cumsum(np.linspace(110, 140, len(n)) / RATE)), prepend=0) + 0.02 * rng.normal(
        size=len(n)
    )
    sound = np.zeros(len(n))
    for hertz in (600, 1700):
        r, angle = 0.97, 2 * np.pi * hertz / RATE
        sound += signal.lfilter([1], [1, -2 * r * np.cos(angle), r * r], pulses)
    return 0.3 * sound / abs(sound).max()


@pytest.mark.parametrize("hertz", [300.0, 1000.0, 2500.0])
def test_the_frequency_of_a_sinusoid_survives(hertz):
    tone = 0.5 * np.sin(2 * np.pi * hertz * np.arange(6000) / RATE)
    heard = samples_of_features(FEATURES(tone), FEATURES)
    assert heard.dtype == np.float32
    assert len(heard) == 200 + 80 * (len(FEATURES(tone)) - 1)
    spectrum = abs(np.fft.rfft(heard * np.hanning(len(heard)), 1 << 16))
    middle = heard[1000:-1000]
    band = (700 + hertz) / 1127 * mel(RATE / 2) / 41  # from one band to the next
    assert abs(np.argmax(spectrum) * RATE / (1 << 16) - hertz) < band / 2
    assert 0.25 < abs(middle).max() < 1.0


def test_the_bands_of_the_samples_are_those_asked_for():
    S = FEATURES(vowel())
    found = FEATURES(samples_of_features(S, FEATURES))
    assert found.shape == S.shape
    loud = S.max() - S < 8  # within 35 decibels of the loudest
    assert np.sqrt(np.mean((found - S)[loud] ** 2)) < 0.35
    noise = FEATURES(0.1 * np.random.default_rng(0).normal(size=3200))
    assert np.sqrt(np.mean((found - noise[: len(found)])[loud] ** 2)) > 2  # of which another sound is far


def test_all_cepstral_coefficients_are_the_bands():
    x, cepstral = vowel(0.1), AudioFeatures(rate=RATE, coefficients=40)
    of_bands, of_all = samples_of_features(FEATURES(x), FEATURES), samples_of_features(cepstral(x), cepstral)
    np.testing.assert_allclose(of_all, of_bands, atol=0.01)


def test_few_cepstral_coefficients_come_back():
    cepstral = AudioFeatures(rate=RATE)
    C = cepstral(vowel())
    found = cepstral(samples_of_features(C, cepstral))
    assert np.abs(found - C).mean() < 0.5 * C.std()


def test_iterations_come_nearer_and_momentum_comes_nearer_still():
    magnitudes = np.sqrt(spectrum_of_bands(np.exp(FEATURES(vowel()).astype(float)), FILTERS))

    def distance(iterations, momentum):
        x = griffin_lim(magnitudes, TRANSFORM, iterations=iterations, momentum=momentum, seed=0)
        return spectral_convergence(magnitudes, TRANSFORM.forward(x, len(magnitudes)))

    plain = [distance(n, 0.0) for n in (0, 1, 2, 5, 20, 60)]
    assert plain == sorted(plain, reverse=True)
    assert plain[-1] < 0.3 * plain[0]
    assert distance(60, 0.99) < plain[-1]


def test_the_inverse_transform_undoes_the_transform():
    x = vowel()
    again = TRANSFORM.inverse(TRANSFORM.forward(x, 38))
    inner = slice(100, 200 + 37 * 80 - 100)
    np.testing.assert_allclose(again[inner], x[inner], atol=1e-12)


def test_the_transform_is_that_of_the_features():
    x = vowel()
    emphasized = x[1:] - 0.97 * x[:-1]
    spectrum = TRANSFORM.forward(np.append(emphasized, np.zeros(200)), 38)
    S = FEATURES(x)
    shifted = np.log(abs(spectrum) ** 2 @ FILTERS.T)  # a sample later, for the window's first is zero
    assert np.abs(shifted[:38] - S[:38]).mean() < 0.1


def test_spectra_are_as_near_as_non_negative_least_squares():
    rng = np.random.default_rng(0)
    P = rng.gamma(0.5, size=(4, 129))
    bands = P @ FILTERS.T
    found = spectrum_of_bands(bands, FILTERS)
    assert (found >= 0).all()
    own = np.linalg.norm(found @ FILTERS.T - bands, axis=1) / np.linalg.norm(bands, axis=1)
    best = [optimize.nnls(FILTERS, b)[1] / np.linalg.norm(b) for b in bands]
    assert own.max() < max(best) + 0.02
    fewer = spectrum_of_bands(bands, FILTERS, iterations=3)
    assert np.linalg.norm(fewer @ FILTERS.T - bands) > np.linalg.norm(found @ FILTERS.T - bands)


def test_a_seed_decides():
    S = FEATURES(vowel(0.1))
    first, same, other = (samples_of_features(S, FEATURES, seed=seed, iterations=5) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, same)
    assert (first != other).any()


def test_loud_and_quiet_stay_within_bounds():
    for level in (-23.0, 60.0, 1e6):
        heard = samples_of_features(np.full((5, 40), level), FEATURES)
        assert np.isfinite(heard).all()
        assert abs(heard).max() <= 1


@pytest.mark.parametrize(
    ("features", "S", "message"),
    [
        (AudioFeatures(rate=RATE), np.zeros((3, 40)), r"expected \[T, 13\]"),
        (AudioFeatures("log_mel", rate=RATE, deltas=1), np.zeros((3, 80)), "deltas=1"),
        (AudioFeatures("log_mel", rate=RATE, normalization="mean"), np.zeros((3, 40)), "normalization='mean'"),
        (FEATURES, np.zeros((3, 13)), r"shape \[3, 13\], expected \[T, 40\]"),
        (FEATURES, np.zeros((0, 40)), r"shape \[0, 40\]"),
        (FEATURES, np.full((1, 40), np.nan), "not finite"),
    ],
)
def test_what_cannot_be_undone(features, S, message):
    with pytest.raises(InputError, match=message):
        samples_of_features(S, features)


def test_iterations_are_a_count():
    with pytest.raises(InputError, match="iterations is -1"):
        samples_of_features(np.zeros((3, 40)), FEATURES, iterations=-1)
