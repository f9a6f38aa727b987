"""Formats of times, in the directives of ``strftime`` and ``%q`` for a quarter: found, read and written.

>>> day_first, = find_formats(["31.01.2015", "1.02.2015"])
>>> day_first.text, day_first.read("1.03.2015").isoformat(), day_first.write(datetime(2016, 2, 9))
('%-d.%m.%Y', '2015-03-01T00:00:00', '9.02.2016')
>>> [found.text for found in find_formats(["01/02/2015", "01/03/2015"])]
['%d/%m/%Y', '%m/%d/%Y']
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from unrolled.data.month_names import ENGLISH, month_names, month_numbers
from unrolled.errors import InputError

__all__ = ["TimeFormat", "find_formats", "parse_format"]

_TWO = r"\d{1,2}"
DIRECTIVES = {
    "Y": r"\d{4}", "y": r"\d{2}", "m": _TWO, "d": _TWO, "q": "[1-4]", "G": r"\d{4}", "V": _TWO, "u": "[1-7]",
    "b": r"[^\W\d_]{3,}\.?", "B": r"[^\W\d_]{3,}\.?", "a": r"[^\W\d_]{2,}\.?", "A": r"[^\W\d_]{2,}\.?", "j": r"\d{1,3}",
    "H": _TWO, "I": _TWO, "M": r"\d{2}", "S": r"\d{2}", "f": r"\d{1,9}", "p": r"[AaPp]\.?[Mm]\.?",
}  # fmt: skip
_COUNTED = frozenset("YymdqGVujHIMS")
_DIRECTIVE = re.compile(r"%(-?[A-Za-z%])")
_LONG = {"F": "%Y-%m-%d", "T": "%H:%M:%S", "R": "%H:%M"}
YEARS = range(1800, 2200)  # of a number without marks, such as 20240131
LATEST = 2049  # a year of two digits is no later than this
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
USUAL = 0.9  # share of texts that have to fit the usual order of day and month
MOST_TEXTS_LOOKED_AT = 20  # to see which formats could be meant at all


@dataclass(frozen=True)
class TimeFormat:
    """A format.

    Attributes:
        text: with directives such as ``%d.%m.%Y``; ``%-d`` is a number without leading zero.
        months: the twelve names that are written for ``%b`` and ``%B``.
        since: the year from which a hundred have a name of two digits each.
    """

    text: str
    months: tuple[str, ...] = ()
    since: int = LATEST - 99

    def matches(self, text: str) -> bool:
        """Whether a text has this form; there may be no such time."""
        return _pattern(self.text).fullmatch(text.strip()) is not None

    def read(self, text: str) -> datetime:
        """The time that a text stands for.

        Raises:
            ValueError: it is not of this form, or there is no such time.
        """
        found = _pattern(self.text).fullmatch(text.strip())
        if found is None:
            raise ValueError(f"expected a time written as {self.text}")
        part = found.groupdict()
        number = {name: int(text) for name, text in part.items() if name in _COUNTED}
        if fraction := part.get("f", ""):
            if fraction[6:].strip("0"):
                raise ValueError("time is finer than a microsecond")
            number["f"] = int(fraction[:6].ljust(6, "0"))
        hour = number.get("H", number.get("I", 0))
        if "p" in part:
            if not 1 <= hour <= 12:
                raise ValueError("hour must be in 1..12 before AM and PM")
            hour = hour % 12 + 12 * (part["p"][0] in "Pp")
        clock = timedelta(hours=hour, minutes=number.get("M", 0), seconds=number.get("S", 0))
        if hour > 23 or number.get("M", 0) > 59 or number.get("S", 0) > 59:
            raise ValueError("hour must be in 0..23, minute and second in 0..59")
        day = self._day(part, number)
        return datetime(day.year, day.month, day.day) + clock + timedelta(microseconds=number.get("f", 0))

    def _day(self, part: dict[str, str], number: dict[str, int]) -> date:
        if "G" in number:
            return date.fromisocalendar(number["G"], number["V"], number.get("u", 1))
        year = number["Y"] if "Y" in number else self.since + (number["y"] - self.since) % 100
        if "q" in number:
            return date(year, 3 * number["q"] - 2, 1)
        if "j" in number:
            day = date(year, 1, 1) + timedelta(number["j"] - 1)
            if day.year != year:
                raise ValueError(f"{year} has no day {number['j']}")
            return day
        named = part.get("b") or part.get("B")
        month = number.get("m", 1)
        if named is not None:
            month = self._months_by_name.get(named) or month_numbers([named]).get(named, 0)
            if not month:
                raise ValueError(f"{named!r} is not the name of a month")
        return date(year, month, number.get("d", 1))

    @property
    def _months_by_name(self) -> dict[str, int]:
        return {name: n for n, name in enumerate(self.months, 1)}

    def write(self, moment: datetime) -> str:
        """The moment in this form."""
        return _DIRECTIVE.sub(lambda found: self._written(found[1], moment), self.text)

    def _written(self, directive: str, moment: datetime) -> str:
        week = moment.isocalendar()
        month = self.months[moment.month - 1] if self.months else ENGLISH[moment.month - 1]
        values: dict[str, tuple[int, int]] = {
            "Y": (moment.year, 4), "y": (moment.year % 100, 2), "m": (moment.month, 2), "d": (moment.day, 2),
            "q": ((moment.month + 2) // 3, 1), "G": (week.year, 4), "V": (week.week, 2), "u": (week.weekday, 1),
            "j": (moment.timetuple().tm_yday, 3), "H": (moment.hour, 2), "I": ((moment.hour - 1) % 12 + 1, 2),
            "M": (moment.minute, 2), "S": (moment.second, 2), "f": (moment.microsecond, 6),
        }  # fmt: skip
        name = directive.lstrip("-")
        if name in values:
            value, width = values[name]
            return str(value) if directive != name else f"{value:0{width}d}"
        weekday = WEEKDAYS[moment.weekday()]
        texts = {"B": month, "b": month if self.months else month[:3], "A": weekday, "a": weekday[:3], "%": "%"}
        return texts.get(name, "AM" if moment.hour < 12 else "PM")


@functools.lru_cache(maxsize=1024)
def _pattern(format: str) -> re.Pattern[str]:
    """What a text of the format looks like; directives side by side have their full width."""
    parts, pattern = _DIRECTIVE.split(format), ""
    for i, part in enumerate(parts):
        if i % 2 == 0:
            pattern += re.escape(part)
        elif part == "%":
            pattern += "%"
        else:
            name = part.lstrip("-")
            touching = (i > 1 and not parts[i - 1]) or (i < len(parts) - 2 and not parts[i + 1])
            form = DIRECTIVES[name]
            pattern += f"(?P<{name}>{r'[0-9]{2}' if touching and form == _TWO else form})"
    return re.compile(pattern, re.IGNORECASE if "%p" in format else 0)


def parse_format(format: str) -> TimeFormat:
    """A format as the user gave it.

    Raises:
        InputError: a directive is not known or comes twice, or the year is not in it.

    >>> parse_format("%d.%m.%y").text
    '%d.%m.%y'
    """
    for short, long in _LONG.items():
        format = format.replace(f"%{short}", long)
    names = [name.lstrip("-") for name in _DIRECTIVE.findall(format) if name != "%"]
    unknown = next((name for name in names if name not in DIRECTIVES), None)
    if unknown is not None or "%" in _DIRECTIVE.sub("", format):
        found = f"{'%' if unknown is None else '%' + unknown} is not known"
        known = ", ".join(f"%{name}" for name in DIRECTIVES)
        raise InputError(f"time_format={format!r}: {found}; a format is made of {known} and what stands between them")
    if len(set(names)) < len(names) or not {"Y", "y", "G"} & set(names) or ("G" in names) != ("V" in names):
        raise InputError(
            f"time_format={format!r}: expected each directive once, a year (%Y or %y) among them, or the year of a week"
            " and the week (%G-W%V)"
        )
    return TimeFormat(format)


def find_formats(texts: Sequence[str]) -> list[TimeFormat]:
    """The formats that most of the texts, and at least half of them, are written in: several if it is not clear which.

    Args:
        texts: distinct.
    """
    candidates = dict.fromkeys(format for text in texts[:MOST_TEXTS_LOOKED_AT] for format in _possible(text.strip()))
    read: list[tuple[TimeFormat, list[datetime | None]]] = []
    for candidate in candidates:
        matching = [text.strip() for text in texts if _pattern(candidate).fullmatch(text.strip())]
        if 2 * len(matching) >= len(texts):
            format = _fitted(candidate, matching)
            read.append((format, [_read(format, text.strip()) for text in texts]))
    counts = [len(moments) - moments.count(None) for _, moments in read]
    most = max(counts, default=0)
    if 2 * most < len(texts) or not most:
        return []
    best = [
        (format, moments)
        for (format, moments), count in zip(read, counts, strict=True)
        if count == most or (count >= USUAL * most and _is_usual(format))
    ]
    return _distinct(best)


def _is_usual(format: TimeFormat) -> bool:
    """Whether numbers between points stand day first: then a day that does not exist is a mistake, no other order."""
    return re.match(r"%-?d\.%-?m\.", format.text) is not None


def _distinct(read: list[tuple[TimeFormat, list[datetime | None]]]) -> list[TimeFormat]:
    """Those that read differently what all of them read."""
    if len(read) == 1:
        return [read[0][0]]
    rows = [
        row for row, moments in enumerate(zip(*(moments for _, moments in read), strict=True)) if None not in moments
    ]
    readings: dict[tuple[datetime | None, ...], TimeFormat] = {}
    for format, moments in read:
        readings.setdefault(tuple(moments[row] for row in rows), format)
    return list(readings.values())


def _read(format: TimeFormat, text: str) -> datetime | None:
    """The time a text says, None if there is none, or it is a number of another kind."""
    try:
        moment = format.read(text)
    except ValueError:
        return None
    return moment if moment.year in YEARS or not text.isdigit() else None


def _fitted(candidate: str, texts: Sequence[str]) -> TimeFormat:
    """A format with the leading zeros, month names and century that the texts show."""
    found = [_pattern(candidate).fullmatch(text) for text in texts]
    parts = [match.groupdict() for match in found if match is not None]
    text = candidate
    for names in (("d", "m"), ("H",), ("I",), ("V",)):
        written = {name: [part[name] for part in parts if name in part] for name in names}
        if any(len(number) == 1 for numbers in written.values() for number in numbers):
            for name, numbers in written.items():
                if not any(number.startswith("0") and number != "0" for number in numbers):
                    text = text.replace(f"%{name}", f"%-{name}")
    format = TimeFormat(text)
    words = {part["b"] for part in parts if "b" in part}
    if month_numbers(words):
        format = replace(format, months=month_names(words))
    years = sorted({int(part["y"]) for part in parts if "y" in part})
    return replace(format, since=_since(years)) if years else format


def _since(years: Sequence[int]) -> int:
    """The first of the hundred years that those of two digits are meant in: the latest that hold them side by side."""
    gaps = [(after - before) % 100 or 100 for before, after in zip([years[-1], *years], years, strict=False)]
    first = years[gaps.index(max(gaps))]
    span = 100 - max(gaps)
    begin = first + 2000 if first + 2000 + span <= LATEST else first + 1900
    return begin - (99 - span) // 2


def _possible(text: str) -> Iterator[str]:
    """Formats in which a text could be written."""
    yield from (format for format in _dates() if _pattern(format).fullmatch(text))
    split = _WITH_CLOCK.fullmatch(text)
    if split is None:
        return
    between = split["between"].replace("%", "%%")
    for clock in _CLOCKS:
        if _pattern(clock).fullmatch(split["clock"]):
            yield from (f"{day}{between}{clock}" for day in _dates() if _pattern(day).fullmatch(split["day"]))


_WITH_CLOCK = re.compile(r"(?P<day>.*?[^\W_]\.?)(?P<between>T|,? +|:| at )(?P<clock>\d{1,2}([:.h]?\d{2})*.*)")
_CLOCKS = (
    "%H:%M", "%H:%M:%S", "%H:%M:%S.%f", "%H:%M:%S,%f", "%I:%M %p", "%I:%M:%S %p", "%I:%M:%S.%f %p", "%I:%M%p", "%I:%M:%S%p",
    "%I %p", "%I%p", "%H.%M", "%H.%M.%S", "%H:%M Uhr", "%H.%M Uhr", "%Hh%M", "%H%M", "%H%M%S",
)  # fmt: skip


@functools.cache
def _dates() -> tuple[str, ...]:
    formats: list[str] = []
    for mark in "./-":
        orders = ("d m Y", "m d Y", "d m y", "m d y", "y m d", "m Y")
        formats += [mark.join(f"%{name}" for name in order.split()) for order in orders]
    formats += [
        "%Y-%m-%d",
        "%Y/%m/%d",
        "%Y.%m.%d",
        "%Y. %m. %d.",
        "%d.%m.%Y.",
        "%d. %m. %Y",
        "%Y %m %d",
        "%d %m %Y",
        "%Y.%m",
        "%Y",
    ]
    formats += ["%Y%m%d", "%Y%m", "%d%m%Y", "%m%d%Y", "%Y%m%d%H", "%Y%m%d%H%M", "%Y%m%d%H%M%S"]
    for mark in ("", "-", " ", "/", ":", "."):
        formats += [f"%Y{mark}{q}%q" for q in ("Q", "q", "K", "T")] + [f"{q}%q{mark}%Y" for q in ("Q", "q")]
        formats += [f"%Y{mark}{m}%m" for m in ("M", "m")]
        formats += [f"%G{mark}{w}%V" for w in ("W", "w", "KW")] + [f"{w}%V{mark}%G" for w in ("W", "KW")]
    formats += ["%G-W%V-%u", "%GW%V%u", "KW %V/%G", "KW %V %G", "%V/%G KW", "Week %V %G", "%q. Quartal %Y", "%Y-%j"]
    for mark in (" ", "-", "/", ""):
        orders = ("b Y", "b y", "Y b", "d b Y", "d b y", "Y b d", "b d Y")
        formats += [mark.join(f"%{name}" for name in order.split()) for order in orders]
    formats += ["%b %d, %Y", "%b'%y", "%b '%y", "%d. %b %Y", "%d.%b.%Y", "%d-%b %Y", "%b, %Y"]
    return tuple(formats)
