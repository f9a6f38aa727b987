"""Episodes of alarms, and thresholds that are passed as rarely as was asked."""

import numpy as np
import pytest

from unrolled.codecs.episodes import episodes, peaks
from unrolled.codecs.tail import calibrate, fit_tail, return_level


@pytest.mark.parametrize("merge", [1, 2, 5, 40])
def test_episodes_are_what_a_walk_over_the_steps_finds(merge):
    rng = np.random.default_rng(merge)
    alarm = rng.random(300) < 0.15
    found: list[list[int]] = []
    for t in np.flatnonzero(alarm):
        if found and t - found[-1][1] <= merge:
            found[-1][1] = int(t)
        else:
            found.append([int(t), int(t)])
    assert episodes(alarm, merge).tolist() == found
    assert episodes(alarm[:0], merge).shape == (0, 2)


def test_peaks_pass_over_steps_without_a_score():
    score = np.array([np.nan, 1.0, 7.0, np.nan, 3.0, 2.0])
    assert peaks(score, np.array([[1, 2], [3, 5]])).tolist() == [2, 4]


def test_the_tail_of_few_peaks_is_the_predictive_distribution_of_exponential_ones():
    """What comes next exceeds the level for the probability p, found from k others, with the probability p."""
    rng = np.random.default_rng(0)
    for k in (3, 5):
        passed = []
        for _ in range(20_000):
            *seen, coming = rng.exponential(7.0, size=k + 1)
            shape, scale = 1 / k, np.mean(seen)
            passed.append(coming > return_level(0.0, shape, scale, 20.0))
        assert np.mean(passed) == pytest.approx(1 / 20, abs=0.006)
        assert fit_tail(np.array(seen), 100_000)[:2] == pytest.approx((shape, scale))


def test_peaks_tell_as_much_as_one_in_250_steps():
    excess = np.random.default_rng(0).exponential(size=400)
    for steps, counted in ((50, 2.5), (600, 2.5), (1000, 4), (10_000, 40), (1_000_000, 400)):
        assert fit_tail(excess, steps) == (1 / counted, pytest.approx(excess.mean()), 0)
    assert fit_tail(excess[:2], 50)[0] == 1 / 2


def test_more_steps_bring_the_threshold_nearer_to_the_level_that_is_right():
    far = []
    for n in (500, 2000, 8000):
        made = [calibrate(np.random.default_rng(seed).exponential(size=n), 100_000, 1) for seed in range(20)]
        far.append(np.mean([each.threshold for each in made]) / np.log(100_000))
    assert far[0] > far[1] > far[2]
    assert 1 < far[2] < 1.3


@pytest.mark.parametrize("odd", [1, 2, 3])
def test_peaks_that_the_others_make_incredible_are_left_out(odd):
    noise = -np.log1p(-(np.arange(13) + 0.5) / 13)  # as exponential as thirteen can be
    shape, scale, left_out = fit_tail(np.concatenate([noise, np.full(odd, 40.0)]), 600)
    assert (shape, scale, left_out) == (0.4, pytest.approx(noise.mean()), odd)
    assert fit_tail(np.concatenate([noise, np.full(12, 40.0)]), 600)[2] == 0  # half of them are no exception


def test_a_holiday_in_the_calibration_part_moves_the_threshold_little():
    rng = np.random.default_rng(0)
    score = scores("light", 600, rng)
    usual = calibrate(score, 10_000, 24)
    score[300:324] += 20
    found = calibrate(score, 10_000, 24)
    assert (usual.left_out, found.left_out) == (0, 1)
    assert found.threshold == pytest.approx(usual.threshold, rel=0.15)
    assert found.episodes == 1


def test_a_threshold_is_carried_a_bounded_way_beyond_its_data():
    """No shape is above 0.4, so the excess for one in 10,000 steps is bounded by the mean excess."""
    for seed in range(20):
        score = scores("heavy", 600, np.random.default_rng(seed))
        found = calibrate(score, 10_000, 24)
        assert found.scale is not None
        assert found.level is not None
        ratio = 10_000 * found.peaks / 600
        assert found.threshold - found.level <= 2.5 * found.scale * ratio**0.4


def test_the_level_beyond_is_the_quantile_of_the_distribution():
    stats = pytest.importorskip("scipy.stats", reason="compares with SciPy, which is not installed")
    for shape in (-0.3, 0.0, 0.25):
        assert return_level(3.0, shape, 2.0, 50.0) == pytest.approx(3 + stats.genpareto.isf(1 / 50, shape, scale=2.0))
    assert return_level(3.0, 0.1, 2.0, 0.5) == 3.0


def scores(kind, n, rng):
    """Means of six errors that follow each other."""
    error = rng.laplace(size=n + 5) if kind == "light" else rng.standard_t(3, size=n + 5)
    return np.convolve(abs(error), np.ones(6) / 6, "valid")


@pytest.mark.parametrize("kind", ["light", "heavy"])
@pytest.mark.parametrize(("n", "merge"), [(1000, 1), (1750, 48)])
def test_false_episodes_are_about_as_rare_as_was_asked(kind, n, merge):
    """The mean over many calibrations, each carried five to ten times beyond its data; light tails fall far below the rate."""
    rng = np.random.default_rng(0)
    unseen = scores(kind, 200_000, rng)
    made = [calibrate(scores(kind, n, rng), 10_000, merge) for _ in range(20)]
    assert {each.method for each in made} == {"tail"}
    rates = [len(episodes(unseen > each.threshold, merge)) / 20 for each in made]
    assert np.mean(rates) < 4
    assert np.quantile(rates, 0.75) < 5
    if kind == "light":  # and yet no threshold is out of sight
        assert max(each.threshold for each in made) < 4 * scores(kind, n, rng).max()
    else:
        assert np.mean(rates) > 0.05


def test_what_can_be_counted_is_counted():
    rng = np.random.default_rng(0)
    score = scores("light", 20_000, rng)
    found = calibrate(score, 500, 6)
    assert (found.method, found.steps, found.every, found.merge) == ("counted", 20_000, 500, 6)
    assert 39 <= found.episodes <= 40
    assert found.episodes == len(episodes(score > found.threshold, 6))
    unseen = scores("light", 200_000, rng)
    assert 250 < len(episodes(unseen > found.threshold, 6)) < 600


def test_scores_that_never_change_have_a_threshold():
    found = calibrate(np.full(100, 2.0), 10_000, 1)
    assert (found.threshold, found.episodes, found.peaks) == (2.0, 0, 0)
