"""Frames as symbols and back; that what may follow makes a distribution of frames; transposition."""

import itertools

import numpy as np
import pytest

from unrolled.codecs.frame_tokens import FrameTokens
from unrolled.codecs.transposition import transposed, transposition_range
from unrolled.errors import InputError


def test_a_roll_comes_back():
    rng = np.random.default_rng(0)
    for density in (0, 0.1, 0.9):
        roll = (rng.random((30, 11)) < density).astype(np.uint8)
        codec = FrameTokens(11)
        symbols = codec.encode(roll)
        assert len(symbols) == roll.sum() + 30
        np.testing.assert_array_equal(codec.decode(symbols), roll)
        assert symbols.max() < codec.symbols
    assert codec.encode(np.zeros((0, 11))).tolist() == []
    assert codec.decode(np.array([], np.int64)).shape == (0, 11)


def test_a_frame_that_was_cut_is_none():
    assert FrameTokens(4).decode(np.array([2, 5, 1, 3])).tolist() == [[0, 1, 0, 0]]
    with pytest.raises(InputError, match="symbol 6 at 1: expected notes, 1 to 4, or 5"):
        FrameTokens(4).decode(np.array([2, 6]))
    with pytest.raises(InputError, match="symbol 0 at 0"):
        FrameTokens(4).decode(np.array([0]))


def test_what_may_follow_says_every_frame_in_one_way():
    """All sequences of at most P + 1 symbols that obey the table and end a frame: one for each of the 2^P sets."""
    codec = FrameTokens(4)
    begin, end = codec.symbols + 1, codec.symbols
    found = []
    for count in range(1, 6):
        for symbols in itertools.product(range(codec.symbols + 1), repeat=count):
            one_frame = symbols[-1] == codec.frame_end and codec.frame_end not in symbols[:-1]
            pairs = zip((begin, *symbols), symbols, strict=False)
            if one_frame and all(codec.may_follow[a, b] for a, b in pairs):
                found.append(codec.decode(np.array(symbols))[0].tolist())
    assert sorted(found) == sorted(map(list, itertools.product((0, 1), repeat=4)))
    assert np.flatnonzero(codec.may_follow[:, end]).tolist() == [0, codec.frame_end]  # 0 is never said
    assert not codec.may_follow[:, 0].any()
    roll = (np.random.default_rng(1).random((50, 4)) < 0.5).astype(np.uint8)
    symbols = np.concatenate([[begin], codec.encode(roll), [end]])
    assert codec.may_follow[symbols[:-1], symbols[1:]].all()


def test_sums_of_frames():
    roll = np.array([[1, 1, 0], [0, 0, 0], [0, 1, 0]])
    codec, log_p = FrameTokens(3), -np.arange(1.0, 7.0)
    symbols = codec.encode(roll)
    assert codec.frame_sums(symbols, log_p).tolist() == [-6, -4, -11]
    assert codec.frame_sums(np.append(symbols, codec.symbols), np.append(log_p, -9)).tolist() == [-6, -4, -11]
    assert codec.frame_sums(np.array([], np.int64), np.array([])).tolist() == []


def test_transposition_keeps_every_note():
    rng = np.random.default_rng(0)
    for _ in range(20):
        roll = np.zeros((5, 20), np.uint8)
        roll[:, 6:14] = rng.random((5, 8)) < 0.3
        low, high = transposition_range(roll, 12)
        for shift in range(low, high + 1):
            frames, columns = np.nonzero(transposed(roll, shift))
            np.testing.assert_array_equal(frames, np.nonzero(roll)[0])
            np.testing.assert_array_equal(columns, np.nonzero(roll)[1] + shift)
        if roll.any():
            assert transposed(roll, low)[:, 0].any() or low == -12
            assert transposed(roll, high)[:, -1].any() or high == 12
