"""Draws from a mixture beside its moments, at any temperature; rows that do not depend on their neighbours."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from unrolled.errors import InputError
from unrolled.networks.mixture_head import Mixture
from unrolled.runtime.decoding.mixture_sampling import MixtureSampling

N, K, D = 6000, 3, 3
WEIGHTS = np.array([0.5, 0.3, 0.2])


def triangle(log_diagonal, below):
    L = np.diag(np.exp(log_diagonal))
    if len(below):
        L[np.tril_indices(D, -1)] = below
    return L


def mixture(rows, *, pen=True, diagonal=False, end=-1.0):
    rng = np.random.default_rng(1)
    each = {
        "end": np.array(end),
        "pen": np.full(int(pen), 0.5),
        "weights": np.log(WEIGHTS) + 3.0,
        "means": rng.normal(scale=2, size=(K, D)),
        "log_diagonals": rng.normal(scale=0.5, size=(K, D)),
        "below": rng.normal(size=(K, 0 if diagonal else D * (D - 1) // 2)),
    }
    return Mixture(**{name: np.repeat(array[None], rows, 0) for name, array in each.items()})


def streams(rows, seed=0):
    return [np.random.default_rng([seed, row]) for row in range(rows)]


@pytest.mark.parametrize("diagonal", [False, True])
@pytest.mark.parametrize("temperature", [1.0, 0.4, 2.0])
def test_moments_are_those_of_the_tempered_mixture(temperature, diagonal):
    found = mixture(N, diagonal=diagonal)
    drawn = MixtureSampling(temperature=temperature)(found, streams(N)).values[:, :D]
    weights = WEIGHTS ** (1 / temperature)
    weights /= weights.sum()
    triangles = [triangle(found.log_diagonals[0, k], found.below[0, k]) for k in range(K)]
    covariances = [temperature * np.linalg.inv(L.T @ L) for L in triangles]
    mean = weights @ found.means[0]
    second = sum(w * (c + np.outer(m, m)) for w, c, m in zip(weights, covariances, found.means[0], strict=True))
    covariance = second - np.outer(mean, mean)
    deviation = np.sqrt(np.diag(covariance))
    np.testing.assert_array_less(abs(drawn.mean(0) - mean), 5 * deviation / np.sqrt(N))
    error = abs(np.cov(drawn.T) - covariance) / np.outer(deviation, deviation)
    assert error.max() < 0.12


def test_each_component_is_drawn_as_often_as_its_weight_and_is_gaussian():
    found = mixture(N)
    apart = found._replace(means=np.repeat(np.array([[[-100.0] * D, [0.0] * D, [100.0] * D]]), N, 0))
    drawn = MixtureSampling()(apart, streams(N)).values[:, :D]
    component = np.digitize(drawn.mean(1), [-50, 50])
    assert stats.chisquare(np.bincount(component), WEIGHTS * N).pvalue > 1e-3
    for k, middle in enumerate((-100, 0, 100)):
        L = triangle(found.log_diagonals[0, k], found.below[0, k])
        z = (drawn[component == k] - middle) @ L.T
        for own in z.T:
            assert stats.kstest(own, "norm").pvalue > 1e-3


@pytest.mark.parametrize("temperature", [1.0, 0.4])
def test_the_end_is_drawn_from_the_networks_own_odds_and_the_pen_from_tempered_ones(temperature):
    drawn = MixtureSampling(temperature=temperature)(mixture(N), streams(N))
    for share, log_odds in ((drawn.ended.mean(), -1.0), (drawn.values[:, -1].mean(), 0.5 / temperature)):
        p = 1 / (1 + np.exp(-log_odds))
        assert abs(share - p) < 5 * np.sqrt(p * (1 - p) / N)
    assert set(np.unique(drawn.values[:, -1])) == {0.0, 1.0}


def test_without_a_pen_there_is_no_column_for_it():
    assert MixtureSampling()(mixture(2, pen=False), streams(2)).values.shape == (2, D)


@pytest.mark.parametrize("diagonal", [False, True])
def test_a_row_does_not_depend_on_the_others(diagonal):
    rng = np.random.default_rng(5)
    found = Mixture(*(each + rng.normal(size=each.shape) for each in mixture(9, diagonal=diagonal)))
    together = MixtureSampling(temperature=0.7)(found, streams(9))
    for n in range(9):
        alone = MixtureSampling(temperature=0.7)(Mixture(*(each[n : n + 1] for each in found)), streams(9)[n : n + 1])
        np.testing.assert_array_equal(alone.values[0], together.values[n])


@pytest.mark.parametrize("temperature", [0, -1.0, float("nan"), "1", None])
def test_a_temperature_that_is_none(temperature):
    with pytest.raises(InputError, match=r"temperature is .* a number above 0"):
        MixtureSampling(temperature=temperature)


def test_temperatures_at_the_edges_of_numbers():
    with pytest.raises(InputError, match=r"temperature is 1e\+300, but numbers are drawn that are too large"):
        MixtureSampling(temperature=1e300)(mixture(2), streams(2))
    with np.errstate(all="raise", under="ignore"):
        drawn = MixtureSampling(temperature=1e-300)(mixture(2), streams(2))
    assert np.isfinite(drawn.values).all()


def test_as_many_generators_as_rows():
    with pytest.raises(InputError, match="1 generators for 2 rows"):
        MixtureSampling()(mixture(2), streams(1))
