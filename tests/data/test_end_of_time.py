"""Where time ends: what cannot be dated, counted or written is refused, never wrapped around to another time."""

import numpy as np
import pytest

from unrolled.data.frames import build_frame
from unrolled.data.frequency import Frequency
from unrolled.data.table import FrameLike, TimeStyle
from unrolled.errors import InputError


@pytest.mark.parametrize(
    ("frequency", "last", "n", "message"),
    [
        (
            Frequency("D"),
            np.datetime64("9999-12-01"),
            31,
            "31 steps, one row a day, after 9999-12-01 lead beyond",
        ),
        (Frequency("Y", day=1), np.datetime64("2020-01-01"), 8000, "the year 9999"),
        (Frequency("h"), np.datetime64("2020-01-01"), 10**12, "the year 9999"),
        (Frequency("B"), np.datetime64("2020-01-01"), 10**15, "the year 9999"),
        (Frequency("step", 2**40), np.int64(0), 2**30, "lead beyond what 64 bits hold"),
        (Frequency("step"), np.int64(2**63 - 3), 3, "lead beyond what 64 bits hold"),
    ],
)
def test_steps_that_lead_out_of_time(frequency, last, n, message):
    with pytest.raises(InputError, match=message):
        frequency.after(last, n)


def test_steps_that_just_reach_its_end():
    assert str(Frequency("D").after(np.datetime64("9998-11-30"), 30)[-1])[:10] == "9998-12-30"
    assert Frequency("step").after(np.int64(2**63 - 3), 2)[-1] == 2**63 - 1


@pytest.mark.parametrize("count", [0, -1, 2**62])
def test_steps_of_no_length_and_of_more_than_all_time(count):
    with pytest.raises(InputError, match=f"count is {count}, expected from 1 to"):
        Frequency("D", count)


@pytest.mark.parametrize("kind", ["pandas", "polars", "pyarrow"])
@pytest.mark.parametrize("year", ["1600", "2263"])
def test_years_that_nanoseconds_do_not_reach(kind, year):
    like = FrameLike(kind, "t", TimeStyle("datetime", "ns"))
    with pytest.raises(InputError, match="the times are in ns, which do not reach"):
        build_frame({"t": np.array([year], "M8[us]")}, like)
    fine = build_frame({"t": np.array(["2262-01-01"], "M8[us]")}, like)
    assert "2262-01-01" in str(fine)


@pytest.mark.parametrize("kind", ["pandas", "polars", "pyarrow"])
@pytest.mark.parametrize("clock", ["utc", "wall"])
@pytest.mark.parametrize(
    ("zone", "message"), [("Nowhere/City", "pip install tzdata"), ("America", "not the name"), ("../x", "not the name")]
)
def test_zones_that_are_none(kind, clock, zone, message):
    like = FrameLike(kind, "t", TimeStyle("datetime", "us", zone=zone, clock=clock))
    with pytest.raises(InputError, match=message):
        build_frame({"t": np.array(["2024-01-01"], "M8[us]")}, like)
