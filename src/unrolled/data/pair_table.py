"""Pairs in tables: a column of sources and one of targets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

from unrolled.data.csv_rows import CsvRows
from unrolled.data.example_columns import ExampleColumns
from unrolled.data.example_file import Example, ExampleFile, Place
from unrolled.data.table import listed
from unrolled.data.text_lines import TextLines
from unrolled.errors import InputError

__all__ = ["open_pair_table"]

NAMES = {"source": ("source", "src", "input"), "target": ("target", "tgt", "output")}


def open_pair_table(
    path: Path, source: str | None, target: str | None, trained: ExampleColumns | None = None, *, targets: bool
) -> ExampleFile:
    """Open a CSV or TSV file; a TSV file may do without names (:func:`unrolled.data.pairs.open_pairs`).

    Args:
        path: the file.
        source, target: the names of the columns.
        trained: the columns that a model was trained on, for a file that has them.
        targets: whether targets are read.

    Raises:
        InputError: no such file or column; while it is read: a field is missing or blank, named with its line.
    """
    of_csv = ".csv" in [suffix.lower() for suffix in path.suffixes]
    named = of_csv or source is not None or target is not None or _begins_with_names(path, trained)
    with ExitStack() as stack:
        lines = stack.enter_context(TextLines(path, "a table of pairs"))
        if named:
            rows = CsvRows(lines, known=[name for name in (source, target) if name is not None])
            if trained is not None:
                source = source or (trained.text if trained.text in rows.header else None)
                target = target or (trained.label if trained.label in rows.header else None)
            columns = _columns(path, rows.header, source, target, targets=targets)
            examples, notes = _named(path, rows, columns), rows.notes
            read = " and ".join(f"the {what} is {name!r}" for what, name in zip(NAMES, columns, strict=False))
            notes = (*notes, *([] if source and (target or not targets) else [read]))
            found = ExampleColumns("text", text=columns[0], label=columns[1] if targets else None)
        else:
            examples, found = _unnamed(lines, 2 if targets else 1), None
            notes = (f"{path.name} begins with a pair: it names no columns 'source' and 'target'",)
        stack.pop_all()  # from here on who reads the examples closes the file
    level = "sequence" if targets else "none"
    return ExampleFile(str(lines.path), "text", examples, level, lambda: lines.share, lines.close, found, notes)


def _begins_with_names(path: Path, trained: ExampleColumns | None) -> bool:
    """Whether the first line names a source or a target."""
    if not path.is_file():  # a pipe cannot be read twice
        return False
    with TextLines(path, "a table of pairs") as lines:
        cells = [cell.strip() for cell in next((line for line in lines if line.strip()), "").split("\t")]
    known = {*NAMES["source"], *NAMES["target"]}
    return any(cell.lower() in known or (trained is not None and cell == trained.text) for cell in cells)


def _columns(path: Path, header: list[str], source: str | None, target: str | None, *, targets: bool) -> list[str]:
    """The columns of sources and of targets, if these are wanted."""
    given, left = {"source": source, "target": target}, list(header)
    for what, name in given.items():
        if name is not None and name not in header and (targets or what == "source"):
            raise InputError(f"{path}: no column {name!r} ({what}=); the columns are {listed(header)}")
    if source is not None and source == target:
        raise InputError(f"{path}: source and target are the same column, {source!r}; name two")
    for what, known in NAMES.items():
        given[what] = given[what] or next((name for name in header if name.strip().lower() in known), None)
        left = [name for name in left if name != given[what]]
    found: list[str] = []
    for what, name in list(given.items())[: 1 + targets]:
        only = len(header) <= 2 and left
        if name is None and not only:
            raise InputError(
                f"{path}: which column is the {what}? name one with {what}=; the columns are {listed(header)}"
            )
        found.append(name or left.pop(0))
    return found


def _named(path: Path, rows: CsvRows, columns: Sequence[str]) -> Iterator[Example]:
    places = [rows.header.index(name) for name in columns]
    for line, cells in rows:
        fields = [cells[place].strip() for place in places]
        for name, field in zip(columns, fields, strict=True):
            if not field:
                raise InputError(f"{path}, line {line}, column {name!r}: it is blank; fill it or leave the line out")
        yield Example(fields[0], fields[1] if len(fields) > 1 else None, Place("line", line))


def _unnamed(lines: TextLines, wanted: int) -> Iterator[Example]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        fields = [field.strip() for field in line.rstrip("\r\n").split("\t")]
        if len(fields) < wanted:
            raise InputError(
                f"{lines.path}, line {number}: 1 field, expected a source, a tab and its target; correct it or leave the line out"
            )
        for what, field in list(zip(NAMES, fields, strict=False))[:wanted]:
            if not field:
                raise InputError(f"{lines.path}, line {number}: the {what} is empty; fill it or leave the line out")
        yield Example(fields[0], fields[1] if wanted > 1 else None, Place("line", number))
