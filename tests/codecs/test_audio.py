"""Log-mel and MFCC: Kaldi's numbers by kaldi-native-fbank, SciPy's slopes, and bits that depend on nothing else."""

from __future__ import annotations

import kaldi_native_fbank as kaldi
import msgspec
import numpy as np
import pytest
from scipy.signal import savgol_filter

from unrolled.codecs.audio import AudioFeatures
from unrolled.codecs.mel import mel_filters
from unrolled.errors import InputError


def noise(n, seed=0):
    return np.random.default_rng(seed).normal(scale=0.1, size=n)


def kaldis(features: AudioFeatures, samples):
    """The same features by Kaldi's C++ code, in float32."""
    cepstral = features.kind == "mfcc"
    options = kaldi.MfccOptions() if cepstral else kaldi.FbankOptions()
    frame = options.frame_opts
    frame.samp_freq, frame.dither, frame.remove_dc_offset, frame.window_type = features.rate, 0, False, "hanning"
    frame.frame_length_ms, frame.frame_shift_ms = 1000 * features.window, 1000 * features.hop
    frame.preemph_coeff = features.emphasis
    options.mel_opts.num_bins, options.mel_opts.low_freq = features.mel_bands, features.lowest
    options.mel_opts.high_freq = features.highest or 0
    if cepstral:
        options.num_ceps, options.use_energy, options.cepstral_lifter = features.channels, False, 0
    computer = (kaldi.OnlineMfcc if cepstral else kaldi.OnlineFbank)(options)
    computer.accept_waveform(features.rate, samples.astype(np.float32))
    computer.input_finished()
    return np.stack([computer.get_frame(t) for t in range(computer.num_frames_ready)])


@pytest.mark.parametrize("kind", ["log_mel", "mfcc"])
@pytest.mark.parametrize(
    "options",
    [
        {"rate": 8000},
        {"rate": 16000, "mel_bands": 80},
        {"rate": 16000, "window": 0.032, "hop": 0.016, "mel_bands": 23, "lowest": 300.0, "highest": 3400.0},
        {"rate": 11025, "window": 0.04, "hop": 0.02, "mel_bands": 26, "lowest": 0.0, "emphasis": 0.0},
    ],
    ids=lambda options: str(options["rate"]) + "/" + str(options.get("mel_bands", 40)),
)
def test_kaldi_computes_the_same(kind, options):
    features = AudioFeatures(kind=kind, **options)
    samples = noise(options["rate"])
    ours, theirs = features(samples), kaldis(features, samples)
    assert ours.shape == theirs.shape
    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=2e-4)  # theirs is summed in float32 throughout


def test_number_of_coefficients():
    features = AudioFeatures(rate=8000, coefficients=20)
    samples = noise(2000)
    np.testing.assert_allclose(features(samples), kaldis(features, samples), atol=2e-4)
    assert features.channels == 20
    assert AudioFeatures(rate=8000, mel_bands=9).channels == 9


def test_slopes_are_those_of_regression_lines():
    """Savitzky and Golay's filter of order 1 fits a line to five neighbours, as the regression formula does."""
    samples = noise(4000)
    static = AudioFeatures(rate=8000)(samples).astype(np.float64)
    both = AudioFeatures(rate=8000, deltas=2)(samples)
    assert AudioFeatures(rate=8000, deltas=2).channels == both.shape[1] == 39
    slope = savgol_filter(static, 5, 1, deriv=1, axis=0, mode="nearest")
    np.testing.assert_array_equal(both[:, :13], static)
    np.testing.assert_allclose(both[:, 13:26], slope, atol=1e-5)
    np.testing.assert_allclose(both[:, 26:], savgol_filter(slope, 5, 1, deriv=1, axis=0, mode="nearest"), atol=1e-5)


def test_normalization_over_a_recording():
    samples = noise(4000)
    x = AudioFeatures(rate=8000)(samples).astype(np.float64)
    centred = AudioFeatures(rate=8000, normalization="mean")(samples)
    np.testing.assert_allclose(centred, x - x.mean(0), atol=1e-5)
    scaled = AudioFeatures(rate=8000, normalization="mean_variance", deltas=1)
    np.testing.assert_allclose(scaled(samples)[:, :13], (x - x.mean(0)) / x.std(0), atol=1e-5)
    louder = AudioFeatures(rate=8000, normalization="mean", deltas=1)
    np.testing.assert_allclose(louder(samples), louder(samples / 4), atol=1e-4)


