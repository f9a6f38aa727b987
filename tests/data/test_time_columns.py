"""Which column is the time: found in every ordinary look, joined from its parts, and never overlooked."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from unrolled.data.channels import read_channels
from unrolled.data.frequency import Frequency
from unrolled.data.panel import Panel, build_frame, read_panel
from unrolled.data.table import TimeStyle
from unrolled.errors import InputError


def csv(tmp_path: Path, *lines: str) -> Path:
    path = tmp_path / "sales.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def refusal(data: Any, **options: Any) -> str:
    with pytest.raises(InputError) as caught:
        read_panel(data, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def next_times(panel: Panel, n: int = 1) -> list[Any]:
    times = panel.times[0]
    assert times is not None
    assert panel.time is not None
    frame = build_frame({panel.time: panel.frequency.after(times[-1], n), "x": np.zeros(n)}, panel.frame_like)
    return list(frame[panel.time])


def test_german_shops_stay_two(tmp_path: Path) -> None:
    rows = [f"01.{m:02}.2015;{shop};{m + more}" for shop, more in (("Nord", 0), ("Sued", 100)) for m in range(1, 13)]
    panel = read_panel(csv(tmp_path, "Datum;Filiale;Umsatz", *rows))
    assert (panel.names, panel.frequency) == (["Nord", "Sued"], Frequency("M", 1, 1))
    assert panel.values[1].tolist() == list(range(101, 113))
    assert "'Datum' is read as %d.%m.%Y: '01.01.2015' is 2015-01-01" in panel.inferred
    assert next_times(panel) == ["01.01.2016"]


@pytest.mark.parametrize(
    ("texts", "frequency", "following"),
    [
        (["1980Q1", "1980Q2", "1980Q3"], Frequency("Q", 1, 1), "1980Q4"),
        (["2023-W51", "2023-W52", "2024-W01"], Frequency("W"), "2024-W02"),
        (["Nov 2019", "Dec 2019", "Jan 2020"], Frequency("M", 1, 1), "Feb 2020"),
        (["12/30/2019", "12/31/2019", "01/01/2020"], Frequency("D"), "01/02/2020"),
        (["20191230", "20191231", "20200101"], Frequency("D"), 20200102),
        (["201911", "201912", "202001"], Frequency("M", 1, 1), 202002),
    ],
)
def test_newest_first_is_sorted_and_said(
    tmp_path: Path, texts: list[str], frequency: Frequency, following: Any
) -> None:
    lines = [f"{text},{value}" for value, text in enumerate(texts)]
    panel = read_panel(csv(tmp_path, "when,sales", *lines[::-1]))
    assert panel.values[0].tolist() == [0, 1, 2]
    assert panel.frequency == frequency
    assert "the rows were not in the order of 'when' and were sorted" in panel.inferred
    assert next_times(panel) == [following]


def test_seconds_since_1970(tmp_path: Path) -> None:
    panel = read_panel(csv(tmp_path, "timestamp,x", *(f"{1704067200 + 3600 * i},{i}" for i in range(3))))
    assert panel.frequency == Frequency("h")
    assert next_times(panel) == [1704067200 + 3 * 3600]
    assert "'timestamp' is read as a time: 1704067200 is 2024-01-01" in panel.inferred


@pytest.mark.parametrize(
    ("header", "rows"),
    [
        ("Date,Time,Load", ["2024-01-01,22:00,1", "2024-01-01,23:00,2", "2024-01-02,00:00,3"]),
        ("Time,Date,Load", ["22:00,01.01.2024,1", "23:00,01.01.2024,2", "00:00,02.01.2024,3"]),
        ("day,clock,Load", ["12/31/2023,10:00 PM,1", "12/31/2023,11:00 PM,2", "1/1/2024,12:00 AM,3"]),
        ("date,hour,Load", ["2024-01-01,22,1", "2024-01-01,23,2", "2024-01-02,0,3"]),
        ("year,month,day,hour,Load", ["2024,1,1,22,1", "2024,1,1,23,2", "2024,1,2,0,3"]),
    ],
)
def test_a_day_and_a_clock_belong_together(tmp_path: Path, header: str, rows: list[str]) -> None:
    path = csv(tmp_path, header, *rows)
    panel = read_panel(path)
    assert (panel.names, panel.series, panel.frequency) == ([""], None, Frequency("h"))
    assert panel.target == "Load"
    again = read_panel(path, "Load", panel.time)
    assert again.time == panel.time
    assert str(next_times(panel)[0]).replace(":00", "").endswith(("01", "1", "1 AM"))
    assert read_channels(path).names == ["Load"]


def test_a_day_of_a_frame_and_a_clock_beside_it() -> None:
    days = [dt.date(2024, 1, 1), dt.date(2024, 1, 1), dt.date(2024, 1, 2)]
    panel = read_panel(pl.DataFrame({"day": days, "at": ["12:00", "18:00", "00:00"], "x": [1, 2, 3]}))
    assert (panel.time, str(panel.frequency)) == ("day at", "one row every 6 hours")
    named = read_panel(pl.DataFrame({"day": days[1:], "at": ["12:00", "00:00"], "x": [1, 2]}), time="day")
    assert named.time == "day at"


@pytest.mark.parametrize(
    ("header", "rows", "frequency", "following"),
    [
        ("year,month,sales", ["2019,11,1", "2019,12,2", "2020,1,3"], Frequency("M", 1, 1), "2020-02"),
        ("Jahr;Monat;Umsatz", ["2019;Nov;1", "2019;Dez;2", "2020;Jan;3"], Frequency("M", 1, 1), "2020-02"),
        ("year,quarter,gdp", ["2019,3,1", "2019,4,2", "2020,1,3"], Frequency("Q", 1, 1), "2020Q2"),
        ("year,week,n", ["2020,52,1", "2020,53,2", "2021,1,3"], Frequency("W"), "2021-W02"),
        ("year,month,day,n", ["2020,2,28,1", "2020,2,29,2", "2020,3,1,3"], Frequency("D"), "2020-03-02"),
    ],
)
def test_year_and_month_in_columns_of_their_own(
    tmp_path: Path, header: str, rows: list[str], frequency: Frequency, following: str
) -> None:
    panel = read_panel(csv(tmp_path, header, *rows))
    assert panel.values[0].tolist() == [1, 2, 3]
    assert panel.frequency == frequency
    assert next_times(panel) == [following]


def test_a_year_alone_and_a_date_beside_its_parts(tmp_path: Path) -> None:
    assert read_panel(csv(tmp_path, "year,x", "1949,1", "1950,2")).frequency == Frequency("step")
    beside = read_panel(csv(tmp_path, "date,year,month,x", "2020-01-01,2020,1,7", "2020-02-01,2020,2,8"), "x")
    assert beside.time == "date"


def test_parts_that_make_no_date(tmp_path: Path) -> None:
    assert "line 3, column 'year month day': the time is missing" in refusal(
        csv(tmp_path, "year,month,day,x", "2021,2,28,1", "2021,2,29,2")
    )


def test_texts_that_may_be_times_are_refused(tmp_path: Path) -> None:
    distinct = csv(tmp_path, "when,sales", "Week 52,3", "Week 51,2", "Week 50,1")
    assert refusal(distinct).startswith(
        f"{distinct}, column 'when' holds a text of its own in every row, such as 'Week 52': if these are the times"
    )
    shops = csv(tmp_path, "step no,shop,sales", "a,n,1", "b,n,2", "a,s,3", "b,s,4")
    assert "column 'step no' holds a text of its own" in refusal(shops, series="shop")
    assert "there is no column of times, and 'shop' may tell several series apart" in refusal(
        csv(tmp_path, "shop,sales", "n,1", "n,2", "s,3", "s,4")
    )
    clock = csv(tmp_path, "Time,sales", "10:00,1", "11:00,2")
    assert "column 'Time' holds times of the day and no column the days" in refusal(clock)
    with pytest.raises(InputError, match="column 'when' holds a text of its own in every row"):
        read_channels(csv(tmp_path, "when,sales", "Week 52,3", "Week 51,2"))


def test_one_series_a_name_without_times(tmp_path: Path) -> None:
    panel = read_panel(csv(tmp_path, "shop,sales", "n,1", "n,2", "s,3", "s,4"), series="shop")
    assert [values.tolist() for values in panel.values] == [[1, 2], [3, 4]]


def test_order_of_day_and_month(tmp_path: Path) -> None:
    path = csv(tmp_path, "date,x", "01/02/2020,1", "01/03/2020,2", "01/04/2020,3")
    message = refusal(path)
    assert message.startswith(
        f"{path}, line 2, column 'date': found '01/02/2020': it could be 2020-02-01 or 2020-01-02"
    )
    assert read_panel(path, time_format="%d/%m/%Y").frequency == Frequency("M", 1, 1)
    assert read_panel(path, time_format="%m/%d/%Y").frequency == Frequency("D")
    assert read_panel(path, time_style=TimeStyle("text", format="%m/%d/%Y")).frequency == Frequency("D")
    assert read_channels(path, time_format="%d/%m/%Y").frequency == Frequency("M", 1, 1)
    with pytest.raises(InputError, match="leave out time_format=, or give a frame"):
        read_panel([1, 2], time_format="%Y")
    with pytest.raises(InputError, match="holds times, not text, for which time_format= says nothing"):
        read_panel(pd.DataFrame({"t": pd.date_range("2020", periods=2), "x": [1, 2]}), time_format="%Y")


def test_a_last_row_of_totals_is_named(tmp_path: Path) -> None:
    path = csv(tmp_path, "date,x", "30.01.2020,1", "31.01.2020,2", "Total,3")
    assert refusal(path) == f"{path}, line 4, column 'date': found 'Total': expected a time written as %d.%m.%Y"


def test_numbers_that_a_model_counted_are_counted_again() -> None:
    data = pd.DataFrame({"t": [200011, 200012], "x": [1, 2]})
    assert read_panel(data).frequency == Frequency("M", 1, 1)
    assert read_panel(data, time_style=TimeStyle("integer")).frequency == Frequency("step")
    told = read_panel(
        pd.DataFrame({"t": [31122024, 10122024], "x": [1, 2]}), time="t", target="x", time_format="%d%m%Y"
    )
    assert (told.frequency, next_times(told)) == (Frequency("W", 3), [21012025])


@pytest.mark.parametrize("mark", ["/", "-"])
def test_years_that_begin_in_one_and_end_in_the_next(tmp_path: Path, mark: str) -> None:
    rows = [f"{year}{mark}{(year + 1) % 100:02},1" for year in range(2001, 2006)]
    assert "found '2001" in refusal(csv(tmp_path, "season,x", *rows))
    assert read_panel(csv(tmp_path, "month,x", "2010-11,1", "2010-12,2", "2011-01,3")).frequency == Frequency("M", 1, 1)


def test_whole_numbers_written_as_fractions_are_years(tmp_path: Path) -> None:
    assert read_panel(csv(tmp_path, "year,x", "2001.0,1", "2002.0,2")).time == "year"
