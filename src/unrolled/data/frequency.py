"""The distance between the rows of a series: inferred from its time stamps, and extended beyond the last one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from unrolled.codecs.ranges import Day
from unrolled.errors import InputError

__all__ = ["Frequency", "check_unique", "stamp"]

Times = npt.NDArray[Any]
"""One series' time stamps: ``datetime64[us]`` or ``int64``, shape [T]."""

Unit = Literal["Y", "Q", "M", "W", "B", "D", "h", "min", "s", "ms", "us", "step"]
FIXED: dict[Unit, int] = {
    "W": 604_800_000_000,
    "D": 86_400_000_000,
    "h": 3_600_000_000,
    "min": 60_000_000,
    "s": 1_000_000,
    "ms": 1_000,
    "us": 1,
}  # microseconds; longest first
MONTHS: dict[Unit, int] = {"Y": 12, "Q": 3, "M": 1}
WORDS: dict[Unit, str] = {
    "Y": "year", "Q": "quarter", "M": "month", "W": "week", "B": "weekday", "D": "day", "h": "hour",
    "min": "minute", "s": "second", "ms": "millisecond", "us": "microsecond", "step": "step",
}  # fmt: skip
DAY = FIXED["D"]
SHORTEST_MONTH = 26 * DAY  # from one last working day to the next
LAST_YEAR = 9999
_SECONDS: dict[Unit, float] = {
    **{unit: length / 1e6 for unit, length in FIXED.items()},
    **{unit: months * 365.2425 / 12 * 86_400 for unit, months in MONTHS.items()},
    "B": 7 / 5 * 86_400,
}
LONGEST = 2**62  # microseconds, or steps