@pytest.mark.parametrize("kind", ["log_mel", "mfcc"])
def test_a_level_is_how_loud_the_loudest_frame_is(kind):
    samples = noise(4000) * np.linspace(0.1, 1, 4000)
    features, plain = (AudioFeatures(kind, rate=8000, normalization=name) for name in ("level", "none"))
    np.testing.assert_allclose(features(samples), features(samples / 4), atol=1e-4)
    taken = plain(samples) - features(samples)  # the same of every frame
    np.testing.assert_allclose(taken, np.broadcast_to(taken[:1], taken.shape), atol=1e-5)
    if kind == "log_mel":
        np.testing.assert_allclose(taken[0], plain(samples).mean(1).max(), atol=1e-5)
        assert features(samples).mean(1).max() == pytest.approx(0, abs=1e-5)
    else:
        np.testing.assert_allclose(taken[0, 1:], 0, atol=1e-6)
        assert features(samples)[:, 0].max() == 0


def test_faster_speech_has_fewer_frames():
    features, samples = AudioFeatures(rate=8000), noise(8000)
    np.testing.assert_array_equal(features(samples, tempo=2.0), features(samples)[::2])
    every = features(samples, tempo=1 / 80)  # a frame a sample
    frames = features(samples, tempo=1.25)
    np.testing.assert_array_equal(frames, every[np.arange(len(frames)) * 100])
    assert len(features(samples, tempo=0.8)) == 1 + (8000 - 200) // 64


@pytest.mark.parametrize("factor", [0.8, 1.25])
def test_a_higher_pitch_is_heard_as_higher_frequencies(factor):
    features = AudioFeatures("log_mel", rate=16000, mel_bands=40)
    tone = lambda hertz: np.sin(2 * np.pi * hertz * np.arange(8000) / 16000)  # noqa: E731
    for hertz in (400, 900, 1700, 3100, 5000):
        heard = features(tone(hertz), pitch=factor).mean(0).argmax()
        assert abs(int(heard) - int(features(tone(hertz * factor)).mean(0).argmax())) <= 1
        assert heard != features(tone(hertz)).mean(0).argmax()
    shifted = mel_filters(16000, 512, 40, 0.0, 8000.0, factor)
    assert shifted[:, -1].max() == 0
    hertz = np.arange(257) * 16000 / 512
    peaks = hertz[shifted.argmax(1)]
    assert (np.diff(peaks) > 0).all()
    assert peaks[-1] < 8000


def test_corners_of_the_bands():
    """Each triangle peaks at its own corner, 1 high, and at every frequency two neighbours add up to 1."""
    filters = mel_filters(16000, 1 << 14, 10, 0.0, 8000.0)
    corners = 700 * (10 ** (np.linspace(0, 2595 * np.log10(1 + 8000 / 700), 12) / 2595) - 1)  # O'Shaughnessy's form
    hertz = np.arange(filters.shape[1]) * 16000 / (1 << 14)
    np.testing.assert_allclose(hertz[filters.argmax(1)], corners[1:-1], atol=1.0)
    inside = (hertz > corners[1]) & (hertz < corners[-2])
    np.testing.assert_allclose(filters.sum(0)[inside], 1, atol=1e-9)


@pytest.mark.parametrize("kind", ["log_mel", "mfcc"])
@pytest.mark.parametrize("rate", [8000, 11025])
def test_a_frame_has_the_same_bits_whatever_else_is_in_the_recording(kind, rate):
    features = AudioFeatures(kind=kind, rate=rate, mel_bands=26)
    window, hop = round(0.025 * rate), round(0.010 * rate)
    samples = noise(3 * rate)
    whole = features(samples)
    assert len(whole) == 1 + (len(samples) - window) // hop
    for first, count in [(0, 1), (7, 1), (11, 2), (100, 3), (20, 8), (21, 17), (0, 64), (5, 100)]:
        part = samples[first * hop : (first + count - 1) * hop + window]
        assert (features(part) == whole[first : first + count]).all()
        windows = next(iter(features._blocks(samples)))[first : first + count]
        among = next(iter(features._blocks(samples)))[first:]
        assert (features._spectral(windows) == features._spectral(among)[:, :count]).all()  # before rounding hides it
    strided = np.stack([samples, -samples], axis=1)[:, 0]
    assert (features(strided) == whole).all()
    assert (features(samples.astype(np.float32)) == features(samples.astype(np.float32).astype(np.float64))).all()


