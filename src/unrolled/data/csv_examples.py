"""Examples in CSV and TSV files: texts, long tables with one step per row, and wide tables with one sequence per row.

The first rows say what the columns are; after that only the sequence at hand is held, however long the file.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unrolled.data.csv import columns_of
from unrolled.data.csv_rows import CsvRows
from unrolled.data.example_columns import ExampleColumns, assign_columns
from unrolled.data.example_file import Example, ExampleFile, Place, ReadOptions, TargetLevel, refuse_step_targets
from unrolled.data.numbers import PLAIN, NumberForm
from unrolled.data.step_order import StepOrder
from unrolled.data.table import Column, listed
from unrolled.data.text_lines import TextLines
from unrolled.errors import InputError

__all__ = ["open_csv_examples"]

SAMPLE = 1000  # rows that say what a column holds

Row = tuple[int, list[str]]


def open_csv_examples(
    path: Path, options: ReadOptions, *, target_level: TargetLevel, columns: ExampleColumns | None = None
) -> ExampleFile:
    """Open a table of examples.

    Args:
        path: the file.
        options: the columns that the user has specified.
        target_level: which targets to read; a label for each step only where each row is a step.
        columns: the columns that a model was trained on, for those that ``options`` does not specify.

    Raises:
        InputError: there is no candidate for a label, a text or numbers, or several.
    """
    options.allow(str(path), "label", "text", "series", "features")
    with ExitStack() as stack:
        lines = stack.enter_context(TextLines(path, "a CSV file"))
        rows = CsvRows(lines, known=() if columns is None else columns.read)
        given = iter(rows)
        sample = list(islice(given, SAMPLE))
        found, of_numbers = columns_of(rows, [cells for _, cells in sample])
        if columns is None or options.text or options.series or options.features:
            columns, notes = _infer(path, found, rows, options, target_level)
        else:
            columns, notes = _as_trained(path, found, columns, options, target_level)
        if columns.layout != "long":
            refuse_step_targets(str(path), target_level)
        read = _Reader(path, rows.header, found, columns, target_level)
        stack.pop_all()  # from here on who reads the examples closes the file
    examples = {"text": read.texts, "long": read.long, "wide": read.wide}[columns.layout](chain(sample, given))
    kind = "text" if columns.layout == "text" else "numbers"
    return ExampleFile(
        str(path),
        kind,
        examples,
        target_level,
        lambda: lines.share,
        lines.close,
        columns,
        (*rows.notes, *of_numbers, *notes),
    )


def _infer(
    path: Path, found: Mapping[str, Column], rows: CsvRows, options: ReadOptions, target_level: TargetLevel
) -> tuple[ExampleColumns, list[str]]:
    features = _split_names(options.features, set(rows.header))
    return assign_columns(
        found, str(path), label=options.label, text=options.text, series=options.series, features=features,
        needs_label=target_level != "none", unnamed=rows.unnamed,
    )  # fmt: skip


def _split_names(names: Sequence[str], header: Collection[str]) -> tuple[str, ...]:
    """Names of columns, several of which may stand in one text, between commas."""
    return tuple(
        part.strip() for name in names for part in ([name] if name in header else name.split(",")) if part.strip()
    )


def _as_trained(
    path: Path, header: Collection[str], columns: ExampleColumns, options: ReadOptions, target_level: TargetLevel
) -> tuple[ExampleColumns, list[str]]:
    label = options.label or columns.label
    read = [*columns.read, *([label] if (target_level != "none" or options.label) and label else [])]
    missing = [name for name in read if name not in header]
    if missing:
        raise InputError(
            f"{path}: no column {missing[0]!r}, which the model was trained with; the columns are {listed(header)}"
        )
    if target_level != "none" and label is None:
        raise InputError(f"{path}: which column is the label? name one with label=; the columns are {listed(header)}")
    times = columns.times if all(name in header for name in columns.times) else ()
    untold = [f"no {' and '.join(map(repr, columns.times))}: steps are taken in the order of the rows"]
    return replace(columns, label=label, times=times), untold if times != columns.times else []


class _Reader:
    """Turns rows into examples."""

    def __init__(
        self,
        path: Path,
        header: list[str],
        sample: Mapping[str, Column],
        columns: ExampleColumns,
        target_level: TargetLevel,
    ) -> None:
        self._path, self._columns = path, columns
        self._place = {name: i for i, name in enumerate(header)}
        self._forms = [sample[name].form if name in sample else PLAIN for name in columns.features]
        try:
            self._order = StepOrder(columns.times, sample) if columns.times else None
        except ValueError as error:
            raise InputError(f"{path}, column {columns.times[0]!r}: {error.args[0]}") from None
        self._label = columns.label if target_level != "none" else None
        self._each = target_level == "step"
        self._features = [self._place[name] for name in columns.features]

    def texts(self, rows: Iterator[Row]) -> Iterator[Example]:
        assert self._columns.text is not None
        for line, cells in rows:
            yield Example(self._text(line, cells, self._columns.text), self._target(line, cells), Place("line", line))

    def wide(self, rows: Iterator[Row]) -> Iterator[Example]:
        """Blank cells at the end of a row end its sequence."""
        for line, cells in rows:
            given = [cells[i].strip() for i in self._features]
            while given and not given[-1]:
                given.pop()
            if not given:
                raise InputError(f"{self._path}, line {line}: no numbers; leave the line out")
            yield Example(self._numbers(line, given)[:, None], self._target(line, cells), Place("line", line))

    def long(self, rows: Iterator[Row]) -> Iterator[Example]:
        """A sequence ends where the name changes; none may come again."""
        assert self._columns.series is not None
        known: set[str] = set()
        name, targets = "", list[str | None]()
        steps: list[NDArray[np.float64]] = []
        times: list[tuple[int, list[str]]] = []
        for line, cells in rows:
            series, target = self._text(line, cells, self._columns.series), self._target(line, cells)
            if series != name or not steps:
                if steps:
                    yield self._sequence(name, steps, targets, times)
                if series in known:
                    raise InputError(
                        f"{self._path}, line {line}, column {self._columns.series!r}: {series!r} ended before; the rows of a"
                        " sequence stand together: sort the file by it"
                    )
                known.add(series)
                name, targets, steps, times = series, [], [], []
            elif not self._each and target != targets[0]:
                raise InputError(
                    f"{self._path}, line {line}, column {self._label!r}: found {target!r}, but the rows of"
                    f" {name!r} before it have {targets[0]!r}; a sequence has one label"
                )
            steps.append(self._numbers(line, [cells[i].strip() for i in self._features]))
            targets.append(target)
            times.append((line, [cells[self._place[time]].strip() for time in self._columns.times]))
        if steps:
            yield self._sequence(name, steps, targets, times)

    def _sequence(
        self,
        name: str,
        steps: list[NDArray[np.float64]],
        targets: list[str | None],
        times: list[tuple[int, list[str]]],
    ) -> Example:
        order = self._steps_in_order(times)
        ordered = [targets[step] for step in order]
        return Example(np.stack(steps)[order], ordered if self._each else targets[0], Place("series", name))

    def _steps_in_order(self, times: list[tuple[int, list[str]]]) -> NDArray[np.intp]:
        if self._order is None:
            return np.arange(len(times))
        try:
            return self._order.permutation([cells for _, cells in times])
        except ValueError as error:
            reason, step = error.args
            line, cells = times[step]
            names = " ".join(self._columns.times)
            raise InputError(
                f"{self._path}, line {line}, column {names!r}: found {' '.join(cells)!r}: {reason}"
            ) from None

    def _text(self, line: int, cells: list[str], column: str) -> str:
        text = cells[self._place[column]].strip()
        if not text:
            raise InputError(
                f"{self._path}, line {line}, column {column!r}: it is blank; fill it or leave the line out"
            )
        return text

    def _target(self, line: int, cells: list[str]) -> str | None:
        return None if self._label is None else self._text(line, cells, self._label)

    def _numbers(self, line: int, cells: list[str]) -> NDArray[np.float64]:
        values = np.array([_value(cell, form) for cell, form in zip(cells, self._forms, strict=False)])
        if np.isfinite(values).all():
            return values
        bad = int(np.argmin(np.isfinite(values)))
        name, form = self._columns.features[bad], self._forms[bad]
        if form.doubtful:
            raise InputError(f"{self._path}, line {line}, column {name!r}: found {cells[bad]!r}: {form.doubt}")
        found = (
            f"found {cells[bad]!r}, expected a finite number; correct" if cells[bad] else "the value is missing; fill"
        )
        raise InputError(f"{self._path}, line {line}, column {name!r}: {found} it, or leave the sequence out")


def _value(cell: str, form: NumberForm) -> float:
    """A number, NaN if a cell is none, or could be one of two."""
    number = None if form.doubtful and not cell.isdigit() else form.read(cell)
    return np.nan if number is None else number
