"""A digest shows what has changed in numbers, whatever it is."""

from __future__ import annotations

import numpy as np
import pytest

from unrolled.kernels import _native
from unrolled.kernels.packed import address


def digest(array):
    return _native.digest(address(array), array.nbytes)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("size", [1, 3, 16, 127, 128, 129, 1000])
def test_every_bit_of_every_number_counts(size, dtype):
    array = np.random.default_rng(0).normal(size=size).astype(dtype)
    seen, first = {digest(array)}, digest(array.copy())
    assert seen == {first}
    bits = array.view(f"u{array.itemsize}")
    for n in range(size):
        for bit in range(0, 8 * array.itemsize, 1 if size < 10 else 13):
            bits[n] ^= bits.dtype.type(1 << bit)
            seen.add(digest(array))
            bits[n] ^= bits.dtype.type(1 << bit)
    assert len(seen) == 1 + size * len(range(0, 8 * array.itemsize, 1 if size < 10 else 13))
    assert digest(array) == first


def test_what_is_done_to_weights_counts():
    rng = np.random.default_rng(1)
    for W in (rng.normal(size=(192, 64)).astype(np.float32), np.ones((192, 64), np.float32), np.zeros((192, 64))):
        changes = [
            -W, 2 * W, W / 2, W + 1, W * np.float32(1 + 2**-23), W[::-1], W[:, ::-1], np.roll(W, 1, 0), np.roll(W, 1, 1),
            np.roll(W, 128), np.where(np.arange(64) == 5, -W, W), np.where(np.arange(192)[:, None] == 7, 0, W),
            np.where(np.arange(W.size).reshape(W.shape) % 128 == 0, -W, W), abs(W), np.clip(W, -1, 1), np.tril(W),
            W.T.reshape(W.shape), np.full_like(W, 3), W - W,
        ]  # fmt: skip
        arrays = [np.ascontiguousarray(change, W.dtype) for change in (W, *changes)]
        different = {array.tobytes() for array in arrays}
        assert len({digest(array) for array in arrays}) == len(different) > 4


def test_nothing_beyond_the_numbers_counts():
    room = np.arange(2000, dtype=np.float32)
    for first, size in ((0, 1), (1, 130), (3, 7), (128, 128)):
        part, before = room[first : first + size], digest(room[first : first + size].copy())
        kept = part.copy()
        room += 1
        part[:] = kept
        assert digest(part) == before
    assert digest(room[:0]) == digest(np.zeros(0))
