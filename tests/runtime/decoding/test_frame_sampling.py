"""Frames of independent notes: frequencies against the exact chances by chi-square, temperature, rows by themselves, means."""

import math

import numpy as np
import pytest

from unrolled.errors import InputError
from unrolled.runtime.decoding.frame_sampling import NoteSampling, mean_odds
from unrolled.runtime.decoding.sampling import streams


def chance(s):
    return 1 / (1 + math.exp(-s))


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_frequencies_pass_a_chi_square_test(temperature):
    """Of the 2^P frames and the end; p = 0.999."""
    odds, count = np.array([1.0, -0.7, 0.2, -2.0]), 20_000
    (generator,) = streams(5, 1)
    drawn = NoteSampling(temperature=temperature)(np.tile(odds, (count, 1)), [generator] * count)
    on = [chance(s / temperature) for s in odds[:-1]]
    end = chance(odds[-1])  # at any temperature
    assert abs(drawn.ended.mean() - end) < 4 * math.sqrt(end * (1 - end) / count)
    number = (drawn.frames @ [1, 2, 4]).astype(int)
    expected = [
        count * math.prod(p if n >> i & 1 else 1 - p for i, p in enumerate(on)) for n in range(8)
    ]  # fmt: skip
    statistic = ((np.bincount(number, minlength=8) - expected) ** 2 / expected).sum()
    assert statistic < 24.32  # 7 degrees of freedom
    assert abs(np.corrcoef(drawn.ended, drawn.frames[:, 0])[0, 1]) < 4 / math.sqrt(count)


def test_a_row_does_not_depend_on_the_others():
    odds = np.random.default_rng(0).normal(size=(4, 6)).astype(np.float32)
    together = NoteSampling()(odds, streams(3, 4))
    for row in range(4):
        alone = NoteSampling()(odds[row : row + 1], streams(3, 4)[row : row + 1])
        np.testing.assert_array_equal(alone.frames[0], together.frames[row])
        assert alone.ended[0] == together.ended[row]
    assert NoteSampling()(odds[:0], []).frames.shape == (0, 5)


def test_extreme_odds_and_temperatures():
    odds = np.array([[800.0, -800.0, 0.1, -0.1, -800.0]])
    for temperature in (1e-300, 1e-3):
        assert NoteSampling(temperature=temperature)(odds, streams(0, 1)).frames.tolist() == [[1, 0, 1, 0]]
    with pytest.raises(InputError, match="2 generators for 1 rows"):
        NoteSampling()(odds, streams(0, 2))
    for temperature in (0, -1, math.nan, math.inf):
        with pytest.raises(InputError, match=r"temperature is .*, expected a number above 0"):
            NoteSampling(temperature=temperature)


def test_the_mean_of_networks_is_that_of_their_chances():
    odds = np.random.default_rng(0).normal(scale=3, size=(5, 7, 3))
    means = mean_odds(list(odds))
    for place in np.ndindex(7, 3):
        p = sum(map(chance, odds[(slice(None), *place)])) / 5
        assert means[place] == pytest.approx(math.log(p / (1 - p)), rel=1e-12)
    np.testing.assert_allclose(mean_odds([odds[0]]), odds[0], rtol=1e-13)
    np.testing.assert_allclose(mean_odds([np.array([-900.0]), np.array([-900.0 + math.log(3)])]), [-900 + math.log(2)])
    alone = np.stack([mean_odds(list(odds[:, row])) for row in range(7)])
    assert alone.tobytes() == means.tobytes()
