"""Charts of characters, as they are read."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unrolled.charts.figures import Interval
from unrolled.charts.terminal import ASCII, UNICODE, draw_forecast, glyphs_for
from unrolled.data.airline import MONTHS, PASSENGERS

SERIES = np.array(PASSENGERS, dtype=np.float64)
TIMES = np.array(MONTHS, dtype="datetime64[M]")


def around(median: np.ndarray, share: float) -> Interval:
    return Interval(median - share * abs(median), median, median + share * abs(median))


def test_what_a_small_chart_looks_like() -> None:
    lines = draw_forecast(
        np.array([1.0, 1, 2, 4, 3, 3]),
        Interval(np.array([2.0, 1]), np.array([3.0, 2]), np.array([4.0, 4])),
        np.array([3.0, 1]),
        np.arange(2001, 2009),
        width=11,
        height=4,
    )
    assert lines == [
        "4 ┤   ╭╮ ░░",
        "  │   │╰─●╮",
        "2 ┤  ╭╯  ░●",
        "  │──╯    ╰",
        "  └────────",
        "       2005",
    ]


def test_truth_continues_the_history_and_the_forecast_covers_it() -> None:
    lines = draw_forecast(SERIES[:-12], around(SERIES[-12:], 0.02), SERIES[-12:], TIMES, width=80)
    with_dots = [line for line in lines if "●" in line]
    assert sum(line.count("●") for line in lines) == 12
    assert "1959" in lines[-1]
    assert "1960" in lines[-1]
    assert with_dots


@given(
    history=st.integers(1, 300),
    horizon=st.integers(1, 150),
    width=st.integers(30, 130),
    height=st.integers(3, 30),
    scale=st.sampled_from([0.0, 1e-7, 1.0, 123456.0]),
    ascii_only=st.booleans(),
    known=st.booleans(),
)
def test_never_wider_than_told(
    history: int, horizon: int, width: int, height: int, scale: float, ascii_only: bool, known: bool
) -> None:
    values = np.sin(np.arange(history + horizon)) * scale
    lines = draw_forecast(
        values[:history],
        around(values[history:], 0.1),
        values[history:] if known else None,
        width=width,
        height=height,
        glyphs=ASCII if ascii_only else UNICODE,
    )
    assert max(map(len, lines)) <= width
    assert len(lines) == height + 2
    if ascii_only:
        assert "\n".join(lines).isascii()
    assert sum(line.count("o" if ascii_only else "●") for line in lines) >= 1


def test_long_forecasts_are_thinned_out() -> None:
    lines = draw_forecast(np.arange(500.0), around(np.arange(500.0, 700.0), 0.0), width=60, height=10)
    dots = sum(line.count("●") for line in lines)
    assert 30 <= dots <= 40


@pytest.mark.parametrize(
    ("encoding", "expected"),
    [("utf-8", UNICODE), ("UTF-16", UNICODE), ("latin-1", ASCII), (None, ASCII), ("no such", ASCII)],
)  # fmt: skip
def test_glyphs_follow_the_encoding(encoding: str | None, expected: object) -> None:
    assert glyphs_for(encoding) is expected
