"""The same kind of frame out: dtypes, time zones, looks and indices come back as they were."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import narwhals.stable.v1 as nw
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from unrolled.data.panel import Panel, build_frame, read_panel
from unrolled.data.table import FrameLike, TimeStyle
from unrolled.errors import InputError, MissingExtraError

KINDS = [pl.DataFrame, pd.DataFrame, pa.table]


def answer(panel: Panel, n: int = 2) -> Any:
    """Return what a forecaster would: n steps past each series' last, valued 0, 1, …"""
    columns: dict[str, Any] = {}
    if panel.time is not None:
        after = [panel.frequency.after(times[-1], n) for times in panel.times if times is not None]
        columns[panel.time] = np.concatenate(after)
    if panel.series is not None:
        columns[panel.series] = [name for name in panel.names for _ in range(n)]
    columns[panel.target] = np.arange(n * len(panel.names), dtype=np.float64)
    return build_frame(columns, panel.frame_like)


def column(frame: Any, name: str) -> list[Any]:
    return nw.from_native(frame, eager_only=True).get_column(name).to_list()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("times", "expected"),
    [
        (["2020-11", "2020-12"], ["2021-01", "2021-02"]),
        (["2020/12/30", "2020/12/31"], ["2021/01/01", "2021/01/02"]),
        (["2020-12-31 22:00", "2020-12-31 23:00"], ["2021-01-01 00:00", "2021-01-01 01:00"]),
        (["2020-12-31T22:00:00Z", "2020-12-31T23:00:00Z"], ["2021-01-01T00:00:00Z", "2021-01-01T01:00:00Z"]),
        ([dt.date(2020, 1, 30), dt.date(2020, 1, 31)], [dt.date(2020, 2, 1), dt.date(2020, 2, 2)]),
        ([dt.datetime(2020, 1, 31), dt.datetime(2020, 2, 29)], [dt.datetime(2020, 3, 31), dt.datetime(2020, 4, 30)]),
        ([1999, 2000], [2001, 2002]),
    ],
)  # fmt: skip
def test_times_keep_type_and_look(kind: Any, times: list[Any], expected: list[Any]) -> None:
    given = kind({"date": times, "x": [1, 2]})
    result = answer(read_panel(given))
    assert type(result) is type(given)
    assert column(result, "date") == expected
    assert column(result, "x") == [0, 1]
    wanted, found = (nw.from_native(frame, eager_only=True).schema for frame in (given, result))
    assert found["date"] == wanted["date"]


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_resolution_is_kept(unit: str) -> None:
    times = pd.date_range("2020-01-01", periods=3, freq="h").as_unit(unit)
    assert answer(read_panel(pd.DataFrame({"t": times, "x": [1, 2, 3]})))["t"].dtype == times.dtype


@pytest.mark.parametrize("kind", KINDS)
def test_hours_are_regular_in_utc_across_the_change_of_clocks(kind: Any) -> None:
    times = pd.date_range("2020-10-24 12:00", periods=24, freq="h", tz="Europe/Berlin")
    panel = read_panel(kind({"t": times[:22], "x": np.arange(22)}))
    assert str(panel.frequency) == "one row an hour"
    assert column(answer(panel), "t") == times[22:].to_pydatetime().tolist()


@pytest.mark.parametrize("kind", KINDS)
def test_days_are_regular_on_the_wall_across_the_change_of_clocks(kind: Any) -> None:
    times = pd.date_range("2020-03-20", periods=20, freq="D", tz="Europe/Berlin")
    panel = read_panel(kind({"t": times[:8], "x": np.arange(8)}))
    assert str(panel.frequency) == "one row a day"
    result = answer(panel, 12)
    assert column(result, "t") == times[8:].to_pydatetime().tolist()
    assert nw.from_native(result, eager_only=True).schema["t"] == nw.from_native(
        kind({"t": times}), eager_only=True
    ).schema["t"]  # fmt: skip


def test_an_hour_the_clock_leaves_out_is_moved_on() -> None:
    times = pd.date_range("2020-03-26 02:30", periods=3, freq="D", tz="Europe/Berlin")
    result = answer(read_panel(pd.DataFrame({"t": times, "x": [1, 2, 3]})))
    expected = [dt.datetime(2020, 3, 29, 3, 30), dt.datetime(2020, 3, 30, 2, 30)]
    assert result["t"].tolist() == [pd.Timestamp(moment, tz=ZoneInfo("Europe/Berlin")) for moment in expected]


