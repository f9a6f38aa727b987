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


@pytest.mark.parametrize("shape", [-0.2, 0.0, 0.3])
def test_the_tail_of_many_peaks_is_that_of_scipy(shape):
    stats = pytest.importorskip("scipy.stats", reason="compares with SciPy, which is not installed")
    excess = stats.genpareto.rvs(shape, scale=2.0, size=2000, random_state=0)
    found = fit_tail(excess)
    expected_shape, _, expected_scale = stats.genpareto.fit(excess, floc=0)
    assert found == pytest.approx((expected_shape, expected_scale), abs=0.1)


def test_the_tail_of_few_peaks_maximises_likelihood_times_prior():
    """Against a search over a grid of shapes and scales that knows no derivative."""
    stats = pytest.importorskip("scipy.stats", reason="compares with SciPy, which is not installed")
    excess = np.random.default_rng(1).exponential(size=12)
    shape, scale = fit_tail(excess)

    def posterior(shape, scale):
        likelihood = stats.genpareto.logpdf(excess[:, None], shape, scale=scale).sum(0)
        return likelihood + stats.beta.logpdf(shape + 0.5, 9, 6)

    best = max(posterior(a, np.geomspace(0.1, 10, 300)).max() for a in np.arange(-0.49, 0.495, 0.02))
    assert posterior(shape, np.array([scale])) >= best - 1e-6
    assert abs(shape - 0.1) < 0.2


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
    """The mean over many calibrations, each carried five to ten times beyond its data; light tails fall below the rate."""
    rng = np.random.default_rng(0)
    unseen = scores(kind, 200_000, rng)
    made = [calibrate(scores(kind, n, rng), 10_000, merge) for _ in range(20)]
    assert {each.method for each in made} == {"tail"}
    rates = [len(episodes(unseen > each.threshold, merge)) / 20 for each in made]
    assert np.mean(rates) < 4
    assert np.mean(rates) > 0.05
    assert np.quantile(rates, 0.75) < 5


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
