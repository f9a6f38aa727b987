"""Panels from frames, arrays and files: what is read, inferred and said, and what is refused (FAULTS 1 to 11)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from unrolled.data.airline import MONTHS, PASSENGERS
from unrolled.data.frequency import Frequency
from unrolled.data.panel import Panel, read_covariates, read_panel
from unrolled.errors import InputError

KINDS = [pl.DataFrame, pd.DataFrame, pa.table]


def frame(**columns: Any) -> pl.DataFrame:
    return pl.DataFrame(columns)


def refusal(data: Any, **options: Any) -> str:
    with pytest.raises(InputError) as caught:
        read_panel(data, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def csv(tmp_path: Path, *lines: str) -> Path:
    path = tmp_path / "sales.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def values(panel: Panel) -> list[list[float]]:
    return [series.tolist() for series in panel.values]


# ---- what is read and inferred ----


@pytest.mark.parametrize("kind", KINDS)
def test_airline_in_every_kind_of_frame(kind: Any) -> None:
    panel = read_panel(kind({"month": list(MONTHS), "passengers": list(PASSENGERS)}))
    assert (panel.target, panel.time, panel.series, panel.names) == ("passengers", "month", None, [""])
    assert panel.frequency == Frequency("M", 1, 1)
    assert panel.values[0].tolist() == list(PASSENGERS)
    assert panel.values[0].dtype == np.float64
    assert panel.times[0] is not None
    assert panel.times[0].astype("datetime64[M]").astype(str).tolist() == list(MONTHS)
    assert panel.inferred == [
        "time is 'month'",
        "the target is 'passengers', the only column of numbers left",
        "the frequency is one row a month",
    ]


def test_nothing_is_inferred_where_all_is_told(tmp_path: Path) -> None:
    path = csv(tmp_path, "t,sales", "1,5", "2,6")
    assert read_panel(path, "sales", "t", frequency=Frequency("step")).inferred == []


def test_csv_file_by_its_path(tmp_path: Path) -> None:
    path = csv(tmp_path, "day;sales;note", "2020-01-02;7;b", "2020-01-01;5;a")
    for given in (path, str(path)):
        panel = read_panel(given)
        assert values(panel) == [[5, 7]]
        assert panel.inferred == [
            "the fields of sales.csv are separated by a semicolon",
            "time is 'day'",
            "the target is 'sales', the only column of numbers left",
            "not used: 'note'",
            "the rows were not in the order of 'day' and were sorted",
            "the frequency is one row a day",
        ]


def test_long_panel() -> None:
    data = frame(
        month=["2020-01", "2020-02", "2020-02", "2020-03", "2020-01"],
        shop=["north", "north", "south", "south", "south"],
        sales=[1, 2, 4, 5, 3],
        price=[0.1, 0.2, 0.4, 0.5, 0.3],
        size=[7, 7, 9, 9, 9],
        open=[True, False, True, False, True],
    )
    panel = read_panel(data, target="sales", past=["price"], future=("open",), static="size")
    assert (panel.series, panel.names) == ("shop", ["north", "south"])
    assert values(panel) == [[1, 2], [3, 4, 5]]
    assert [price.tolist() for price in panel.past["price"]] == [[0.1, 0.2], [0.3, 0.4, 0.5]]
    assert [is_open.tolist() for is_open in panel.future["open"]] == [[1, 0], [1, 1, 0]]
    assert panel.static == {"size": [7, 9]}
    assert panel.inferred == [
        "time is 'month'",
        "series are told apart by 'shop'",
        "the rows were not in the order of 'month' and were sorted",
        "the frequency is one row a month",
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_series_named_by_integers(kind: Any) -> None:
    panel = read_panel(kind({"year": [1, 1, 2, 2], "shop": [10, 9, 10, 9], "x": [1, 2, 3, 4]}), series="shop")
    assert (panel.names, values(panel)) == (["10", "9"], [[1, 3], [2, 4]])
    assert panel.frame_like.series_is_integer


def test_series_keep_the_text_of_the_file(tmp_path: Path) -> None:
    panel = read_panel(csv(tmp_path, "year,shop,x", "1,007,1", "2,007,2", "1,08,3", "2,08,4"), series="shop")
    assert panel.names == ["007", "08"]


def test_the_frequency_is_that_of_the_longest_series() -> None:
    data = frame(day=["2020-01-01", "2020-01-02", "2020-01-03", "2020-01-09"], shop=list("aaab"), x=[1, 2, 3, 4])
    assert values(read_panel(data, series="shop", minimum_rows=1)) == [[1, 2, 3], [4]]


@pytest.mark.parametrize("data", [pd.Series, pl.Series, np.array, list, tuple])
def test_one_series_without_times(data: Any) -> None:
    panel = read_panel(data([3, 1, 2]))
    assert (values(panel), panel.times, panel.names, panel.frequency) == ([[3, 1, 2]], [None], [""], Frequency("step"))


def test_arrays() -> None:
    panel = read_panel(np.arange(6, dtype=np.int32).reshape(2, 3))
    assert (values(panel), panel.names, panel.target) == ([[0, 1, 2], [3, 4, 5]], ["0", "1"], "value")
    assert values(read_panel(np.array([1.5, 2.5], dtype=object))) == [[1.5, 2.5]]
    assert values(read_panel(np.array([np.nan, 1, np.nan, 3]), missing="interpolate")) == [[1, 1, 2, 3]]
    filled = read_panel(np.array([[np.nan, 1, 2], [1, 2, np.nan]]), missing="zero")
    assert filled.inferred == ["2 missing values filled by missing='zero'"]


def test_arrays_need_no_frame_package() -> None:
    program = (
        "import sys\nfor name in ('narwhals', 'polars', 'pandas', 'pyarrow'): sys.modules[name] = None\n"
        "import numpy as np\nfrom unrolled.data.panel import read_panel\n"
        "print(read_panel(np.arange(3)).values[0].sum(), read_panel(sys.argv[1]).values[0].sum())"
    )
    table = Path(__file__).parent / "two_rows.csv"
    done = subprocess.run(
        [sys.executable, "-c", program, str(table)],
        env={"PYTHONPATH": str(Path(__file__).parents[2] / "src")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("3.0 230.0\n", "")


@pytest.mark.parametrize("name", ["date", "ds", "Year", "t"])
def test_integer_times_go_by_their_name(name: str) -> None:
    assert read_panel(pl.DataFrame({name: [1950, 1951], "x": [1, 2]})).time == name


def test_covariates_of_times_to_come() -> None:
    data = frame(month=["2021-01", "2021-02"], price=[3.0, 4.0])
    panel = read_covariates(data, ["price"], time="month", frequency=Frequency("M", 1, 1))
    assert (panel.target, panel.values, panel.names) == ("", [], [""])
    assert panel.future["price"][0].tolist() == [3, 4]
    assert read_covariates(frame(price=[3]), "price").future["price"][0].tolist() == [3]


# ---- what is refused ----


@pytest.mark.parametrize("kind", KINDS)
def test_fault_01_missing_value_in_a_frame(kind: Any) -> None:
    data = kind({"month": ["2020-01", "2020-02", "2020-03", "2020-04"], "sales": [1.0, None, 3.0, None]})
    assert refusal(data) == (
        "row 1 (counted from 0), column 'sales': the value is missing (2 such rows), expected a number; fill it, or"
        " choose how with missing='interpolate', 'previous' or 'zero'"
    )


def test_fault_01_missing_value_in_a_file_and_in_an_array(tmp_path: Path) -> None:
    path = csv(tmp_path, "month,sales", "2020-01,1", "2020-02,", "2020-03,3")
    assert refusal(path).startswith(f"{path}, line 3, column 'sales': the value is missing, expected a number; fill it")
    assert refusal(np.array([[1, 2], [3, np.nan]])) == (
        "the array holds nan at [1, 1], expected finite numbers; correct it or choose missing='interpolate',"
        " 'previous' or 'zero'"
    )
    assert refusal(np.array([np.nan, np.nan])).startswith("the array holds nan at [0] (2 such places), expected finite")


@pytest.mark.parametrize(
    ("missing", "expected"),
    [("interpolate", [2, 2, 3, 4, 4]), ("previous", [2, 2, 2, 4, 4]), ("zero", [0, 2, 0, 4, 0])],
)
def test_fault_01_explicit_ways_to_fill(missing: str, expected: list[float]) -> None:
    panel = read_panel(frame(year=[1, 2, 3, 4, 5], x=[None, 2, None, 4, None]), missing=missing)
    assert values(panel) == [expected]
    assert panel.inferred[-1] == f"3 missing values of 'x' filled by missing={missing!r}, the first in row 0"


def test_fault_01_nothing_to_fill_from() -> None:
    data = frame(year=[1, 2, 1, 2], shop=list("aabb"), x=[1.0, 2.0, None, None])
    assert refusal(data, missing="previous") == (
        "series 'b', column 'x': all 2 values are missing, there is nothing to fill them from"
    )
    assert refusal([np.nan, np.nan], missing="previous") == (
        "all 2 values are missing, there is nothing to fill them from"
    )
    assert refusal(data, missing="guess") == (
        "missing='guess' is not known; choose one of 'raise', 'interpolate', 'previous', 'zero'"
    )


@pytest.mark.parametrize("column", ["price", "open"])
def test_fault_01_missing_covariate(column: str) -> None:
    data = frame(year=[1, 2], x=[1, 2], price=[None, 1.5], open=[None, True])
    message = refusal(data, target="x", past=["price"] if column == "price" else (), future=["open"])
    assert message.startswith(f"row 0 (counted from 0), column {column!r}: the value is missing, expected a number")


def test_fault_02_infinity(tmp_path: Path) -> None:
    path = csv(tmp_path, "year,x", "1,1.5", "2,1e999")
    assert refusal(path) == f"{path}, line 3, column 'x': found '1e999', expected a finite number; correct it"
    path = csv(tmp_path, "year,x", "1,-inf", "2,3")
    assert refusal(path) == f"{path}, line 2, column 'x': found '-inf', expected a finite number; correct it"
    assert refusal(frame(year=[1, 2], x=[1.0, np.inf])) == (
        "row 1 (counted from 0), column 'x': found inf, expected a finite number; correct it"
    )
    assert refusal([1, -np.inf]) == "the array holds -inf at [1], expected finite numbers; correct it"
    assert refusal([1, np.inf], missing="zero").startswith("the array holds inf at [1]")


def test_fault_03_empty(tmp_path: Path) -> None:
    path = csv(tmp_path, "")
    assert refusal(path) == f"{path} is empty: 0 rows, need a line of column names and at least 2"
    path = csv(tmp_path, "month,x")
    assert refusal(path, minimum_rows=36) == f"{path}: 0 rows, need at least 36"
    assert refusal(frame(x=[])) == "the data: 0 rows, need at least 2"
    assert refusal(pl.DataFrame()) == "the data: 0 rows, need at least 2"
    assert refusal([]) == "the array has shape [0]: 0 time steps, need at least 2"
    assert refusal(np.ones((0, 5))) == "the array has shape [0, 5]: 0 time steps, need at least 2"


def test_fault_04_one_row(tmp_path: Path) -> None:
    path = csv(tmp_path, "month,x", "2020-01,5")
    assert refusal(path) == f"{path}: 1 row, need at least 2"
    assert refusal(frame(year=[1], x=[1])) == "the data: 1 row, need at least 2"
    assert refusal([1]) == "the array has shape [1]: 1 time steps, need at least 2"
    data = frame(year=[1, 1, 2, 1, 1, 1], shop=list("abbcde"), x=[1] * 6)
    assert refusal(data) == (
        "the data: series 'a' has 1 row, series 'c' has 1 row, series 'd' has 1 row and 1 more series have too few,"
        " need at least 2"
    )


def test_fault_05_not_longer_than_the_horizon() -> None:
    with pytest.raises(InputError) as caught:
        read_panel(np.arange(12)).require_length(12)
    assert str(caught.value) == (
        "the series has 12 rows; need at least 13: one to forecast from, and a horizon of 12 to compare with; give more"
        " history, or fit with a smaller horizon"
    )
    data = frame(year=[1, 2, 1, 2, 3, 1, 2, 1, 2, 1, 2], shop=list("aabbbccddee"), x=[1] * 11)
    with pytest.raises(InputError) as caught:
        read_panel(data).require_length(2)
    assert str(caught.value) == (
        "series 'a' has 2 rows, series 'c' has 2 rows, series 'd' has 2 rows and 1 more series are too short; need at"
        " least 3: one to forecast from, and a horizon of 2 to compare with; give more history, or fit with a smaller horizon"
    )
    read_panel(data).require_length(1)


def test_fault_06_a_constant_series_is_read_as_it_is() -> None:
    assert values(read_panel(np.full(4, 7.0))) == [[7, 7, 7, 7]]


def test_fault_07_duplicate_timestamps(tmp_path: Path) -> None:
    path = csv(tmp_path, "month,x", "2020-01,1", "2020-02,2", "2020-02,3", "2020-01,4", "2020-03,5")
    assert refusal(path) == (
        f"{path}, column 'month': duplicate time stamps: 2020-01-01 (line 2 and line 5), 2020-02-01 (line 3 and line"
        " 4); expected one row for each time; keep one row, or name the column that tells the series apart with series="
    )
    data = frame(year=[1, 1, 2, 2, 3, 3, 4, 4] * 2, shop=list("aaaaaaaabcbcbcbc"), x=[1] * 16)
    assert refusal(data).startswith(
        "series 'a', column 'year': duplicate time stamps: 1 (row 0 and row 1), 2 (row 2 and row 3), 3 (row 4 and"
        " row 5) and 1 more; expected"
    )


def test_fault_08_gaps(tmp_path: Path) -> None:
    path = csv(tmp_path, "day,x", "2020-01-01,1", "2020-01-02,2", "2020-01-05,5", "2020-01-06,6")
    assert refusal(path) == (
        f"{path}, column 'day': 2 time steps have no row, expected one row a day: 2020-01-03, 2020-01-04; add the rows,"
        " or choose how to fill them with missing='interpolate', 'previous' or 'zero'"
    )
    panel = read_panel(path, missing="interpolate")
    assert values(panel) == [[1, 2, 3, 4, 5, 6]]
    assert panel.times[0] is not None
    assert panel.times[0].astype("datetime64[D]").astype(str).tolist() == [f"2020-01-0{day}" for day in range(1, 7)]
    assert panel.inferred[-2:] == ["the frequency is one row a day", "2 time steps without a row were added"]


def test_fault_08_gaps_name_the_series() -> None:
    data = frame(year=[1, 2, 3, 1, 3], shop=list("aaabb"), x=[1, 2, 3, 4, 8])
    assert refusal(data).startswith("series 'b', column 'year': 1 time step has no row, expected one row a step: 2;")
    panel = read_panel(data, missing="interpolate")
    assert values(panel) == [[1, 2, 3], [4, 6, 8]]
    assert panel.times[1] is not None
    assert panel.times[1].tolist() == [1, 2, 3]


def test_fault_08_irregular_steps(tmp_path: Path) -> None:
    path = csv(tmp_path, "t,x", "2020-01-01 00:00,1", "2020-01-01 01:00,2", "2020-01-01 02:07,2")
    assert refusal(path, missing="zero") == (
        f"{path}, column 't': the time steps are not regular: 2020-01-01T02:07 (line 4) is off the grid of"
        " one row an hour that starts at 2020-01-01; bring the rows to equal steps first"
    )


def test_fault_09_unsorted_is_sorted_and_said() -> None:
    panel = read_panel(frame(month=["2020-03", "2020-01", "2020-02"], x=[3, 1, 2]))
    assert values(panel) == [[1, 2, 3]]
    assert "the rows were not in the order of 'month' and were sorted" in panel.inferred


def test_fault_09_mixed_zones(tmp_path: Path) -> None:
    path = csv(tmp_path, "t,x", "2020-03-29T00:00+01:00,1", "2020-03-29T01:00+01:00,2", "2020-03-29T03:00+02:00,3")
    assert refusal(path) == (
        f"{path}, line 4, column 't': its time zone is +02:00, in the rows before it is +01:00; convert all of them to"
        " one zone, such as UTC"
    )
    mixed = [pd.Timestamp("2020-01-01", tz="UTC"), pd.Timestamp("2020-01-02", tz="Europe/Berlin")]
    assert refusal(pd.DataFrame({"t": pd.Series(mixed, dtype=object), "x": [1, 2]})) == (
        "row 1 (counted from 0), column 't': its time zone is Europe/Berlin, in the rows before it is UTC; convert all"
        " of them to one zone, such as UTC"
    )


def test_fault_10_not_utf8(tmp_path: Path) -> None:
    path = tmp_path / "latin.csv"
    path.write_bytes("städte,x\n".encode("latin-1"))
    assert refusal(path) == f"{path} is not UTF-8: byte 0xe4 at offset 2 (line 1); save it as UTF-8"


def test_fault_11_text_in_a_numeric_column(tmp_path: Path) -> None:
    path = csv(tmp_path, "year,x", "1,5", "2,six", "3,7", "4,8")
    assert refusal(path) == f"{path}, line 3, column 'x': found 'six', expected a number; correct it"
    message = "row 1 (counted from 0), column 'x': found 'six', expected a number; correct it"
    assert refusal(pd.DataFrame({"year": [1, 2, 3], "x": [5, "six", 7]})) == message
    assert refusal(frame(year=[1, 2, 3], x=["5", "six", "7"]), target="x") == message
    assert refusal(frame(year=[1, 2], x=["5", "7"]), target="x") == (
        "column 'x' holds its numbers as text, such as '5'; convert it"
    )


def test_fault_11_ragged_row(tmp_path: Path) -> None:
    path = csv(tmp_path, "year,x", "1,5", "2,6,7")
    assert refusal(path) == f"{path}, line 3: 3 fields, expected 2 as in the header"


# ---- columns that are not there, or too many ----


def test_several_columns_would_do() -> None:
    data = frame(month=["2020-01", "2020-02"], day=["2020-01-01", "2020-02-01"], a=[1, 2], b=[3, 4])
    assert refusal(data) == "the data: several columns could be the time: 'month', 'day'; name one with time="
    assert refusal(data, time="day") == (
        "the data: several columns could be the target: 'a', 'b'; name one with target=; if each is a series, put them below each"
        " other (columns of times, of the series' names and of the values)"
    )
    assert refusal(data, time="day", target="c") == (
        "the data: no column 'c' (target=); the columns are 'month', 'day', 'a', 'b'"
    )
    assert (
        refusal(data, time="day", target="day") == "column 'day' is named by target= and time=; a column has one role"
    )
    assert refusal(data, time="day", target="a", past=["b", "b"]).startswith("column 'b' is named by past= and past=")
    many = pl.DataFrame({f"c{i}": [1, 2] for i in range(15)})
    assert refusal(many).endswith("'c11' and 3 more; name one with target=")


def test_no_column_would_do() -> None:
    data = frame(month=["2020-01", "2020-02"], price=["5,5", "6,5"])
    assert refusal(data) == (
        "the data: no column of numbers to forecast among 'month' (such as '2020-01'), 'price' (such as '5,5')"
    )
    data = frame(year=[1, 1], shop=["a", "b"], town=["c", "d"], x=[1, 2])
    assert refusal(data) == (
        "the data: times occur more than once, and several columns could tell the series apart: 'shop', 'town'; name"
        " one with series="
    )


def test_times_that_are_not_understood_are_not_passed_over(tmp_path: Path) -> None:
    path = csv(tmp_path, "Date,x", "day 31,5", "day 32,6")
    assert refusal(path) == (
        f"{path}, line 2, column 'Date': found 'day 31': expected a time such as 1949-01, 1949-01-31 or"
        " 2020-01-01T12:30:00Z, or say how it is written with time_format="
    )


def test_wrong_kinds_of_columns() -> None:
    data = frame(month=["2020-01", "2020-02"], note=["a", "b"], x=[1, 2], when=[1.5, 2.5])
    assert refusal(data.with_columns(pl.col("month").str.to_date("%Y-%m")), target="month", time="note") == (
        "row 0 (counted from 0), column 'note': found 'a': expected a time such as 1949-01, 1949-01-31 or"
        " 2020-01-01T12:30:00Z, or say how it is written with time_format="
    )
    dated = data.with_columns(pl.col("month").str.to_date("%Y-%m"))
    assert refusal(dated, target="month", time="x") == "column 'month' (target=) holds times, expected numbers"
    assert refusal(data, target="x", time="when") == (
        "row 0 (counted from 0), column 'when': found 1.5, expected a time stamp or an integer"
    )
    assert refusal(data, target="x", past=["note"]) == (
        "row 0 (counted from 0), column 'note': found 'a', expected a number (and text in 1 more rows); correct it"
    )


def test_whole_numbers_as_floats_are_times() -> None:
    assert values(read_panel(frame(year=[1.0, 2.0], x=[5, 6]), target="x", time="year")) == [[5, 6]]


@pytest.mark.parametrize("kind", KINDS)
def test_missing_times_and_names(kind: Any) -> None:
    missing_time = "row 1 (counted from 0), column 't': the time is missing; fill it or remove the row"
    assert refusal(kind({"t": ["2020-01", None], "x": [1, 2]})) == missing_time
    assert refusal(kind({"t": [1, None], "x": [1, 2]}), time="t") == missing_time
    dates = pd.to_datetime(["2020-01-01", None]).to_numpy()
    assert refusal(kind({"t": dates, "x": [1, 2]})) == missing_time
    unnamed = "row 1 (counted from 0), column 's': the name of the series is missing; fill it or remove the row"
    assert refusal(kind({"t": [1, 2], "s": ["a", None], "x": [1, 2]}), series="s") == unnamed
    assert refusal(kind({"t": [1, 2], "s": [1, None], "x": [1, 2]}), series="s", target="x") == unnamed


def test_static_must_be_one_number_a_series() -> None:
    data = frame(year=[1, 2, 1, 2], shop=list("aabb"), x=[1] * 4, size=[5, 5, 6, 7], room=[1, None, 1, 1])
    assert refusal(data, target="x", static=["size"]) == (
        "row 3 (counted from 0), column 'size': found 7.0, expected 6.0 as in row 2: a static column has one value for"
        " each series"
    )
    assert refusal(data, target="x", static=["room"]).startswith(
        "row 1 (counted from 0), column 'room': found nan, expected a number:"
    )


def test_other_data() -> None:
    expected = (
        "expected a pandas, polars or pyarrow frame, a NumPy array of shape [T] or [N, T], or the path of a CSV file"
    )
    assert refusal({"x": [1]}) == f"the data is a dict, {expected}"
    assert refusal(None) == f"the data is a NoneType, {expected}"
    assert refusal(frame(x=[1]).lazy()) == f"the data is a LazyFrame, {expected}; call .collect() on it first"
    assert refusal(np.ones((2, 2, 2))) == (
        "the array has shape [2, 2, 2], expected [T] for one series or [N, T] for several"
    )
    assert refusal(np.float64(3)) == f"the data is a float64, {expected}"
    assert refusal(["a", "b"]) == "the array holds <U1, expected numbers"
    assert refusal([None, "b"]) == "the array is not of numbers: could not convert string to float: 'b'"
    assert refusal(np.array([True, False])) == "the array holds bool, expected numbers"
    assert refusal(np.array([1j, 2])) == "the array holds complex128, expected numbers"
    assert refusal([[1, 2], [3]]).startswith("the array is not of numbers: ")
    assert refusal(np.ones(3), target="x", past=["y"]) == (
        "an array has no columns to name: leave out target=, past=, or give a frame"
    )


def test_a_model_of_another_frequency() -> None:
    data = frame(month=["2020-01", "2020-04"], x=[1, 2])
    assert refusal(data, frequency=Frequency("M", 1, 1)).startswith(
        "column 'month': 2 time steps have no row, expected one row a month: 2020-02-01, 2020-03-01;"
    )
    assert refusal(frame(day=["2020-01-02", "2020-02-02"], x=[1, 2]), frequency=Frequency("M", 1, 1)).startswith(
        "column 'day': the time steps are not regular: 2020-01-02 (row 0) is off the grid of one row a month"
    )


@pytest.mark.parametrize("missing", ["interpolate", "previous", "zero"])
@pytest.mark.parametrize("far", ["9999-12-31", "2024-07-01", "1000-01-01"])
def test_fault_08_one_far_row_is_not_filled_up_to(tmp_path: Path, missing: str, far: str) -> None:
    path = csv(tmp_path, "day,x", *(f"2020-01-{day:02},{day}" for day in range(1, 21)), f"{far},21")
    message = refusal(path, missing=missing)
    assert "time steps have no row, more than 50 for each of the 21 rows; the widest gap is from" in message
    assert f"{far} (line 22)" in message


def test_fault_08_a_sparse_series_is_filled() -> None:
    days = pd.date_range("2020-01-01", periods=2).append(pd.date_range("2020-02-01", periods=8, freq="40D"))
    panel = read_panel(pd.DataFrame({"day": days, "sold": np.ones(10)}), missing="zero", frequency=Frequency("D"))
    assert (panel.values[0].sum(), len(panel.values[0])) == (10, 312)
