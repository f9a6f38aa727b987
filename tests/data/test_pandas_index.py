"""What a pandas index says is read, and results come back under it."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from unrolled.data.channels import Channels, read_channels
from unrolled.data.frequency import Frequency
from unrolled.data.panel import Panel, build_frame, read_panel
from unrolled.data.zones import zone_name, zone_named
from unrolled.errors import InputError


def following(panel: Panel, n: int = 2) -> Any:
    """A frame of the steps after the data, as a forecaster gives it."""
    assert panel.time is not None
    times = panel.times[0]
    assert times is not None
    return build_frame({panel.time: panel.frequency.after(times[-1], n), "v": np.zeros(n)}, panel.frame_like)


@pytest.mark.parametrize(
    ("index", "after"),
    [
        (["2020-11", "2020-12", "2021-01"], ["2021-02", "2021-03"]),
        (["31.10.2020", "30.11.2020", "31.12.2020"], ["31.01.2021", "28.02.2021"]),
        ([1950, 1951, 1952], [1953, 1954]),
        ([2000, 2005, 2010], [2015, 2020]),
        (["1950", "1951", "1952"], ["1953", "1954"]),
        (["2019Q4", "2020Q1", "2020Q2"], ["2020Q3", "2020Q4"]),
        ([dt.date(2020, 1, 1), dt.date(2020, 1, 2), dt.date(2020, 1, 3)], [dt.date(2020, 1, 4), dt.date(2020, 1, 5)]),
    ],
)
def test_an_index_without_a_name_holds_the_times(index: list[Any], after: list[Any]) -> None:
    series = pd.Series([1.0, 2.0, 3.0], index=index, name="v")
    for given in (series, series[::-1], series.sample(frac=1, random_state=1), series.to_frame()):
        panel = read_panel(given)
        assert panel.values[0].tolist() == [1, 2, 3]
        assert panel.inferred[0] == "time is 'time', the index of the frame"
        assert following(panel).index.tolist() == after
    assert read_panel(series.rename_axis("when")).time == "when"


def test_years_of_a_range() -> None:
    panel = read_panel(pd.Series(np.arange(60.0), index=range(1950, 2010)))
    assert following(panel).index.tolist() == [2010, 2011]


def test_numbers_of_rows_in_the_index() -> None:
    frame = pd.DataFrame({"v": np.arange(10.0)})
    for given in (frame, frame[frame["v"] % 3 != 0], frame.iloc[4:]):
        panel = read_panel(given)
        assert (panel.time, panel.values[0].tolist()) == (None, given["v"].tolist())
    shuffled = read_panel(frame.sample(frac=1, random_state=0))
    assert shuffled.values[0].tolist() == list(range(10))
    assert "the rows are in the order of 'index', which numbers them" in shuffled.inferred
    dated = frame.assign(day=pd.date_range("2020-01-01", periods=10)).sample(frac=1, random_state=0)
    panel = read_panel(dated)
    assert (panel.time, panel.values[0].tolist()) == ("day", list(range(10)))


def test_names_in_the_index_are_not_passed_over() -> None:
    with pytest.raises(InputError, match="column 'index' holds a text of its own in every row, such as 'a'"):
        read_panel(pd.Series([1, 2, 3], index=list("abc")))


def test_the_same_name_twice() -> None:
    months = pd.date_range("2020-01-01", periods=3, freq="MS")
    kept = pd.DataFrame({"date": months, "v": [1, 2, 3]}).set_index("date", drop=False)
    assert read_panel(kept).time == "date"
    assert read_panel(kept.sample(frac=1, random_state=3)).values[0].tolist() == [1, 2, 3]
    other = kept.assign(date=["x", "y", "z"])
    with pytest.raises(InputError, match="a column and the index are both named 'date' and differ; rename one of them"):
        read_panel(other)
    for frame in (
        pd.DataFrame([[1, 2], [3, 4]], columns=["v", "v"]),
        pd.DataFrame([[1, 2], [3, 4]], columns=["0", 0]),
        pa.table([[1, 2], [3, 4]], names=["v", "v"]),
    ):
        with pytest.raises(InputError, match=r"two columns are named '(v|0)'; give each its own name"):
            read_panel(frame)
    twice = pd.MultiIndex.from_product([["a"], months], names=["day", "day"])
    with pytest.raises(InputError, match="two levels of the index are named 'day'"):
        read_panel(pd.DataFrame({"v": [1, 2, 3]}, index=twice))
    time = pd.DataFrame({"time": [5.0, 6.0, 7.0]}, index=months)
    assert (read_panel(time).time, read_panel(time).target) == ("time_", "time")


def test_levels() -> None:
    months = pd.date_range("2020-01-01", periods=2, freq="MS")
    unnamed = pd.DataFrame({"v": [1, 2, 3, 4]}, index=pd.MultiIndex.from_product([["a", "b"], months]))
    panel = read_panel(unnamed)
    assert (panel.series, panel.time, panel.names) == ("level_0", "level_1", ["a", "b"])
    kept = unnamed.rename_axis(["shop", "day"]).assign(shop=["a", "a", "b", "b"])
    assert read_panel(kept).series == "shop"


PLACES = ["America/New_York", "UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires"]
OFFSETS = [dt.timezone(dt.timedelta(hours=hours)) for hours in (5.5, -3, 0)]


@pytest.mark.parametrize("zone", [*PLACES, *OFFSETS])
@pytest.mark.parametrize("rule", ["h", "D"])
@pytest.mark.parametrize("as_index", [True, False])
def test_time_zones(zone: Any, rule: str, as_index: bool) -> None:
    times = pd.date_range("2024-03-05", periods=40, freq=rule, tz=zone)
    frame = pd.DataFrame({"t": times[:30], "v": np.arange(30.0)})
    result = following(read_panel(frame.set_index("t") if as_index else frame), 10)
    found = result.index if as_index else pd.DatetimeIndex(result["t"])
    assert found.tolist() == times[30:].tolist()
    assert str(found.dtype) == str(frame["t"].dtype)


@pytest.mark.parametrize("zone", ["America/New_York", "+05:30"])
def test_time_zones_of_arrow(zone: str) -> None:
    moments = pd.date_range("2024-03-05", periods=32, freq="D").to_numpy().astype("datetime64[us]")
    table = pa.table(
        {"t": pa.array(moments[:30]).cast(pa.timestamp("us")).cast(pa.timestamp("us", zone)), "v": range(30)}
    )
    result = following(read_panel(table))
    assert result.schema.field("t").type == pa.timestamp("us", zone)
    arrow = pd.DataFrame(
        {"t": pd.Series(table["t"].to_pandas()).astype(pd.ArrowDtype(pa.timestamp("us", zone))), "v": range(30)}
    )
    assert read_panel(arrow).frequency == Frequency("D")


def test_a_zone_without_a_name() -> None:
    from dateutil import tz

    times = pd.date_range("2024-03-05", periods=3, tz=tz.gettz("Europe/Berlin"))
    with pytest.raises(InputError, match=r"column 't' is in a time zone without a name .* convert it, such as with"):
        read_panel(pd.DataFrame({"t": times, "v": [1, 2, 3]}))
    assert zone_name(zone_named("UTC-03:30")) == "UTC-03:30"
    assert zone_name(dt.timezone.utc) == "UTC"


def test_the_end_of_nanoseconds() -> None:
    times = pd.date_range("2100-01-01", periods=3, freq="YS").as_unit("ns")
    panel = read_panel(pd.DataFrame({"t": times, "v": [1, 2, 3]}))
    with pytest.raises(InputError, match=r"the times are in ns, which do not reach 2263-01-01; convert them"):
        following(panel, 200)


def test_truth_values_are_no_numbers() -> None:
    with pytest.raises(InputError, match=r"row 1 .counted from 0., column 'v': found 'True', expected a number"):
        read_panel(pd.DataFrame({"t": [1, 2, 3], "v": pd.Series([1.5, True, 2.5], dtype=object)}))
    for array in (np.array([1.5, True], dtype=object), np.array([1.5, "2"], dtype=object)):
        with pytest.raises(InputError, match=r"the array holds (True|'2'), expected numbers"):
            read_panel(array)
    open_ = pd.DataFrame({"year": [1, 2], "x": [1, 2], "open": pd.Series([None, True], dtype=object)})
    with pytest.raises(InputError, match=r"row 0 .counted from 0., column 'open': the value is missing"):
        read_panel(open_, target="x", future=["open"])


def test_what_is_masked_is_missing() -> None:
    masked = np.ma.masked_array([1.0, 99.0, 3.0], mask=[False, True, False])
    with pytest.raises(InputError, match=r"the array holds nan at \[1\]"):
        read_panel(masked)
    assert read_panel(masked, missing="interpolate").values[0].tolist() == [1, 2, 3]


# ---- rows in, rows out ----


def back(channels: Channels) -> list[float]:
    return channels.of_rows(channels.values[:, 0]).tolist()


def test_values_go_back_to_their_rows() -> None:
    days = pd.date_range("2020-01-01", periods=5)
    frame = pd.DataFrame({"t": days, "v": [0.0, 1, 2, 3, 4]}, index=list("vwxyz")).sample(frac=1, random_state=2)
    for given in (frame, pl.from_pandas(frame), frame.set_index("t")):
        channels = read_channels(given)
        assert channels.values[:, 0].tolist() == [0, 1, 2, 3, 4]
        assert back(channels) == frame["v"].tolist()
    gap = frame.drop(index=["x"])
    filled = read_channels(gap, missing="previous")
    assert filled.values[:, 0].tolist() == [0, 1, 1, 3, 4]
    assert back(filled) == gap["v"].tolist()
    assert back(read_channels(pl.from_pandas(gap), missing="previous")) == [0, 1, 1, 3, 4]
    assert back(read_channels(np.array([3.0, 1.0]))) == [3, 1]
