"""Times as tables write them: German, American, quarters, weeks, names of months, digits alone; in doubt refused."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest

from unrolled.data.month_names import month_names
from unrolled.data.table import Column, TimeStyle
from unrolled.data.time_formats import find_formats, parse_format
from unrolled.data.time_numbers import number_style, read_numbers, write_numbers
from unrolled.data.timestamps import MixedZonesError, are_timestamps, parse_timestamps, write_timestamps
from unrolled.errors import InputError


@pytest.mark.parametrize(
    ("texts", "moment", "following"),
    [
        (["30.12.2014", "31.12.2014"], "2014-12-30", "01.01.2015"),
        (["1.2.2015", "2.2.2015"], "2015-02-01", "3.2.2015"),
        (["30.12.14", "31.12.14"], "2014-12-30", "01.01.15"),
        (["12/30/2014", "12/31/2014"], "2014-12-30", "01/01/2015"),
        (["1/30/24", "1/31/24"], "2024-01-30", "2/1/24"),
        (["30/12/2014", "31/12/2014"], "2014-12-30", "01/01/2015"),
        (["13-01-2024", "14-01-2024"], "2024-01-13", "15-01-2024"),
        (["2014.12.30", "2014.12.31"], "2014-12-30", "2015.01.01"),
        (["20141230", "20141231"], "2014-12-30", "20150101"),
        (["30 Dec 2014", "31 Dec 2014"], "2014-12-30", "01 Jan 2015"),
        (["30-Dec-14", "31-Dec-14"], "2014-12-30", "01-Jan-15"),
        (["December 30, 2014", "December 31, 2014"], "2014-12-30", "January 01, 2015"),
        (["30. Dez. 2014", "31. Dez. 2014"], "2014-12-30", "01. Jan. 2015"),
        (["30DEC2014", "31DEC2014"], "2014-12-30", "01JAN2015"),
        (["30.12.2014 00:00", "31.12.2014 00:00"], "2014-12-30", "01.01.2015 00:00"),
        (["12/30/2014 9:00:00 PM", "12/31/2014 9:00:00 PM"], "2014-12-30T21:00", "01/01/2015 9:00:00 PM"),
        (["12/30/2014, 12:00 AM", "12/31/2014, 12:00 AM"], "2014-12-30", "01/01/2015, 12:00 AM"),
        (["20141230T0600", "20141231T0600"], "2014-12-30T06:00", "20150101T0600"),
        (["30.12.2014 06:00 UTC", "31.12.2014 06:00 UTC"], "2014-12-30T06:00", "01.01.2015 06:00 UTC"),
        (["2014-12-30 06:00:00 +0100", "2014-12-31 06:00:00 +0100"], "2014-12-30T06:00", "2015-01-01 06:00:00 +0100"),
        (["2014-12-30 06:00 UTC", "2014-12-31 06:00 UTC"], "2014-12-30T06:00", "2015-01-01 06:00 UTC"),
    ],
)
def test_days_are_read_and_written_back_in_their_look(texts: list[str], moment: str, following: str) -> None:
    assert are_timestamps(texts)
    times, style = parse_timestamps(texts)
    assert times[0] == np.datetime64(moment, "us")
    assert write_timestamps(times, style) == texts
    assert write_timestamps(times[1:] + np.timedelta64(1, "D"), style) == [following]


@pytest.mark.parametrize(
    ("texts", "moments"),
    [
        (["2005Q1", "2005Q4"], ["2005-01", "2005-10"]),
        (["1980-Q2"], ["1980-04"]),
        (["Q3 1999"], ["1999-07"]),
        (["2. Quartal 2005"], ["2005-04"]),
        (["2020M01", "2020M12"], ["2020-01", "2020-12"]),
        (["202001", "202012"], ["2020-01", "2020-12"]),
        (["01/2020", "12/2020"], ["2020-01", "2020-12"]),
        (["Jan-20", "Dec-20"], ["2020-01", "2020-12"]),
        (["Jan 2020", "Sept 2020"], ["2020-01", "2020-09"]),
        (["2020 März", "2020 Mai"], ["2020-03", "2020-05"]),
        (["janv. 2020", "juil. 2020"], ["2020-01", "2020-07"]),
        (["Jan-49", "Dec-60"], ["1949-01", "1960-12"]),
        (["Nov-99", "Feb-00"], ["1999-11", "2000-02"]),
        (["2023-W01", "2023-W52"], ["2023-01-02", "2023-12-25"]),
        (["2021-W01-1", "2020-W53-7"], ["2021-01-04", "2021-01-03"]),
        (["KW 1/2023"], ["2023-01-02"]),
        (["1950", "1951"], ["1950", "1951"]),
        (["2020-032"], ["2020-02-01"]),
    ],
)
def test_months_quarters_and_weeks(texts: list[str], moments: list[str]) -> None:
    times, style = parse_timestamps(texts)
    assert times.tolist() == np.array(moments, "datetime64[us]").tolist()
    assert write_timestamps(times, style) == texts


@pytest.mark.parametrize(
    ("texts", "readings"),
    [
        (["01/02/2024", "01/03/2024"], "2024-02-01 or 2024-01-02"),
        (["12-01-2024", "12-02-2024"], "2024-01-12 or 2024-12-01"),
        (["1/2/24 10:00", "1/3/24 10:00"], "2024-02-01 or 2024-01-02"),
        (["24.01.01", "24.01.31"], "2001-01-24 or 2024-01-01"),
    ],
)
def test_in_doubt_about_the_order_of_day_and_month_the_user_says_it(texts: list[str], readings: str) -> None:
    with pytest.raises(ValueError, match=rf"it could be {readings}; say which with time_format='(\S+)") as caught:
        parse_timestamps(texts)
    format = str(caught.value.args[0]).split("'")[1]
    assert parse_timestamps(texts, format)[0][0] == np.datetime64(readings[:10]) + np.timedelta64(
        10 * ("10:00" in texts[0]), "h"
    )
    known = TimeStyle("text", format=format)
    assert parse_timestamps(texts, known=known)[1].format == format
    assert are_timestamps(texts)


def test_one_wrong_cell_does_not_turn_the_order_round() -> None:
    for wrong, reason in (
        ("31.02.20", "day is out of range"),
        ("01.13.20", "month must be in"),
        ("Total", "written as"),
    ):
        with pytest.raises(ValueError, match=reason) as caught:
            parse_timestamps([f"{day:02}.01.20" for day in range(1, 20)] + [wrong])
        assert caught.value.args[1] == 19


def test_a_number_beside_a_month_that_is_a_day() -> None:
    with pytest.raises(ValueError, match="its number could be a year or a day; say that it is a year with"):
        parse_timestamps(["Jan-01", "Jan-02", "Jan-03", "Feb-01"])
    assert parse_timestamps(["Jan-01", "Jan-02"], "%b-%y")[0][1] == np.datetime64("2002-01")


def test_given_formats() -> None:
    assert parse_timestamps(["5;2020;3"], "%d;%Y;%m")[0][0] == np.datetime64("2020-03-05")
    assert parse_timestamps(["20-3"], "%y-%q")[0][0] == np.datetime64("2020-07")
    assert parse_timestamps(["2020-01-02 03:04:05"], "%F %T")[0][0] == np.datetime64("2020-01-02T03:04:05")
    assert parse_timestamps(["Thursday 2 Jan 2020"], "%A %d %b %Y")[0][0] == np.datetime64("2020-01-02")
    with pytest.raises(ValueError, match="expected a time written as %d/%m/%Y") as caught:
        parse_timestamps(["01/02/2020", "2020-01-01"], "%d/%m/%Y")
    assert caught.value.args[1] == 1
    for bad, reason in (
        ("%Q/%Y", "%Q is not known"),
        ("%d.%m", "a year"),
        ("%Y %Y", "once"),
        ("%Y%", "% is not known"),
        ("%V %Y", "week"),
    ):
        with pytest.raises(InputError, match=reason):
            parse_format(bad)


def test_zones_and_clocks() -> None:
    with pytest.raises(MixedZonesError, match=r"its time zone is \+02:00, in the rows before it is \+01:00"):
        parse_timestamps(["25.10.2020 00:00+01:00", "26.10.2020 00:00+02:00"])
    for text in ("01.01.2020 24:00", "1/31/2020 13:00 PM", "01.01.2020 10:60"):
        with pytest.raises(ValueError, match="hour must be"):
            parse_timestamps([text], "%d.%m.%Y %H:%M" if "." in text else "%m/%d/%Y %I:%M %p")


def test_what_is_no_time() -> None:
    assert not any(
        are_timestamps([text]) for text in ("north", "12.5", "5/1", "v1.2.3", "10:30", "", "123456789", "May")
    )
    assert not are_timestamps([])
    assert find_formats([]) == []


def test_names_of_months() -> None:
    assert month_names(["Jän"]) == month_names(["Jan"])[:0] + month_names(["Jän"])
    assert month_names(["january"])[11] == "december"
    assert month_names(["Dez"])[2:5] == ("Mär", "Apr", "Mai")


@pytest.mark.parametrize(
    ("numbers", "format", "following"),
    [
        ([20240130, 20240131], "%Y%m%d", 20240201),
        ([202410, 202411, 202412], "%Y%m", 202501),
        ([2024013122, 2024013123], "%Y%m%d%H", 2024020100),
        ([202401312359, 202401312358], "%Y%m%d%H%M", 202401312359),
        ([31012024, 1022024], "%d%m%Y", 2022024),
    ],
)
def test_dates_in_digits(numbers: list[int], format: str, following: int) -> None:
    column = Column(np.array(numbers))
    style = number_style(column, named=True)
    assert style == TimeStyle("integer", format=format)
    assert style is not None
    times = read_numbers(column.values, style)
    assert write_numbers(times, style).tolist() == numbers
    step = {"%Y%m": np.timedelta64(31, "D"), "%Y%m%d%H": np.timedelta64(1, "h"), "%Y%m%d%H%M": np.timedelta64(1, "m")}
    assert write_numbers(times[-1:] + step.get(format, np.timedelta64(1, "D")), style).tolist() == [following]


@pytest.mark.parametrize(("unit", "scale"), [("s", 1), ("ms", 1000), ("us", 10**6), ("ns", 10**9)])
def test_what_has_passed_since_1970(unit: str, scale: int) -> None:
    moment = int(dt.datetime(2024, 1, 1, tzinfo=dt.timezone.utc).timestamp())
    column = Column(np.array([moment * scale, (moment + 3600) * scale]))
    style = number_style(column, named=True)
    assert style == TimeStyle("integer", unit, format="epoch")
    assert style is not None
    times = read_numbers(column.values, style)
    assert times[1] == np.datetime64("2024-01-01T01")
    assert write_numbers(times, style).tolist() == column.values.tolist()
    assert number_style(column, named=False) is None


@pytest.mark.parametrize(
    "numbers", [[1949, 1950], [1, 2, 3], [202401, 202413], [20240131, 20240132], [-20240101, 5], []]
)
def test_numbers_that_count(numbers: list[int]) -> None:
    assert number_style(Column(np.array(numbers, np.int64)), named=True) is None


def test_months_without_a_name_that_says_so_are_months_where_none_is_missing() -> None:
    assert number_style(Column(np.array([201911, 201912, 202001])), named=False) is not None
    assert number_style(Column(np.array([201911, 201912, 202002])), named=False) is None
    assert number_style(Column(np.array([20191101, 20191201])), named=False) is not None
