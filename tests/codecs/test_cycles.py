"""Calendar and earlier seasons as inputs."""

import numpy as np
import pytest

from unrolled.codecs.cycles import calendar, seasonal_medians
from unrolled.data.frequency import Frequency
from unrolled.data.spans import check_span, steps_of
from unrolled.errors import InputError


def test_the_calendar_is_that_of_datetime():
    times = np.arange("2023-12-28T03:00", "2024-03-05", 13 * 3600, dtype="datetime64[s]").astype("datetime64[us]")
    found = calendar(times, ["day", "week", "year"])
    for row, moment in zip(found, times.tolist(), strict=True):
        day = (moment.hour + moment.minute / 60) / 24
        week = (moment.weekday() + day) / 7
        year = (moment.timetuple().tm_yday - 1 + day) / (366 if moment.year == 2024 else 365)
        expected = [f(2 * np.pi * share) for share in (day, week, year) for f in (np.sin, np.cos)]
        np.testing.assert_allclose(row, expected, atol=1e-12)
    assert calendar(times, []).shape == (len(times), 0)


@pytest.mark.parametrize("season", [3, 7])
def test_seasonal_medians_are_those_of_a_loop_and_read_nothing_that_comes_later(season):
    z, leads = np.random.default_rng(0).normal(size=(60, 2)), [0, 1, 2, 5, 9]
    found = seasonal_medians(z, season, leads)
    for t in range(60):
        for place, k in enumerate(leads):
            earlier = [t + k - j * season for j in range(1, 99) if t + k - j * season <= t][:4]
            inside = [z[step] for step in earlier if step >= 0]
            expected = np.median(inside, axis=0) if inside else [np.nan, np.nan]
            np.testing.assert_array_equal(found[t, place], expected)
    np.testing.assert_array_equal(seasonal_medians(z[:40], season, leads), found[:40])


def test_spans():
    assert steps_of("merge", check_span("merge", "1.5h"), Frequency("min", 30)) == 3
    assert steps_of("merge", check_span("merge", np.timedelta64(2, "D")), Frequency("h")) == 48
    assert steps_of("merge", check_span("merge", 7), Frequency("M")) == 7
    assert steps_of("merge", "1min", Frequency("h")) == 1
    with pytest.raises(InputError, match="merge is '1d', but the data has one row a month"):
        steps_of("merge", "1d", Frequency("M"))
    for wrong in (0, -1, True, 1.5, "soon", "1 y", ""):
        with pytest.raises(InputError, match=r"merge is .*expected steps"):
            check_span("merge", wrong)