def test_time_zone_this_machine_does_not_know() -> None:
    like = FrameLike("polars", time="t", time_style=TimeStyle("datetime", zone="Europe/Atlantis"))
    with pytest.raises(InputError, match="does not know the time zone 'Europe/Atlantis': pip install tzdata"):
        build_frame({"t": np.array(["2020-01-01"], dtype="datetime64[us]")}, like)


def test_time_in_the_index_of_pandas() -> None:
    index = pd.date_range("2020-01-31", periods=3, freq="ME", name="month")
    panel = read_panel(pd.Series([1, 2, 3], index=index, name="sales"))
    assert (panel.time, panel.target) == ("month", "sales")
    assert panel.inferred[0] == "time is 'month', the index of the frame"
    result = answer(panel)
    assert (result.index.name, list(result.columns)) == ("month", ["sales"])
    assert result.index.tolist() == [pd.Timestamp("2020-04-30"), pd.Timestamp("2020-05-31")]


def test_nameless_index_and_series() -> None:
    panel = read_panel(pd.Series([1, 2], index=pd.period_range("2020-01", periods=2, freq="M")))
    assert (panel.time, panel.target) == ("time", "value")
    assert answer(panel).index.tolist() == [pd.Period("2020-03", "M"), pd.Period("2020-04", "M")]


def test_periods_in_a_column() -> None:
    periods = pd.period_range("2020Q1", periods=2, freq="Q")
    result = answer(read_panel(pd.DataFrame({"quarter": periods, "x": [1, 2]})))
    assert result["quarter"].tolist() == [pd.Period("2020Q3", "Q-DEC"), pd.Period("2020Q4", "Q-DEC")]


def test_index_that_names_the_series() -> None:
    index = pd.MultiIndex.from_product([["a", "b"], pd.date_range("2020", periods=2)], names=["shop", "day"])
    panel = read_panel(pd.DataFrame({"x": [1, 2, 3, 4]}, index=index))
    assert (panel.names, panel.time, panel.series) == (["a", "b"], "day", "shop")
    named = read_panel(pd.DataFrame({"x": [1, 2]}, index=pd.Index(["2020-01", "2020-02"], name="month")))
    assert named.time == "month"
    shuffled = pd.DataFrame({"year": [1, 2, 3], "x": [1, None, 3]}).drop(index=0)
    with pytest.raises(InputError, match=r"^row 0 .counted from 0., column 'x': the value is missing"):
        read_panel(shuffled)


@pytest.mark.parametrize("kind", KINDS)
def test_series_columns(kind: Any) -> None:
    integers = answer(read_panel(kind({"year": [1, 2] * 2, "shop": [4, 4, 2, 2], "x": [1] * 4}), series="shop"))
    assert column(integers, "shop") == [4, 4, 2, 2]
    texts = answer(read_panel(kind({"year": [1, 2] * 2, "shop": ["4", "4", "2", "2"], "x": [1] * 4})))
    assert column(texts, "shop") == ["4", "4", "2", "2"]


def test_categories_name_series() -> None:
    data = pd.DataFrame({"year": [1, 2, 1, 2], "shop": pd.Categorical(list("aabb")), "x": [1.5, 2, 3, 4]})
    assert read_panel(data).names == ["a", "b"]
    assert read_panel(pl.from_pandas(data)).names == ["a", "b"]


@pytest.mark.parametrize(
    "numbers",
    [
        pd.Series([1, 2], dtype="Int64"),
        pd.Series([1, 2], dtype="float32"),
        pd.Series([1, 2], dtype="uint8"),
        pd.Series([1, 2], dtype="int64[pyarrow]"),
        pd.Series([Decimal("1"), Decimal("2")]),
        pd.Series([1, 2.0], dtype=object),
        pl.Series([1, 2], dtype=pl.Decimal(10, 2)),
        pl.Series([1, 2], dtype=pl.UInt8),
    ],
)
def test_dtypes_of_numbers(numbers: Any) -> None:
    panel = read_panel(numbers)
    assert panel.values[0].tolist() == [1, 2]
    assert panel.values[0].dtype == np.float64


@pytest.mark.parametrize("dtype", ["Int64", "float64[pyarrow]", "object"])
def test_missing_numbers_of_pandas(dtype: str) -> None:
    with pytest.raises(InputError, match=r"row 1 .counted from 0., column 'value': the value is missing"):
        read_panel(pd.Series([1, None, 3], dtype=dtype))


