"""The airline numbers against another copy, and against their yearly means."""

from __future__ import annotations

import numpy as np

from unrolled.data.airline import MONTHS, PASSENGERS


def test_yearly_means() -> None:
    by_year = np.array(PASSENGERS).reshape(12, 12).mean(axis=1)
    expected = [126.67, 139.67, 170.17, 197.00, 225.00, 238.92, 284.00, 328.25, 368.42, 381.00, 428.33, 476.17]
    np.testing.assert_allclose(by_year, expected, atol=0.005)


def test_monthly_means() -> None:
    """The columns of the usual table, year by month: two sums must agree before a digit may be wrong."""
    by_month = np.array(PASSENGERS).reshape(12, 12).mean(axis=0)
    expected = [241.75, 235.00, 270.17, 267.08, 271.83, 311.67, 351.33, 351.08, 302.42, 266.58, 232.83, 261.83]
    np.testing.assert_allclose(by_month, expected, atol=0.005)


def test_months() -> None:
    assert len(MONTHS) == len(PASSENGERS) == 144
    assert (MONTHS[0], MONTHS[11], MONTHS[12], MONTHS[-1]) == ("1949-01", "1949-12", "1950-01", "1960-12")
