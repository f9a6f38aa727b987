"""Time stamps as text."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unrolled.data.timestamps import MixedZonesError, is_timestamp, parse_timestamps, write_timestamps


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("1949-01", "1949-01-01"),
        ("1949/2", "1949-02-01"),
        ("1949-01-31", "1949-01-31"),
        ("1949/1/3", "1949-01-03"),
        ("2020-01-02T03:04", "2020-01-02T03:04"),
        ("2020-01-02 3:04", "2020-01-02T03:04"),
        ("2020-01-02 03:04:05", "2020-01-02T03:04:05"),
        ("2020-01-02T03:04:05.25", "2020-01-02T03:04:05.25"),
        ("2020-01-02T03:04:05,000001", "2020-01-02T03:04:05.000001"),
        ("2020-01-02T03:04:05.123456000", "2020-01-02T03:04:05.123456"),
        ("2020-01-02T03:04:05Z", "2020-01-02T03:04:05"),
        (" 2020-01-02T03:04:05+02:00 ", "2020-01-02T03:04:05"),
    ],
)
def test_what_is_read(text: str, moment: str) -> None:
    assert is_timestamp(text)
    assert parse_timestamps([text])[0][0] == np.datetime64(moment, "us")


@pytest.mark.parametrize(
    "text", ["", "1949", "49-01", "01/31/1949", "31.01.1949", "1949-01/31", "1949-1-1-1", "2020-01-02T03", "yesterday"]
)
def test_what_is_not_read(text: str) -> None:
    assert not is_timestamp(text)
    with pytest.raises(ValueError, match="expected a time such as 1949-01, 1949-01-31 or 2020") as caught:
        parse_timestamps(["1949-01", text])
    assert caught.value.args[1] == 1


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("1949-13", "month must be in 1..12"),
        ("1949-02-29", "day "),
        ("1949-02-28 24:00", "hour must be in 0..23"),
        ("1949-02-28 23:00:00.1234567", "time is finer than a microsecond"),
        ("0000-01", "year 0 is out of range|year must be in"),
    ],
)
def test_times_that_do_not_exist(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason) as caught:
        parse_timestamps(["1949-01", "1949-02", text])
    assert caught.value.args[1] == 2


def test_fault_09_mixed_zones() -> None:
    with pytest.raises(MixedZonesError, match=r"its time zone is \+02:00, in the rows before it is \+01:00") as caught:
        parse_timestamps(["2020-01-01T00:00+01:00", "2020-01-01T01:00+01:00", "2020-06-01T00:00+02:00"])
    assert caught.value.row == 2
    with pytest.raises(MixedZonesError, match="its time zone is not given, in the rows before it is Z"):
        parse_timestamps(["2020-01-01T00:00Z", "2020-01-01T01:00"])
    with pytest.raises(MixedZonesError, match="its time zone is Z, in the rows before it is not given"):
        parse_timestamps(["2020-01-01", "2020-01-01T01:00Z"])


@given(
    moments=st.lists(st.datetimes().map(lambda moment: moment.replace(microsecond=moment.microsecond)), min_size=1),
    unit=st.sampled_from(["M", "D", "m", "s", "us"]),
    dash=st.sampled_from("-/"),
    between=st.sampled_from("T "),
    zone=st.sampled_from(["", "Z", "+02:00", "-0330"]),
)
def test_written_stamps_read_back_and_keep_their_look(
    moments: list[object], unit: str, dash: str, between: str, zone: str
) -> None:
    times = np.array(moments, dtype=f"datetime64[{unit}]")
    zone = zone if unit not in "MD" else ""
    iso = np.datetime_as_string(times, unit=unit).tolist()
    texts = [text.replace("-", dash).replace("T", between) + zone for text in iso]
    back, style = parse_timestamps(texts)
    np.testing.assert_array_equal(back, times.astype("datetime64[us]"))
    assert write_timestamps(back, style) == texts


def test_the_finest_look_is_kept() -> None:
    times, style = parse_timestamps(["2020-01-01", "2020-01-01 12:00"])
    assert write_timestamps(times, style) == ["2020-01-01 00:00", "2020-01-01 12:00"]
