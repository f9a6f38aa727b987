"""A small file of each kind that can be learned from: real passengers, and the rest made up, the same each time."""

from __future__ import annotations

import io
import wave
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.random import Generator

__all__ = ["demo_files"]

WORDS = {
    "good": ["lovely", "warm", "clever", "moving", "funny", "fine"],
    "bad": ["dull", "cold", "clumsy", "empty", "tired", "loud"],
}
MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
DEEDS = [
    ("malt", "lay in"), ("rat", "ate"), ("cat", "killed"), ("dog", "worried"), ("cow with the crumpled horn", "tossed"),
    ("maiden all forlorn", "milked"), ("man all tattered and torn", "kissed"), ("priest all shaven and shorn", "married"),
    ("cock that crowed in the morn", "waked"), ("farmer sowing his corn", "kept"),
]  # fmt: skip
PEOPLE, PLACES = ["Ada", "Grace", "Alan", "Emmy"], ["London", "Paris", "Rome"]


def demo_files() -> Iterator[tuple[str, bytes]]:
    """Names, with folders, and what is in the files: a series, reviews, engines, sentences, a pump, tones, dates, a rhyme."""
    import numpy as np

    from unrolled.data import airline

    yield "passengers.csv", _table("month,passengers", zip(airline.MONTHS, airline.PASSENGERS, strict=True))
    yield from _reviews(np.random.default_rng(0))
    yield from _engines(np.random.default_rng(1))
    yield from _sentences(np.random.default_rng(2))
    yield from _pump(np.random.default_rng(3))
    yield from _tones(np.random.default_rng(4))
    yield from _dates(np.random.default_rng(5))
    yield "jack.txt", _rhyme().encode()


def _table(columns: str, rows: Iterable[Iterable[Any]]) -> bytes:
    return ("\n".join([columns, *(",".join(map(str, row)) for row in rows)]) + "\n").encode()


def _reviews(rng: Generator) -> Iterator[tuple[str, bytes]]:
    """Texts with a class."""

    def row(mood: str) -> tuple[str, str]:
        first, second = rng.choice(WORDS[mood], 2, replace=False)
        forms = [f"a {first} and {second} film", f"so {first} and really {second}", f"the plot is {first}"]
        return f'"{rng.choice(forms)}, the end {rng.choice(WORDS[mood])}"', mood

    moods = ["good", "bad"] * 60
    yield "reviews.csv", _table("review,mood", map(row, moods))
    yield "other_reviews.csv", _table("review,mood", map(row, moods[:40]))
    yield "new_reviews.txt", b"a warm and funny film\nso dull and really loud\n"


def _engines(rng: Generator) -> Iterator[tuple[str, bytes]]:
    """Sequences of numbers with a number."""

    def steps(n: int) -> list[tuple[Any, ...]]:
        wear, count = rng.uniform(), rng.integers(10, 20)
        heat, noise = 60 + 30 * wear + rng.normal(size=count), 0.1 * rng.normal(size=count)
        return [
            (f"e{n}", t, round(heat[t], 1), round(1 + wear * t / 10 + noise[t], 2), round(100 * (1 - wear)))
            for t in range(count)
        ]

    columns = "engine,minute,temperature,vibration"
    yield "engines.csv", _table(f"{columns},hours_left", (row for n in range(100) for row in steps(n)))
    yield "running_engines.csv", _table(columns, (row[:4] for n in range(3) for row in steps(n)))


def _sentences(rng: Generator) -> Iterator[tuple[str, bytes]]:
    """Words with tags."""

    def sentence() -> str:
        who, where = rng.choice(PEOPLE), rng.choice(PLACES)
        forms = [
            f"{who}/B-PER lives/O in/O {where}/B-LOC ./O",
            f"in/O {where}/B-LOC {who}/B-PER sleeps/O ./O",
            f"{where}/B-LOC is/O large/O ./O",
        ]
        return str(rng.choice(forms)).replace(" ", "\n").replace("/", " ")

    for name, count in (("names.conll", 150), ("other_names.conll", 20)):
        yield name, ("\n\n".join(sentence() for _ in range(count)) + "\n").encode()


def _pump(rng: Generator) -> Iterator[tuple[str, bytes]]:
    """Ten weeks of a sensor, by the hour: all is as usual, then two things are not."""
    import numpy as np

    t = np.arange(24 * 7 * 10)
    clock = [str(np.datetime64("2024-01-01T00") + hour).replace("T", " ") + ":00" for hour in t]
    working = (t // 24 % 7 < 5) & (t % 24 >= 7) & (t % 24 < 19)
    flow = 20 + 15 * working + rng.normal(size=len(t))
    pressure = 6 - 0.08 * flow + 0.1 * rng.normal(size=len(t))
    pressure[1300:1306] -= 1.2
    flow[1440:1464] = 20 + rng.normal(size=24)
    rows = list(zip(clock, flow.round(2), pressure.round(2), strict=True))
    yield "pump.csv", _table("time,flow,pressure", rows[:1200])
    yield "pump_later.csv", _table("time,flow,pressure", rows[1200:])
    yield "pump_known.csv", _table("start,end", [(clock[1300], clock[1305]), (clock[1440], clock[1463])])


def _dates(rng: Generator) -> Iterator[tuple[str, bytes]]:
    """Dates as people write them, and as computers do."""

    def pair() -> tuple[str, str]:
        day, month, year = rng.integers(1, 29), rng.integers(12), rng.integers(1950, 2030)
        forms = [f"{day} {MONTHS[month]} {year}", f"{MONTHS[month]} {day}, {year}"]
        return str(rng.choice(forms)), f"{year}-{month + 1:02}-{day:02}"

    pairs = [pair() for _ in range(1203)]
    yield "dates.tsv", ("\n".join("\t".join(pair) for pair in [("source", "target"), *pairs[3:]]) + "\n").encode()
    yield "new_dates.txt", ("\n".join(source for source, _ in pairs[:3]) + "\n").encode()


def _rhyme() -> str:
    """A text that says much again: the house that Jack built."""
    verses = [
        "".join(f"the {who}\nThat {did} " for who, did in reversed(DEEDS[:n])) + "the house that Jack built.\n"
        for n in range(len(DEEDS) + 1)
    ]
    return "\n".join(f"This is {verse}" for verse in verses) * 3


def _tones(rng: Generator) -> Iterator[tuple[str, bytes]]:
    """Recordings in folders, which are their classes."""
    import numpy as np

    for n in range(24):
        word, height = [("high", 3), ("low", 1)][n % 2]
        pitch = height * rng.uniform(150, 400)
        samples = (8000 * np.sin(2 * np.pi * pitch * np.arange(2000) / 8000)).astype("<i2")
        file = io.BytesIO()
        with wave.open(file, "wb") as opened:
            opened.setparams((1, 2, 8000, 0, "NONE", ""))
            opened.writeframes(samples.tobytes())
        yield f"tones/{word}/{n:02}.wav", file.getvalue()