@dataclass(frozen=True)
class Frequency:
    """One row every ``count`` units.

    Units are ``Y Q M`` (calendar, counted in months), ``W D h min s ms us`` (of fixed length), ``B`` (Monday to
    Friday) and ``step`` (integers). For calendar units ``day`` is the day of the month, clipped where a month is
    shorter: 1 means month starts, 31 month ends; with ``working`` the first or last of its days from Monday to Friday.

    >>> times = np.array(["1960-10", "1960-11", "1960-12"], dtype="datetime64[us]")
    >>> frequency = Frequency.infer(times, "month")
    >>> frequency
    Frequency(unit='M', count=1, day=1, working=False)
    >>> frequency.after(times[-1], 2).astype("datetime64[D]").tolist()
    [datetime.date(1961, 1, 1), datetime.date(1961, 2, 1)]
    >>> frequency.season, str(frequency)
    (12, 'one row a month')
    """

    unit: Unit
    count: int = 1
    day: Day | None = None
    working: bool = False

    def __post_init__(self) -> None:
        """Check that a step is no longer than time is."""
        if not 1 <= self.count * self._length <= LONGEST:
            raise InputError(
                f"count is {self.count}, expected from 1 to {LONGEST // self._length} of unit {self.unit!r}"
            )

    @classmethod
    def infer(cls, times: Times, name: str, *, where: Callable[[int], str] | None = None) -> Frequency:
        """Return the frequency of sorted time stamps without gaps or duplicates.

        Args:
            times: shape [T], T >= 2, sorted; ``datetime64`` or integers.
            name: what the messages call the times, such as ``column 'month'``.
            where: row of ``times`` -> how the user finds it, such as ``line 7``.

        Raises:
            InputError: fewer than two stamps, duplicates, gaps (the first three of each are listed), no common step.
        """
        check_unique(times, name, where)
        frequency = cls.guess(times, name)
        frequency.check_complete(frequency.positions(times, name, where), times, name)
        return frequency

    @classmethod
    def guess(cls, times: Times, name: str) -> Frequency:
        """Return the most common step of sorted stamps without duplicates; rows may be missing."""
        if len(times) < 2:
            raise InputError(
                f"{name}: {_plural(len(times), 'row', 'rows')}, need at least 2 to see how far apart they are"
            )
        if times.dtype.kind != "M":
            return cls("step", _most_common(np.diff(times)))
        times = times.astype("datetime64[us]")
        steps = np.diff(times.astype(np.int64))
        days = _days_of_month(times) if steps.min() >= SHORTEST_MONTH else []
        if days:
            months = _most_common(np.diff(times.astype("datetime64[M]").astype(np.int64)))
            unit: Unit = next(unit for unit, length in MONTHS.items() if months % length == 0)
            return cls(unit, months // MONTHS[unit], *days[0])
        step = _most_common(steps)
        if step == DAY and steps.max() > DAY and np.is_busday(times.astype("datetime64[D]")).all():
            return cls("B")
        unit: Unit = next(unit for unit, length in FIXED.items() if step % length == 0)
        return cls(unit, step // FIXED[unit])

    def positions(self, times: Times, name: str, where: Callable[[int], str] | None = None) -> npt.NDArray[np.int64]:
        """Return how many steps each stamp is after the first: 0, 1, 2, … if no row is missing.

        Raises:
            InputError: a stamp lies between two steps; the message names it.
        """
        counted = self._counted(times)
        offsets = counted - counted[0]
        count = self.count * (FIXED.get(self.unit) or MONTHS.get(self.unit) or 1)
        off_grid = offsets % count != 0
        if self.unit in MONTHS:
            off_grid |= times.astype("datetime64[D]") != self.day_in(times.astype("datetime64[M]"))
        elif self.unit == "B":
            off_grid |= ~np.is_busday(times.astype("datetime64[D]"))
        if off_grid.any():
            row = int(np.argmax(off_grid))
            found = f"{stamp(times[row])} ({where(row)})" if where else stamp(times[row])
            raise InputError(
                f"{name}: the time steps are not regular: {found} is off the grid of {self} that starts at"
                f" {stamp(times[0])}; bring the rows to equal steps first"
            )
        return offsets // count

    def check_complete(self, positions: npt.NDArray[np.int64], times: Times, name: str) -> None:
        """Raise an InputError that lists the first three of the steps without a row."""
        absent = int(positions[-1]) + 1 - len(positions)
        if absent:
            before = np.flatnonzero(np.diff(positions) > 1)[:3]
            gaps = [self.after(times[row], min(3, int(positions[row + 1] - positions[row]) - 1)) for row in before]
            raise InputError(
                f"{name}: {_plural(absent, 'time step has', 'time steps have')} no row, expected {self}:"
                f" {_first_three(np.concatenate(gaps), absent)}; add the rows, or choose how to fill them with"
                " missing='interpolate', 'previous' or 'zero'"
            )

    def after(self, last: Any, n: int) -> Times:
        """Return the ``n`` stamps that follow ``last``, in its own type; ``last`` keeps its time of the day."""
        if self.unit == "step":
            if int(last) + n * self.count >= 2**63:
                raise InputError(f"{n:,} steps, {self}, after {last} lead beyond what 64 bits hold: choose fewer")
            return np.int64(last) + np.arange(1, n + 1) * self.count
        last = np.datetime64(last, "us")
        self._check_reach(last, n)
        ahead = np.arange(1, n + 1)
        midnight = last.astype("datetime64[D]")
        time_of_day = last - midnight
        if self.unit in MONTHS:
            months = last.astype("datetime64[M]") + ahead * (self.count * MONTHS[self.unit])
            return self.day_in(months) + time_of_day
        if self.unit == "B":
            return np.busday_offset(midnight, ahead * self.count, roll="backward") + time_of_day
        return last + (ahead * (self.count * FIXED[self.unit])).astype("timedelta64[us]")

    def day_in(self, months: Times) -> Times:
        """The day of each month that has a row."""
        if self.working:
            first = months.astype("datetime64[D]")
            last = (months + 1).astype("datetime64[D]") - 1
            return np.busday_offset(first if self.day == 1 else last, 0, "forward" if self.day == 1 else "backward")
        return months.astype("datetime64[D]") + np.minimum(self.day or 1, _month_length(months)) - 1

    def _check_reach(self, last: np.datetime64, n: int) -> None:
        """Raise an InputError if ``n`` steps lead beyond the last year a date can have."""
        years = n * self.count * _SECONDS[self.unit] / _SECONDS["Y"]
        if last.astype("datetime64[Y]").astype(int) + 1970 + years >= LAST_YEAR:
            raise InputError(f"{n:,} steps, {self}, after {stamp(last)} lead beyond the year {LAST_YEAR}: choose fewer")

    @property
    def season(self) -> int:
        """Steps in the usual cycle: a year of months, quarters, weeks; a week of days; a day of hours; otherwise 1.

        Steps of 15 minutes and more make a day as hours do.

        >>> [Frequency(unit, count).season for unit, count in [("M", 1), ("Q", 1), ("h", 1), ("min", 15), ("Y", 1)]]
        [12, 4, 24, 96, 1]
        """
        if self.unit in MONTHS:
            return _divide(12, self.count * MONTHS[self.unit])
        if self.unit in ("h", "min"):
            length = self.count * FIXED[self.unit]
            return _divide(DAY, length) if length >= 15 * FIXED["min"] else 1
        return {"W": 52, "B": 5, "D": 7}.get(self.unit, 1) if self.count == 1 else 1

    @property
    def seconds(self) -> float | None:
        """Length of a step; None where it is not fixed."""
        return self.count * FIXED[self.unit] / 1e6 if self.unit in FIXED else None

    @property
    def cycles(self) -> dict[Literal["day", "week", "year"], int]:
        """Steps of the calendar's cycles that the series goes through, those of two steps and more, shortest first.

        >>> Frequency("min", 30).cycles, Frequency("B").cycles, Frequency("M").cycles
        ({'day': 48, 'week': 336}, {'week': 5}, {'year': 12})
        """
        if self.unit in MONTHS:
            steps: dict[Any, int] = {"year": _divide(12, self.count * MONTHS[self.unit])}
        elif self.unit == "B":
            steps = {"week": 5}
        else:
            length = self.count * FIXED.get(self.unit, DAY)
            steps = {"day": _divide(DAY, length), "week": _divide(7 * DAY, length)}
        return {cycle: n for cycle, n in steps.items() if n > 1 and self.unit != "step"}

    @property
    def _length(self) -> int:
        """Of one unit, in microseconds (of a month, the longest), or in steps."""
        return FIXED.get(self.unit) or MONTHS.get(self.unit, 0) * 31 * DAY or (7 * DAY if self.unit == "B" else 1)

    def __str__(self) -> str:
        word = WORDS[self.unit]
        article = "an" if word == "hour" else "a"
        return f"one row {article} {word}" if self.count == 1 else f"one row every {self.count} {word}s"

    def _counted(self, times: Times) -> npt.NDArray[np.int64]:
        if self.unit == "step":
            return times.astype(np.int64)
        if self.unit in MONTHS:
            return times.astype("datetime64[M]").astype(np.int64)
        if self.unit == "B":
            return np.busday_count(np.datetime64("1970-01-01"), times.astype("datetime64[D]")).astype(np.int64)
        return times.astype("datetime64[us]").astype(np.int64)


def check_unique(times: Times, name: str, where: Callable[[int], str] | None = None, *, several: bool = True) -> None:
    """Raise an InputError that lists the first three stamps of sorted ``times`` that occur twice.

    ``several`` says that there may be several series.
    """
    repeated = np.flatnonzero(times[1:] == times[:-1])
    if len(repeated):
        found = [stamp(times[row]) + (f" ({where(row)} and {where(row + 1)})" if where else "") for row in repeated[:3]]
        more = f" and {len(repeated) - 3} more" if len(repeated) > 3 else ""
        raise InputError(
            f"{name}: duplicate time stamps: {', '.join(found)}{more}; expected one row for each time; keep one row"
            + (", or name the column that tells the series apart with series=" if several else "")
        )


def stamp(time: Any) -> str:
    """Return a time stamp in its shortest form: ``1949-01-31``, ``2020-01-01T12:30``, ``17``.

    >>> stamp(np.datetime64("2020-01-01T12:30", "us"))
    '2020-01-01T12:30'
    """
    if not isinstance(time, np.datetime64):
        return str(time)
    text = str(time.astype("datetime64[us]"))
    for tail in ("000000", ".", ":00", "T00:00"):
        text = text.removesuffix(tail)
    return text


def _most_common(steps: npt.NDArray[Any]) -> int:
    values, counts = np.unique(steps, return_counts=True)
    return int(values[np.argmax(counts)])  # of equally common steps the shortest


def _days_of_month(times: Times) -> list[tuple[int, bool]]:
    """Return the days of the month that all stamps are on, and whether working days are meant, the plainest first.

    31 is the end of each month. The time of day must agree, too.
    """
    if len(np.unique(times - times.astype("datetime64[D]"))) != 1:
        return []
    days, lengths = _day(times), _month_length(times)
    day = 31 if (days == lengths).all() else int(days.max())
    ways = [Frequency("M", 1, day), Frequency("M", 1, 31, working=True), Frequency("M", 1, 1, working=True)]
    found = times.astype("datetime64[D]")
    return [(way.day or 1, way.working) for way in ways if (found == way.day_in(found.astype("datetime64[M]"))).all()]


def _day(times: Times) -> npt.NDArray[np.int64]:
    return (times.astype("datetime64[D]") - times.astype("datetime64[M]").astype("datetime64[D]")).astype(np.int64) + 1


def _month_length(times: Times) -> npt.NDArray[np.int64]:
    months = times.astype("datetime64[M]")
    return ((months + 1).astype("datetime64[D]") - months.astype("datetime64[D]")).astype(np.int64)


def _divide(whole: int, part: int) -> int:
    return whole // part if whole % part == 0 else 1


def _plural(n: int, one: str, many: str) -> str:
    return f"{n} {one if n == 1 else many}"


def _first_three(times: Times, total: int) -> str:
    listed = ", ".join(stamp(time) for time in times[:3])
    return listed if total <= 3 else f"{listed} and {total - 3} more"
