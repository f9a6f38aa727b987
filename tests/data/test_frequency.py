"""Frequencies: pandas' date ranges are the independent numbers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unrolled.data.frequency import Frequency, stamp
from unrolled.errors import InputError

KNOWN = [
    ("MS", Frequency("M", 1, 1), 12),
    ("ME", Frequency("M", 1, 31), 12),
    ("2MS", Frequency("M", 2, 1), 6),
    ("QS", Frequency("Q", 1, 1), 4),
    ("QE", Frequency("Q", 1, 31), 4),
    ("YS", Frequency("Y", 1, 1), 1),
    ("YE", Frequency("Y", 1, 31), 1),
    ("2YE", Frequency("Y", 2, 31), 1),
    ("W-SUN", Frequency("W", 1), 52),
    ("4W", Frequency("W", 4), 1),
    ("D", Frequency("D", 1), 7),
    ("3D", Frequency("D", 3), 1),
    ("B", Frequency("B", 1), 5),
    ("h", Frequency("h", 1), 24),
    ("6h", Frequency("h", 6), 4),
    ("5h", Frequency("h", 5), 1),
    ("30min", Frequency("min", 30), 48),
    ("15min", Frequency("min", 15), 96),
    ("min", Frequency("min", 1), 1),
    ("10s", Frequency("s", 10), 1),
    ("20ms", Frequency("ms", 20), 1),
    ("250us", Frequency("us", 250), 1),
]


def dates(rule: str, n: int, start: str = "2019-11-30 06:00") -> np.ndarray:
    return pd.date_range(start, periods=n, freq=rule).to_numpy().astype("datetime64[us]")


@pytest.mark.parametrize(("rule", "expected", "season"), KNOWN)
@pytest.mark.parametrize("n", [10, 60])
def test_infer_after_and_season_agree_with_pandas(rule: str, expected: Frequency, season: int, n: int) -> None:
    all_times = dates(rule, n + 40)
    found = Frequency.infer(all_times[:n], "time")
    assert found == expected
    assert found.season == season
    np.testing.assert_array_equal(found.after(all_times[n - 1], 40), all_times[n:])
    np.testing.assert_array_equal(found.positions(all_times, "time"), np.arange(n + 40))


@given(
    rule=st.sampled_from([rule for rule, *_ in KNOWN]),
    start=st.dates(pd.Timestamp("1800-01-01").date(), pd.Timestamp("2200-01-01").date()),
    keep=st.lists(st.booleans(), min_size=30, max_size=30),
)
def test_positions_count_steps_whatever_rows_are_missing(rule: str, start: object, keep: list[bool]) -> None:
    times = dates(rule, 30, str(start))
    frequency = Frequency.infer(times, "time")
    kept = np.flatnonzero([True, *keep[1:]])
    np.testing.assert_array_equal(frequency.positions(times[kept], "time"), kept)


@pytest.mark.parametrize("day", range(1, 32))
def test_any_day_of_the_month_is_clipped_where_months_are_shorter(day: int) -> None:
    times = np.array(
        [pd.Timestamp(2020, month, min(day, pd.Timestamp(2020, month, 1).days_in_month)) for month in range(1, 13)],
        dtype="datetime64[us]",
    )
    frequency = Frequency.infer(times, "time")
    assert frequency == Frequency("M", 1, day)
    assert stamp(frequency.after(times[-1], 2)[1]) == f"2021-02-{min(day, 28):02}"


def test_two_rows_are_enough() -> None:
    def infer(*stamps: str) -> Frequency:
        return Frequency.infer(np.array(stamps, dtype="datetime64[us]"), "time")

    assert infer("2020-01-01", "2020-02-01") == Frequency("M", 1, 1)
    assert infer("2021-01-01", "2022-01-01") == Frequency("Y", 1, 1)
    assert infer("2020-01-31", "2020-02-29") == Frequency("M", 1, 31)
    assert infer("2020-01-01", "2020-01-08") == Frequency("W")
    assert infer("2020-01-03", "2020-01-06") == Frequency("D", 3)


def test_monday_to_friday_alone_is_daily() -> None:
    assert Frequency.infer(dates("D", 5, "2024-01-01"), "time") == Frequency("D")


def test_integers() -> None:
    years = np.arange(1950, 1980, 5)
    frequency = Frequency.infer(years, "year")
    assert (frequency, frequency.season, str(frequency)) == (Frequency("step", 5), 1, "one row every 5 steps")
    assert frequency.after(years[-1], 2).tolist() == [1980, 1985]


def test_words() -> None:
    assert str(Frequency("M", 1, 1)) == "one row a month"
    assert str(Frequency("h")) == "one row an hour"
    assert str(Frequency("min", 15)) == "one row every 15 minutes"


def test_fault_07_duplicates_are_listed() -> None:
    times = np.array(["2020-01-01", "2020-01-02", "2020-01-02", "2020-01-03"], dtype="datetime64[us]")
    with pytest.raises(InputError) as caught:
        Frequency.infer(times, "column 'day'", where=lambda row: f"line {row + 2}")
    assert str(caught.value) == (
        "column 'day': duplicate time stamps: 2020-01-02 (line 3 and line 4); expected one row for each time; keep one"
        " row, or name the column that tells the series apart with series="
    )


def test_fault_08_gaps_are_listed() -> None:
    times = np.delete(dates("h", 30, "2020-01-01"), [3, 7, 8, 9, 20])
    with pytest.raises(InputError) as caught:
        Frequency.infer(times, "column 'hour'")
    assert str(caught.value) == (
        "column 'hour': 5 time steps have no row, expected one row an hour: 2020-01-01T03:00, 2020-01-01T07:00,"
        " 2020-01-01T08:00 and 2 more; add the rows, or choose how to fill them with missing='interpolate', 'previous'"
        " or 'zero'"
    )
    with pytest.raises(InputError, match="1 time step has no row, expected one row a step: 3; add"):
        Frequency.infer(np.array([1, 2, 4, 5]), "column 't'")


@pytest.mark.parametrize(
    ("times", "found"),
    [
        (["2020-01-01", "2020-01-02", "2020-01-03", "2020-01-03T12:00"], "2020-01-03T12:00"),
        (["2020-01-01", "2020-02-01", "2020-03-02", "2020-04-01"], "2020-02-01"),
        (["2020-01-01T00:00", "2020-01-01T01:00", "2020-01-01T02:00", "2020-01-01T03:10"], "2020-01-01T03:10"),
    ],
)
def test_irregular_steps_name_the_stamp(times: list[str], found: str) -> None:
    with pytest.raises(InputError, match=f"not regular: {found} .line 9. is off the grid of one row"):
        Frequency.infer(np.array(times, dtype="datetime64[us]"), "column 'time'", where=lambda _: "line 9")


def test_known_frequency_on_other_data() -> None:
    monthly, weekdays = Frequency("M", 1, 1), Frequency("B")
    assert monthly.positions(np.array(["2020-05-01"], dtype="datetime64[us]"), "t").tolist() == [0]
    with pytest.raises(InputError, match="2020-05-02 is off the grid of one row a month"):
        monthly.positions(np.array(["2020-05-02"], dtype="datetime64[us]"), "t")
    with pytest.raises(InputError, match="2024-01-06 is off the grid of one row a weekday that starts at 2024-01-05"):
        weekdays.positions(dates("D", 2, "2024-01-05"), "t")


def test_one_row_has_no_frequency() -> None:
    with pytest.raises(InputError, match="column 't': 1 row, need at least 2 to see how far apart they are"):
        Frequency.infer(np.array([1]), "column 't'")


def test_stamps_are_short() -> None:
    assert stamp(np.datetime64("2020-01-01", "us")) == "2020-01-01"
    assert stamp(np.datetime64("2020-01-01T10:00", "us")) == "2020-01-01T10:00"
    assert stamp(np.datetime64("2020-01-01T10:00:05.25", "us")) == "2020-01-01T10:00:05.250000"
    assert stamp(np.int64(7)) == "7"


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("BME", Frequency("M", 1, 31, working=True)),
        ("BMS", Frequency("M", 1, 1, working=True)),
        ("BQE", Frequency("Q", 1, 31, working=True)),
        ("2BME", Frequency("M", 2, 31, working=True)),
        ("BYE", Frequency("Y", 1, 31, working=True)),
    ],
)
def test_working_days_at_the_ends_of_months_agree_with_pandas(rule: str, expected: Frequency) -> None:
    all_times = dates(rule, 80)
    found = Frequency.infer(all_times[:40], "time")
    assert found == expected
    np.testing.assert_array_equal(found.after(all_times[39], 40), all_times[40:])
    np.testing.assert_array_equal(found.positions(all_times, "time"), np.arange(80))
    with pytest.raises(InputError, match="is off the grid of one row "):
        found.positions(np.append(all_times[:3], all_times[3] + np.timedelta64(1, "D")), "time")


def test_dates_end_with_the_year_9999() -> None:
    assert stamp(Frequency("Y", 1, 1).after(np.datetime64("9990-01-01"), 8)[-1]) == "9998-01-01"
    for frequency, n in (
        (Frequency("Y", 1, 1), 10**4),
        (Frequency("D"), 10**12),
        (Frequency("B"), 10**7),
        (Frequency("W"), 10**6),
    ):
        with pytest.raises(
            InputError, match=rf"{n:,} steps, one row a \w+, after 2020-01-01 lead beyond the year 9999"
        ):
            frequency.after(np.datetime64("2020-01-01"), n)
