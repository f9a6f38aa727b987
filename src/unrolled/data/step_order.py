"""The order of the steps of a sequence, by the columns that hold its time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from unrolled.data.table import Column, TimeStyle
from unrolled.data.time_columns import TIME_NAMES, is_time
from unrolled.data.time_parts import ORDERS, is_clock, part_of
from unrolled.data.timestamps import are_timestamps, parse_timestamps

__all__ = ["StepOrder", "order_columns"]

Kind = Literal["moment", "clock", "number", "part"]


def order_columns(columns: Mapping[str, Column], series: str) -> tuple[str, ...]:
    """The columns, coarsest first, that hold the time of each step of a sequence, no two the same; none if there are none.

    Args:
        columns: of some rows, none of which are the labels.
        series: the column that names the sequences.
    """
    others = {name: column for name, column in columns.items() if name != series}
    parts: dict[str, str] = {}
    for name, column in others.items():
        if (part := part_of(name, column)) is not None and column.kind == "number":
            parts.setdefault(part, name)
    moments = [name for name, column in others.items() if _kind(name, column) == "moment"]
    clocks = [name for name, column in others.items() if is_clock(column)] + [parts[p] for p in ("hour",) if p in parts]
    candidates: list[tuple[str, ...]] = [(name,) for name in moments]
    candidates += [(day, clock) for day in moments for clock in clocks]
    candidates += [tuple(parts[part] for part in order) for order in ORDERS if set(order) <= set(parts)]
    candidates += [(name,) for name, column in others.items() if _kind(name, column) in ("number", "part")]
    for names in candidates:
        cells = zip(*(columns[name].texts or () for name in (series, *names)), strict=True)
        rows = list(cells)
        if len(set(rows)) == len(rows):
            return names
    return ()


def _kind(name: str, column: Column) -> Kind | None:
    if column.kind == "text":
        given = [text for text in column.values.tolist() if text is not None]
        return "clock" if is_clock(column) else "moment" if are_timestamps(given) else None
    part = part_of(name, column)
    if part is not None and part != "year":
        return "part"
    return "number" if is_time(name, column) or name.lower() in TIME_NAMES else None


class StepOrder:
    """Puts the steps of one sequence after the other in order.

    Args:
        names: of the columns, as :func:`order_columns` gives them.
        columns: of some rows, which show how times are written.

    Raises:
        ValueError: with the row as ``args[1]``: the times are not understood.
    """

    def __init__(self, names: Sequence[str], columns: Mapping[str, Column]) -> None:
        self._kinds = [_kind(name, columns[name]) or "number" for name in names]
        self._styles: list[TimeStyle | None] = [None] * len(names)
        for i, (name, kind) in enumerate(zip(names, self._kinds, strict=True)):
            if kind == "moment":
                texts = [text for text in columns[name].texts or () if text is not None]
                self._styles[i] = parse_timestamps(texts)[1]

    def permutation(self, cells: Sequence[Sequence[str]]) -> NDArray[np.intp]:
        """The steps, oldest first.

        A month, day or hour alone starts anew within a sequence; by it only steps that all go backwards are turned round.

        Args:
            cells: of each step, one for each column.

        Raises:
            ValueError: with the step as ``args[1]``: no time, or the steps are not in order and two have the same.
        """
        keys = [self._key([row[i] for row in cells], i) for i in range(len(self._kinds))]
        steps = np.arange(len(cells))
        if self._kinds == ["part"]:
            backwards = len(cells) > 2 and bool((np.diff(keys[0]) < 0).all())
            return steps[::-1] if backwards else steps
        order = np.lexsort(keys[::-1])
        if (order == steps).all():
            return steps
        same = np.flatnonzero(np.all([key[order][1:] == key[order][:-1] for key in keys], axis=0))
        if len(same):
            raise ValueError(
                "a step before it has the same time, and the steps are not in its order", int(order[same[0] + 1])
            )
        return order

    def _key(self, texts: list[str], i: int) -> NDArray[Any]:
        blank = next((row for row, text in enumerate(texts) if not text), None)
        if blank is not None:
            raise ValueError("it is blank; fill it or leave the line out", blank)
        kind, style = self._kinds[i], self._styles[i]
        if kind == "clock":
            return parse_timestamps([f"1970-01-01 {text}" for text in texts])[0].astype(np.int64)
        if style is None:
            return np.array([_number(text, row) for row, text in enumerate(texts)])
        times, found = parse_timestamps(texts, known=style)
        if found.format != style.format:
            raise ValueError(f"expected a time written as {style.format or '2020-01-31'}, as in the rows before", 0)
        return times.astype(np.int64)


def _number(text: str, row: int) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError("expected a number", row) from None
