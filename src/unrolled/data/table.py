"""A table as it was read: columns by name, and how the user finds a row of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from unrolled.data.numbers import BLANK, INTEGER, NUMBER, PLAIN, NumberForm
from unrolled.errors import InputError

__all__ = ["BLANK", "INTEGER", "NUMBER", "Column", "FrameLike", "Table", "TimeStyle", "listed"]


@dataclass(frozen=True)
class TimeStyle:
    """How the user writes time, so that forecasts have time stamps in the same format.

    ``unit`` is the last part a text shows (``M`` in 1949-01), the resolution of a datetime dtype, a period's
    frequency, or what an integer counts since 1970 where ``format`` is ``epoch``. ``format`` is that of
    :mod:`unrolled.data.time_formats` where it is not of ISO 8601, and ``months`` the names in it. ``clock`` says what
    the stamps of a column with a time zone count: ``utc`` for steps below a day, which are regular there, and ``wall``
    for steps of days and months, which are regular on the clock at the wall.
    """

    kind: Literal["text", "datetime", "date", "period", "integer"]
    unit: str = "us"
    separators: tuple[str, str] = ("-", "T")
    suffix: str = ""
    zone: str | None = None
    clock: Literal["utc", "wall"] = "wall"
    format: str = ""
    months: tuple[str, ...] = ()


@dataclass(frozen=True)
class FrameLike:
    """The kind of frame the data came in; plain values only, so that a model file can hold it."""

    kind: Literal["numpy", "pandas", "polars", "pyarrow"]
    time: str | None = None
    time_style: TimeStyle | None = None
    time_is_index: bool = False
    series: str | None = None
    series_is_integer: bool = False


@dataclass(frozen=True)
class Column:
    """One column, ``values`` of shape [rows].

    Their dtype is int64, float64 (missing: NaN), bool, ``datetime64[us]`` (missing: NaT) or object (text, missing:
    None). ``texts`` are the cells as written, if they were text, None where nothing was; ``bad`` are the rows of a number
    column whose text is none, ``form`` is how its numbers are written.
    """

    values: npt.NDArray[Any]
    texts: list[str | None] | None = None
    bad: tuple[int, ...] = ()
    style: TimeStyle | None = None
    form: NumberForm = PLAIN

    @property
    def kind(self) -> Literal["number", "truth", "time", "text"]:
        """What the column holds, by its dtype."""
        kinds: dict[str, Literal["number", "truth", "time", "text"]] = {"b": "truth", "M": "time", "O": "text"}
        return kinds.get(self.values.dtype.kind, "number")

    def written(self, row: int) -> str:
        """Return the cell as the user sees it, quoted if it is text, cut where it is long."""
        value = self.values[row] if self.texts is None else self.texts[row]
        return repr(value)[:60] if isinstance(value, str) else str(value)


@dataclass(frozen=True)
class Table:
    """Columns of equal length; ``file`` is None for a frame, ``row_name`` says how the user finds a row.

    ``unnamed`` are the columns to which the user gave no name, ``index`` is that of a pandas frame.
    """

    columns: dict[str, Column]
    rows: int
    row_name: Callable[[int], str]
    like: FrameLike
    file: str | None = None
    notes: tuple[str, ...] = ()
    unnamed: frozenset[str] = frozenset()
    index: Any = None

    @property
    def source(self) -> str:
        """What messages call the whole."""
        return self.file or "the data"

    def label(self, name: str) -> str:
        """Return what messages call a column."""
        return f"{self.file}, column {name!r}" if self.file else f"column {name!r}"

    def cell_error(self, row: int, name: str, text: str) -> InputError:
        """Return the error for one cell."""
        where = f"{self.file}, {self.row_name(row)}" if self.file else f"{self.row_name(row)} (counted from 0)"
        return InputError(f"{where}, column {name!r}: {text}")

    def column(self, name: str, argument: str) -> Column:
        """Return the column that the user named in ``argument``.

        Raises:
            InputError: there is none; the columns that exist are listed.
        """
        if name not in self.columns:
            raise InputError(f"{self.source}: no column {name!r} ({argument}=); the columns are {listed(self.columns)}")
        return self.columns[name]

    def numbers(self, name: str, argument: str) -> npt.NDArray[np.float64]:
        """Return a column as float64, missing values as NaN.

        Raises:
            InputError: text or infinity, named with its row.
        """
        column = self.column(name, argument)
        if column.kind == "time":
            raise InputError(f"{self.label(name)} ({argument}=) holds times, expected numbers")
        if column.form.doubtful:
            row = next(row for row, text in enumerate(column.texts or ()) if text and column.form.doubtful in text)
            raise self.cell_error(row, name, f"found {column.written(row)}: {column.form.doubt}")
        bad = self._text_among_numbers(name) if column.kind == "text" else column.bad
        if len(bad) > 0:
            more = f" (and text in {len(bad) - 1} more rows)" if len(bad) > 1 else ""
            raise self.cell_error(bad[0], name, f"found {column.written(bad[0])}, expected a number{more}; correct it")
        values = column.values.astype(np.float64)
        infinite = np.flatnonzero(np.isinf(values))
        if len(infinite):
            row = int(infinite[0])
            raise self.cell_error(row, name, f"found {column.written(row)}, expected a finite number; correct it")
        return values

    def _text_among_numbers(self, name: str) -> tuple[int, ...]:
        """Return the rows of a text column that keep it from being numbers."""
        texts = self.columns[name].values
        given = [row for row in range(self.rows) if texts[row] is not None]
        bad = tuple(row for row in given if not NUMBER.fullmatch(texts[row].strip()))
        if given and not bad:
            raise InputError(f"{self.label(name)} holds its numbers as text, such as {texts[given[0]]!r}; convert it")
        return bad


def listed(names: Iterable[str]) -> str:
    """Return names as a message shows them: quoted, at most twelve.

    >>> listed(["a", "b"])
    "'a', 'b'"
    """
    quoted = [repr(name) for name in names]
    return ", ".join(quoted[:12]) + (f" and {len(quoted) - 12} more" if len(quoted) > 12 else "")
