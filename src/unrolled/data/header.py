"""The names of a file's columns, distinguished from data in the first line."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import pairwise

from unrolled.data.numbers import INTEGER, NUMBER, NumberForm
from unrolled.data.timestamps import are_timestamps

__all__ = ["data_in_header", "first_duplicate"]

YEARS = range(1800, 2200)
MOST_LOOKED_AT = 1000  # names that may be times
MOST_CELLS = 1_000_000
_COMMA = NumberForm(",")


def first_duplicate(names: Sequence[str]) -> str | None:
    """A name that comes a second time.

    >>> first_duplicate(["a", "b", "a"])
    'a'
    """
    seen: set[str] = set()
    return next((name for name in names if name in seen or seen.add(name)), None)


def data_in_header(names: Sequence[str], rows: Sequence[Sequence[str]], known: Collection[str] = ()) -> str | None:
    """What shows that the first line holds data, not names; None if it holds names.

    Columns may be named by numbers, if these go up or down (positions, years, wavelengths), and by times, if numbers stand below.

    Args:
        names: the first line.
        rows: some of those after it.
        known: names that a model, or the user, knows.

    >>> data_in_header(["0.31", "0.12", "up"], [["0.5", "0.1", "down"], ["0.2", "0.7", "up"]])
    "found data ('0.31')"
    >>> data_in_header(["0", "1", "label"], [["0.5", "0.1", "down"]]) is None
    True
    """
    if known and set(known) <= set(names):
        return None
    numbers = [name for name in names if NUMBER.fullmatch(name)]
    others = [name for name in names[:MOST_LOOKED_AT] if not NUMBER.fullmatch(name) and any(map(str.isdigit, name))]
    times = {name for name in others if are_timestamps([name])}
    rows = rows[: max(5, MOST_CELLS // len(names))]
    if len(numbers) + len(times) == len(names):
        return f"found data ({names[0]!r})"
    if numbers and not _are_names(numbers):
        return f"found data ({numbers[0]!r})"
    for i, name in enumerate(names):
        if name not in times and NUMBER.fullmatch(name):
            continue
        cells = [row[i].strip() for row in rows if i < len(row) and row[i].strip()]
        if name in times and are_timestamps(cells):
            return f"found data ({name!r})"
        if name not in times and name in cells:
            return f"found {name!r}, which is in a row below, too"
        if _COMMA.read(name) is not None and cells and all(_COMMA.read(cell) is not None for cell in cells):
            return f"found data ({name!r})"
    return None


def _are_names(numbers: Sequence[str]) -> bool:
    """Whether numbers go up or down as positions do."""
    values = [float(number) for number in numbers]
    steps = [after - before for before, after in pairwise(values)]
    if all(map(INTEGER.fullmatch, numbers)):
        years = all(value in YEARS for value in values) and all(step > 0 for step in steps)
        return years or (all(step == 1 for step in steps) and (len(values) > 2 or values[0] in (0, 1)))
    return len(values) > 2 and (all(step > 0 for step in steps) or all(step < 0 for step in steps))
