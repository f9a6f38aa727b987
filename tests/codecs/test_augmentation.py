"""What is drawn of recordings: each option alone, its range, and what it must not change."""

from __future__ import annotations

import numpy as np
import pytest

from unrolled.codecs.audio import AudioFeatures
from unrolled.codecs.augmentation import SPAN, augmented_encoder, augments, check_augmentation
from unrolled.codecs.inputs import AudioCodec
from unrolled.codecs.joining import joined
from unrolled.data.wav import Waveform
from unrolled.errors import InputError
from unrolled.parameters.augmentation import AugmentationParameters
from unrolled.runtime.decoding.ctc import fewest_frames

RATE = 8000
TONE = Waveform(
    (
        0.5 * np.sin(2 * np.pi * 1000 * np.arange(8000) / RATE) + 1e-3 * np.random.default_rng(0).normal(size=8000)
    ).astype(np.float32),
    RATE,
)


def codec(**given):
    features = AudioFeatures(**{"kind": "log_mel", "rate": RATE, "mel_bands": 20, **given})
    noise = Waveform(np.random.default_rng(1).normal(scale=0.1, size=8000).astype(np.float32), RATE)
    return AudioCodec.fit([TONE, noise], features)


def drawn(count, seed=0, of=None, recording=TONE, **given):
    rng = np.random.default_rng(seed)
    encode = augmented_encoder(of or codec(), AugmentationParameters(**given))
    return [encode(recording, rng) for _ in range(count)]


def test_nothing_is_drawn_without_options():
    assert not augments(AugmentationParameters())
    (x,) = drawn(1)
    np.testing.assert_array_equal(x, codec().encoder()(TONE))
    for given in ({"speed": 0.1}, {"pitch": 0.1}, {"noise": 0.0}, {"time_masks": 1}, {"frequency_masks": 1}):
        assert augments(AugmentationParameters(**given))


def test_speeds_are_within_their_range_and_evenly_faster_and_slower():
    sizes = np.array([len(x) for x in drawn(400, speed=0.25)])
    usual = len(codec().encoder()(TONE))
    assert usual / 1.25 - 1 <= sizes.min() < usual / 1.2
    assert usual * 1.2 < sizes.max() <= usual * 1.25 + 1
    assert 0.4 < np.mean(sizes < usual) < 0.6


def test_pitches_are_within_their_range():
    usual = codec().encoder()(TONE)[:, 2:].mean(0).argmax()
    bands = np.array([x[:, 2:].mean(0).argmax() for x in drawn(200, pitch=0.25)])
    assert {len(x) for x in drawn(20, pitch=0.25)} == {98}
    assert set(np.unique(bands) - usual) >= {-1, 0, 1}
    assert np.abs(bands - usual).max() <= 2


@pytest.mark.parametrize("least", [0.0, 20.0])
def test_noise_is_so_many_decibels_below(least, monkeypatch):
    """All of its frequencies together: the least decibels below the recording, to 30 more."""
    features = AudioFeatures("log_mel", rate=RATE, mel_bands=20, emphasis=0.0)
    of = AudioCodec.fit([TONE], features)
    heard = []
    rng = np.random.default_rng(0)
    encode = augmented_encoder(of, AugmentationParameters(noise=least))
    original = AudioFeatures.__call__
    monkeypatch.setattr(AudioFeatures, "__call__", lambda self, x, **how: heard.append(x) or original(self, x, **how))
    for _ in range(200):
        encode(TONE, rng)
    clean = TONE.samples.astype(np.float64)
    below = [10 * np.log10(np.mean(clean**2) / np.mean((x - clean) ** 2)) for x in heard]
    assert least - 1e-9 <= min(below) < least + 1
    assert least + 29 < max(below) <= least + SPAN + 1e-9
    colours = [np.corrcoef((x - clean)[1:], (x - clean)[:-1])[0, 1] for x in heard]
    assert min(colours) < -0.4
    assert max(colours) > 0.4


def test_masks_hide_neighbours():
    whole = drawn(1)[0]
    for x in drawn(50, time_masks=1, time_mask=0.2):
        hidden = np.flatnonzero((x == 0).all(1))
        assert len(hidden) <= 20
        assert (np.diff(hidden) == 1).all()
        kept = np.setdiff1d(np.arange(len(x)), hidden)
        np.testing.assert_array_equal(x[kept], whole[kept])
    sizes = [int((x == 0).all(1).sum()) for x in drawn(300, time_masks=1, time_mask=0.05)]
    assert set(sizes) == set(range(6))
    ends = np.array([[(x == 0).all(1)[0], (x == 0).all(1)[-1]] for x in drawn(400, time_masks=1, time_mask=0.5)])
    assert ends.any(0).all()
    of = codec(deltas=1)
    for x in drawn(50, of=of, frequency_masks=1, frequency_mask=5):
        hidden = np.flatnonzero((x == 0).all(0))
        assert len(hidden) in range(0, 11, 2)
        assert (hidden[: len(hidden) // 2] + 20 == hidden[len(hidden) // 2 :]).all()  # a band and its slope
        assert (np.diff(hidden[: len(hidden) // 2]) == 1).all()
    assert max(int((x == 0).all(0).sum()) for x in drawn(50, frequency_masks=3, frequency_mask=5)) > 5


def test_what_does_not_go_together_is_refused():
    with pytest.raises(InputError, match=r"pitch is 0\.1, which is for recordings"):
        check_augmentation(AugmentationParameters(pitch=0.1), None)
    with pytest.raises(InputError, match="frequency_masks is 1, expected 0 for mfcc"):
        check_augmentation(AugmentationParameters(frequency_masks=1), codec(kind="mfcc"))
    check_augmentation(AugmentationParameters(), None)
    with pytest.raises(InputError, match="samples a second"):
        drawn(1, recording=Waveform(TONE.samples, 16000), speed=0.1)


def test_steps_are_joined_from_the_first_on():
    x = np.arange(10, dtype=np.float32).reshape(5, 2)
    np.testing.assert_array_equal(joined(x, 1), x)
    np.testing.assert_array_equal(joined(x, 2), [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 0, 0]])
    np.testing.assert_array_equal(joined(x, 9), [[*range(10), *[0] * 8]])


def test_steps_that_symbols_need():
    assert [fewest_frames(np.array(y)) for y in ([1], [1, 2], [1, 1], [1, 1, 2, 2, 2])] == [1, 2, 3, 8]
