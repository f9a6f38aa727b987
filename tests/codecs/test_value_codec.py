"""Steps of numbers as a network says them, and back; sounds of features."""

from __future__ import annotations

import io

import msgspec
import numpy as np
import pytest

from unrolled.codecs.audio import AudioFeatures
from unrolled.codecs.value_codec import ValueCodec
from unrolled.data.wav import Waveform, read_wav
from unrolled.data.wav_writing import wav_bytes
from unrolled.errors import InputError

RATE = 8000
FEATURES = AudioFeatures(rate=RATE, coefficients=20)


def pieces(seed=0):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=(n, 3)) * [1, 100, 1e-3] + [5, 0, -1] for n in (7, 4, 9)]


def tone(hertz, seconds=0.2):
    return Waveform((0.4 * np.sin(2 * np.pi * hertz * np.arange(int(seconds * RATE)) / RATE)).astype(np.float32), RATE)


@pytest.mark.parametrize("together", [1, 2, 4])
def test_columns_are_standardised_and_come_back(together):
    codec = ValueCodec.fit(pieces(), together=together)
    read = [codec.encode(piece) for piece in pieces()]
    assert [steps.shape for steps in read] == [(-(-n // together), 3 * together) for n in (7, 4, 9)]
    for piece, steps in zip(pieces(), read, strict=True):
        again = codec.decode(steps.astype(float))
        np.testing.assert_allclose(again[: len(piece)], piece, rtol=1e-5, atol=1e-5)
        assert (again[len(piece) :] == again[len(piece) - 1]).all()
    if together == 1:
        whole = np.concatenate(read)
        np.testing.assert_allclose(whole.mean(0), 0, atol=1e-5)
        np.testing.assert_allclose(whole.std(0), 1, atol=1e-5)


def test_a_column_that_never_changes():
    codec = ValueCodec.fit([np.array([[1.0, 2.0], [1.0, 3.0]])])
    assert codec.encode(np.array([[5.0, 2.5]])).tolist() == [[0.0, 0.0]]
    assert codec.decode(np.array([[3.0, 0.0]])).tolist() == [[1.0, 2.5]]


def test_recordings_become_features_and_sound_again():
    codec = ValueCodec.fit([tone(400), tone(900)], together=2, features=FEATURES)
    steps = codec.encode(tone(400))
    assert steps.shape == (9, 40)
    sound = codec.samples(codec.decode(steps.astype(float)))
    heard = np.argmax(abs(np.fft.rfft(sound * np.hanning(len(sound)))))
    assert abs(heard * RATE / len(sound) - 400) < 60
    assert codec.samples(np.empty((0, 20))).tolist() == [0.0] * 200


def test_a_recording_at_another_rate():
    codec = ValueCodec.fit([tone(400)], features=FEATURES)
    with pytest.raises(InputError, match="has 16000 samples a second"):
        codec.encode(Waveform(np.zeros(1000, np.float32), 16000))


@pytest.mark.parametrize(
    ("features", "message"),
    [
        (AudioFeatures(rate=RATE, coefficients=3, deltas=1), "slopes"),
        (AudioFeatures(rate=RATE, coefficients=3, normalization="mean"), "normalisation"),
        (FEATURES, "3 channels are scaled, expected 20"),
    ],
)
def test_features_that_do_not_fit(features, message):
    columns = ValueCodec.fit(pieces()).columns
    columns = columns * (features.channels // 3) if "scaled" not in message else columns
    with pytest.raises(InputError, match=message):
        ValueCodec(columns, features=features)


def test_a_file_without_columns():
    with pytest.raises(msgspec.ValidationError, match="length"):
        msgspec.convert({"columns": []}, ValueCodec)


def test_wav_files_hold_what_was_written():
    samples = np.random.default_rng(0).uniform(-1, 1, 999).astype(np.float32)
    again = read_wav(io.BytesIO(wav_bytes(samples, 11025)))
    assert again.rate == 11025
    np.testing.assert_allclose(again.samples, samples, atol=1 / 65536 + 1e-7)
    loud = read_wav(io.BytesIO(wav_bytes(np.array([3.0, -3.0, 1.0]), RATE))).samples
    np.testing.assert_allclose(loud, [1, -1, 1], atol=1e-4)
