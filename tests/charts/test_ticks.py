"""Where axes are labelled."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unrolled.charts.ticks import log_ticks, number_label, number_ticks, time_ticks


@given(
    low=st.floats(-1e9, 1e9, allow_nan=False), span=st.floats(1e-6, 1e9), most=st.integers(2, 20)
)  # fmt: skip
def test_number_ticks_are_few_round_and_inside(low: float, span: float, most: int) -> None:
    high = low + span
    ticks = number_ticks(low, high, most)
    assert 0 <= len(ticks) <= most
    slack = 1e-6 * max(span, abs(high) * 1e-6)
    assert all(low - slack <= tick <= high + slack for tick in ticks)
    if len(ticks) > 2:
        steps = np.diff(ticks)
        np.testing.assert_allclose(steps, steps[0], rtol=1e-3)


@pytest.mark.parametrize(
    ("low", "high", "most", "expected"),
    [
        (0, 1, 6, [0, 0.2, 0.4, 0.6, 0.8, 1]),
        (-3, 3, 4, [-2, 0, 2]),
        (0.013, 0.047, 4, [0.02, 0.03, 0.04]),
        (5, 5, 3, [5]),
        (0, 0, 3, [0]),
    ],
)
def test_number_ticks(low: float, high: float, most: int, expected: list[float]) -> None:
    assert number_ticks(low, high, most) == expected


@pytest.mark.parametrize("unit", [1e-13, 1e-300, 1e250])
def test_number_ticks_in_any_unit(unit: float) -> None:
    assert np.allclose(np.array(number_ticks(104 * unit, 622 * unit, 6)) / unit, [200, 300, 400, 500, 600])
    assert number_ticks(0.0, 0.0, 5) == [0.0]


def test_labels_are_short() -> None:
    assert [number_label(x) for x in (0.0, -5.0, 1000.0, 1234567.0, 0.001, 12345678.0)] == [
        "0", "-5", "1,000", "1,234,567", "0.001", "1.23457e+07",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("start", "end", "unit", "most", "expected"),
    [
        ("1949-01", "1961-01", "M", 6, [(12, "1950"), (36, "1952")]),
        ("1949-01", "1961-01", "M", 12, [(0, "1949"), (12, "1950")]),
        ("2019-11", "2020-05", "M", 7, [(0, "2019-11"), (1, "2019-12")]),
        ("2020-01-28", "2020-02-03", "D", 10, [(0, "2020-01-28"), (1, "2020-01-29")]),
        ("2020-01-01", "2020-03-01", "D", 9, [(5, "2020-01-06"), (12, "2020-01-13")]),
        ("2020-01-01T20", "2020-01-02T06", "h", 4, [(1, "21:00"), (4, "00:00")]),
        ("2020-01-01T20:00", "2020-01-01T20:30", "m", 4, [(0, "20:00"), (10, "20:10")]),
        ("1700", "2000", "Y", 5, [(0, "1700"), (100, "1800")]),
    ],
)
def test_time_ticks(start: str, end: str, unit: str, most: int, expected: list[tuple[int, str]]) -> None:
    times = np.arange(start, end, dtype=f"datetime64[{unit}]")
    ticks = time_ticks(times, most)
    assert len(ticks) <= most
    assert ticks[:2] == expected


def test_integer_times_are_labelled_at_round_numbers() -> None:
    assert time_ticks(np.arange(95, 133), 4) == [(5, "100"), (15, "110"), (25, "120"), (35, "130")]
    assert time_ticks(np.arange(3), 8) == [(0, "0"), (1, "1"), (2, "2")]


@given(low=st.floats(-11, 4), span=st.floats(0.01, 12), most=st.integers(4, 9))
def test_logarithmic_axes_have_round_numbers(low: float, span: float, most: int) -> None:
    ticks = log_ticks(low, low + span, most)
    assert 1 <= len(ticks) <= most or span < 0.1
    for log, label in ticks:
        assert low - 1e-6 <= log <= low + span + 1e-6
        assert float(label.replace(",", "")) == pytest.approx(10.0**log, rel=1e-3 if span > 0.3 else 0.2)
    if span > 1:
        assert all(label.replace(",", "").strip("0.") in {"1", "2", "3", "5"} or "e" in label for _, label in ticks)


def test_logarithmic_axes() -> None:
    assert [label for _, label in log_ticks(-0.6, 0.6, 7)] == ["0.5", "1", "2"]
    assert [label for _, label in log_ticks(-2.1, 0, 7)] == ["0.01", "0.02", "0.05", "0.1", "0.2", "0.5", "1"]
    assert [label for _, label in log_ticks(-9.1, 3.1, 7)] == ["1e-08", "1e-06", "0.0001", "0.01", "1", "100"]
    assert [label for _, label in log_ticks(-0.05, 0.05, 7)] == ["0.9", "0.95", "1", "1.05", "1.1"]