def test_long_recordings_go_through_in_blocks(monkeypatch):
    features = AudioFeatures(rate=8000)
    samples = noise(4000)
    whole = features(samples)
    monkeypatch.setattr("unrolled.codecs.audio.FRAMES_AT_ONCE", 7)
    assert (features(samples) == whole).all()


def test_silence():
    frames = AudioFeatures(kind="log_mel", rate=8000)(np.zeros(1000))
    assert frames.shape == (11, 40)
    assert (frames == np.float32(np.log(1e-10))).all()
    quiet = AudioFeatures(rate=8000, normalization="mean_variance", deltas=2)(np.zeros(1000))
    np.testing.assert_allclose(quiet, 0, atol=1e-6)


@pytest.mark.parametrize("n", [1, 2, 199, 200, 279])
def test_a_recording_shorter_than_a_window_is_filled_up_with_zeros(n):
    features = AudioFeatures(rate=8000, deltas=1)
    samples = noise(n)
    frame = features(samples)
    assert frame.shape == (1, 26)
    assert (frame == features(np.pad(samples, (0, max(0, 200 - n))))).all()
    assert (frame[:, 13:] == 0).all()


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (np.zeros(0), "^a.wav holds no samples"),
        (np.zeros((9, 2)), r"^a.wav: samples have shape \[9, 2\], expected \[n\]"),
        (np.zeros(9, np.int16), "^a.wav: samples are int16, expected float32 or float64 from -1 to 1"),
        (np.array([0.0, np.nan]), "^a.wav: sample 1 is nan, expected finite numbers"),
        (np.array([0.0, 0.0, -np.inf]), "^a.wav: sample 2 is -inf"),
    ],
)
def test_samples_that_are_refused(samples, message):
    with pytest.raises(InputError, match=message):
        AudioFeatures(rate=8000)(samples, name="a.wav")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "plp"}, "kind is 'plp', expected one of log_mel, mfcc"),
        ({"rate": 0}, "rate is 0"),
        ({"rate": 8000.0}, "rate is 8000.0, expected a whole number"),
        ({"rate": True}, "rate is True"),
        ({"window": 0.00001}, "window is 1e-05, expected seconds, at least 2 / 16000"),
        ({"window": np.nan}, "window is nan"),
        ({"hop": 0.0}, "hop is 0.0, expected above 0"),
        ({"hop": 1e-6}, "hop is 1e-06, expected seconds, at least 1 / 16000"),
        ({"mel_bands": 0}, "mel_bands is 0"),
        ({"coefficients": 41}, r"coefficients is 41, expected 1 to 40 \(mel_bands\)"),
        ({"kind": "log_mel", "coefficients": 13}, "coefficients is 13, expected none with log_mel"),
        ({"lowest": -1.0}, "lowest is -1.0, expected at least 0"),
        ({"highest": 9000.0}, "expected 0 <= lowest < highest <= 8000, half the rate"),
        ({"lowest": 500.0, "highest": 500.0}, "expected 0 <= lowest < highest"),
        ({"emphasis": 1.0}, "emphasis is 1.0, expected from 0 to below 1"),
        ({"deltas": 3}, "deltas is 3, expected from 0 to 2"),
        (
            {"normalization": "variance"},
            "normalization is 'variance', expected one of none, level, mean, mean_variance",
        ),
        ({"rate": 8000, "mel_bands": 120}, "band 1 holds no frequency of a spectrum of 256 samples: take fewer bands"),
    ],
)
def test_arguments_that_are_refused(options, message):
    with pytest.raises(InputError, match=message):
        AudioFeatures(**options)


def test_another_rate():
    features = AudioFeatures(rate=8000)
    features.check_rate(8000, "a.wav")
    message = r"^my a.wav has 16000 samples a second, the model hears 8000: .* sox 'my a.wav' -r 8000 out.wav$"
    with pytest.raises(InputError, match=message):
        features.check_rate(16000, "my a.wav")


def test_a_model_file_can_hold_them():
    features = AudioFeatures(kind="log_mel", rate=8000, deltas=1, highest=3400.0, normalization="mean")
    written = msgspec.json.encode(features)
    assert msgspec.json.decode(written, type=AudioFeatures) == features
    with pytest.raises(msgspec.ValidationError, match="deltas is 5"):
        msgspec.json.decode(written.replace(b'"deltas":1', b'"deltas":5'), type=AudioFeatures)
