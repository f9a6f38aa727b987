"""Forecasts as tables and charts."""

from __future__ import annotations

import polars as pl
import pytest

from unrolled.cli.forecast_result import interval_name, table_lines


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([450.25, 482.0, -7.0], ["450.2", "482.0", " -7.0"]),
        ([12345.6, 1.0, 0.0], ["12,346", "     1", "     0"]),
        ([2e-7, 1e-9, 0.0], ["2.000e-07", "1.000e-09", "0.000e+00"]),
        ([3e20, 1.0, 0.0], ["3.000e+20", "1.000e+00", "0.000e+00"]),
        ([1, 20, 300], ["  1", " 20", "300"]),
    ],
)
def test_numbers_of_a_column_line_up(values: list[float], expected: list[str]) -> None:
    lines = table_lines(pl.DataFrame({"t": ["a", "b", "c"], "x": values}), 24)
    assert [line[3:] for line in lines[1:]] == expected


def test_rows_beyond_the_screen_are_counted() -> None:
    lines = table_lines(pl.DataFrame({"x": list(range(30))}), 24)
    assert (len(lines), lines[-1]) == (26, "... and 6 more rows; -o FILE writes all of them")


def test_interval_name() -> None:
    assert interval_name((0.9, 0.5, 0.025)) == "2.5 % to 90 %"
    assert interval_name((0.5,)) == ""