def test_python_objects_in_pandas() -> None:
    days = pd.Series([dt.date(2020, 1, 1), dt.date(2020, 1, 2)], dtype=object)
    panel = read_panel(pd.DataFrame({"day": days, "x": [1, 2]}))
    assert answer(panel)["day"].tolist() == [dt.date(2020, 1, 3), dt.date(2020, 1, 4)]
    moments = pd.Series([dt.datetime(2020, 1, 1, tzinfo=dt.timezone.utc)] * 2, dtype=object)
    with pytest.raises(
        InputError, match=r"column 't' holds zoned times as objects; convert it with pandas.to_datetime"
    ):
        read_panel(pd.DataFrame({"t": moments, "x": [1, 2]}))
    odd = pd.DataFrame({"year": [1, 2], "x": [1, 2], "odd": [{"a": 1}, None]})
    assert "not used: 'odd'" in read_panel(odd).inferred


def test_columns_of_other_types_are_not_used() -> None:
    odd = pl.DataFrame({"year": [1, 2], "x": [1, 2], "list": [[1], [2]], "span": [dt.timedelta(1), dt.timedelta(2)]})
    assert "not used: 'list', 'span'" in read_panel(odd).inferred


def test_column_names_that_are_no_text() -> None:
    assert read_panel(pd.DataFrame({0: ["2020-01", "2020-02"], 1: [1, 2]})).target == "1"


def test_finer_than_a_microsecond() -> None:
    times = pd.to_datetime([1, 2], unit="ns")
    with pytest.raises(InputError, match="column 't' holds times finer than a microsecond"):
        read_panel(pd.DataFrame({"t": times, "x": [1, 2]}))


def test_without_times() -> None:
    result = answer(read_panel(pl.DataFrame({"x": [1, 2]})))
    assert result.to_dict(as_series=False) == {"x": [0, 1]}


def test_missing_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    like = read_panel(pl.DataFrame({"x": [1, 2]})).frame_like
    monkeypatch.setitem(__import__("sys").modules, "polars", None)
    assert {name: column.tolist() for name, column in build_frame({"x": [1]}, like).items()} == {"x": [1]}
    monkeypatch.setitem(__import__("sys").modules, "narwhals.stable.v1", None)
    with pytest.raises(MissingExtraError, match=r"reading frames needs the package 'narwhals'; .*'\.\[cli\]'"):
        read_panel(pd.DataFrame({"x": [1, 2]}))


@pytest.mark.parametrize("missing", ["pandas", "narwhals", "narwhals.stable.v1"])
@pytest.mark.parametrize(
    ("times", "expected"),
    [
        (["2020-01", "2020-02", "2020-03"], ["2020-04", "2020-05"]),
        (pd.period_range("2020-01", periods=3, freq="M"), ["2020-04-01T00:00:00.000000", "2020-05-01T00:00:00.000000"]),
        (
            pd.date_range("2020-01-31 22:00", periods=3, freq="h", tz="Europe/Berlin"),
            ["2020-02-01T00:00:00", "2020-02-01T01:00:00"],  # UTC
        ),
    ],
)
def test_plain_columns_where_there_are_no_frames(
    monkeypatch: pytest.MonkeyPatch, missing: str, times: Any, expected: list[str]
) -> None:
    panel = read_panel(pd.DataFrame({"t": times, "shop": 7, "x": [1.0, 2.0, 3.0]}), series="shop")
    stamps = panel.times[0]
    assert stamps is not None
    ahead = panel.frequency.after(stamps[-1], 2)
    monkeypatch.setitem(__import__("sys").modules, missing, None)
    result = build_frame({"t": ahead, "shop": ["7", "7"], "x": [4.5, 5.5]}, panel.frame_like)
    assert list(result) == ["t", "shop", "x"]
    assert [str(time)[: len(text)] for time, text in zip(result["t"], expected, strict=True)] == expected
    assert (result["shop"].tolist(), result["x"].tolist()) == ([7, 7], [4.5, 5.5])


def test_frames_of_other_makers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nw.DataFrame, "implementation", type("Maker", (), {"name": "MODIN"}))
    with pytest.raises(InputError, match="frames of modin are not read; convert it to pandas, polars or pyarrow"):
        read_panel(pd.DataFrame({"x": [1, 2]}))
