"""Quantiles of Student's t beside scipy's, which inverts an incomplete beta function."""

import numpy as np
import pytest
from scipy import stats

from unrolled.codecs.student_t import student_t_quantile

NU = np.r_[2.0, 2.0001, 2.5, 3.0, 4.0, 5.7, 10.0, 30.0, 100.0, 1e3, 1e6, 1e12]


@pytest.mark.parametrize("p", [1e-4, 0.001, 0.025, 0.1, 0.25, 0.4, 0.6, 0.75, 0.9, 0.95, 0.99, 0.999, 0.9999])
def test_quantiles_are_those_of_scipy(p):
    np.testing.assert_allclose(student_t_quantile(p, NU), stats.t.ppf(p, NU), rtol=1e-12 + 1e-13 / min(p, 1 - p))


def test_the_median_is_zero_and_the_limit_is_normal():
    np.testing.assert_allclose(student_t_quantile(0.5, NU), 0, atol=1e-15)
    np.testing.assert_allclose(student_t_quantile(0.9, np.array([np.inf])), stats.norm.ppf(0.9), rtol=1e-11)


def test_a_quantile_has_the_same_bits_alone_and_beside_others():
    nu = np.random.default_rng(0).uniform(2, 50, (7, 5))
    together = student_t_quantile(0.9, nu)
    assert all(student_t_quantile(0.9, nu[i, j : j + 1])[0] == together[i, j] for i in range(7) for j in range(5))
