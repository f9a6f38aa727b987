"""The baselines of benchmarks/accuracy/chorales.py are distributions of frames, and its means are those of the literature."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

ACCURACY = Path(__file__).parents[1] / "benchmarks" / "accuracy"
P = 4


@pytest.fixture(scope="module")
def baselines(scripts_of):
    with scripts_of(ACCURACY) as load:
        yield load("chorale_baselines")


def rolls(count=12):
    rng = np.random.default_rng(0)
    return [(rng.random((rng.integers(3, 7), P)) < 0.4).astype(np.uint8) for _ in range(count)]


@pytest.mark.parametrize(("name", "order"), [("note_frequencies", ()), ("repeat_the_last", ()), ("ngrams", (5,))])
def test_the_frames_that_could_follow_have_a_probability_of_one(baselines, name, order):
    learned, total = rolls(), 0.0
    begun = learned[0][:2]
    for frame in itertools.product((0, 1), repeat=P):
        (told,) = getattr(baselines, name)(learned, [np.concatenate([begun, [frame]]).astype(np.uint8)], *order)
        assert told.shape == (3,)
        total += np.exp(told[-1])
    assert total == pytest.approx(1)


def test_repeating_by_counting(baselines):
    roll = np.array([[1, 0], [1, 0], [0, 0], [1, 1]])
    (told,) = baselines.repeat_the_last([roll], [roll[:2]])
    # after silence the first note sounds in 2 of 2 frames, the second in 1 of 4; after itself the first in 1 of 2
    expected = [np.log(3 / 4) + np.log(4 / 6), np.log(2 / 4) + np.log(4 / 6)]
    np.testing.assert_allclose(told, expected)


def test_means_of_frames_and_of_pieces(scripts_of):
    pytest.importorskip("torch")
    with scripts_of(ACCURACY) as load:
        nats_a_frame = load("chorales").nats_a_frame
    told = [np.array([-9.0, -1.0, -2.0]), np.array([-5.0])]
    assert nats_a_frame([told[0], np.array([-5.0, -3.0])]) == pytest.approx((20 / 5, 6 / 3, (4 + 4) / 2))
