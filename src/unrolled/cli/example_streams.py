"""Files of examples at the command line: read to learn from, or streamed through a model."""

from __future__ import annotations

import collections
import sys
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unrolled.cli.data_options import TableOptions, read_options
from unrolled.cli.json_report import Report, reporting
from unrolled.cli.messages import say
from unrolled.cli.row_files import Writer, write_csv, write_json_lines, writing_to
from unrolled.cli.task import Destination, Model
from unrolled.data.examples import open_example_file
from unrolled.errors import InputError
from unrolled.progress import ShareBar, person_watches

if TYPE_CHECKING:
    from unrolled.data.example_columns import ExampleColumns
    from unrolled.data.example_file import ExampleFile, Examples, TargetLevel

__all__ = ["CALLED", "Opening", "check_kind_of", "describe", "predict_rows", "read_to_learn", "read_whole", "stream"]

Opening = Callable[[], "ExampleFile"]

BATCH = 256  # items that are held at once
RECORDINGS = 32  # the same of recordings, which are large

CALLED = {"numbers": "sequences of numbers", "text": "texts", "tokens": "texts in tokens", "audio": "recordings"}
FILES = {
    "numbers": "a .ts, .npz, .csv or .jsonl file of numbers",
    "text": "a .csv, .jsonl or .txt file of texts",
    "tokens": "a CoNLL or .jsonl file of tokens",
    "audio": "a folder of WAV files",
}


def read_to_learn(
    file: Path, columns: TableOptions, level: TargetLevel, roles: ExampleColumns | None = None
) -> tuple[Examples, ExampleColumns | None, tuple[str, ...]]:
    """All examples of a file with their targets, what its columns are, and what was inferred, which is also said."""
    return read_whole(open_example_file(file, read_options(columns), target_level=level, columns=roles))


def read_whole(file: ExampleFile) -> tuple[Examples, ExampleColumns | None, tuple[str, ...]]:
    """All examples of an open file, which is closed, what its columns are, and what was inferred, which is also said."""
    with file as opened:
        say(*opened.notes)
        return opened.read(), opened.columns, opened.notes


def describe(examples: Examples) -> str:
    """How many items, of what kind and length.

    >>> import numpy as np
    >>> from unrolled.data.example_file import Examples
    >>> describe(Examples("a.npz", "numbers", [np.ones((3, 2)), np.ones((5, 2))], None, []))
    '2 sequences of 3 to 5 steps, 2 numbers a step'
    """
    items, kind = examples.items, examples.kind
    if kind == "audio":
        lengths = [len(item.samples) / item.rate for item in items]
        return f"{_count(len(items), 'recording')} of {_span(lengths)} seconds at {items[0].rate} samples a second"
    if kind == "numbers":
        numbers = _count(items[0].shape[1], "number")
        return f"{_count(len(items), 'sequence')} of {_span([len(item) for item in items])} steps, {numbers} a step"
    lengths = [len(item.split() if isinstance(item, str) else item) for item in items]
    what, parts = ("text", "words") if kind == "text" else ("sentence", "tokens")
    return f"{_count(len(items), what)} of {_span(lengths)} {parts}"


def _count(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def _span(lengths: list[Any]) -> str:
    low, high = f"{min(lengths):.3g}", f"{max(lengths):.3g}"
    return low if low == high else f"{low} to {high}"


def stream(
    model: Model,
    file: Path,
    columns: TableOptions | None,
    what: str,
    notes: list[str],
    *,
    level: TargetLevel,
    bar: bool = True,
    opening: Opening | None = None,
) -> Generator[Examples, None, None]:
    """The examples of a file, as many as are held at once, that a model can read.

    Args:
        model, file, columns: what runs, on what, and what the user said of the file.
        what: the word for the work, beside a bar on stderr that shows how far it is.
        notes: gets what was inferred of the file, which is also said.
        level: which targets are read, too.
        bar: whether there is a bar at all.
        opening: opens the file, where that is not one of examples.
    """

    def open_examples() -> ExampleFile:
        return open_example_file(
            file, read_options(columns or TableOptions()), target_level=level, columns=model.estimator.columns_
        )

    with (
        (opening or open_examples)() as opened,
        ShareBar(what, bar and person_watches()) as progress,
    ):
        check_kind_of(model, opened)
        say(*opened.notes)
        notes.extend(opened.notes)
        count = 0
        for examples in opened.batches(RECORDINGS if opened.kind == "audio" else BATCH):
            _check_channels(model, examples)
            yield examples
            count += len(examples.items)
            progress(opened.share(), count)


def predict_rows(
    model: Model,
    file: Path,
    columns: TableOptions | None,
    destination: Destination,
    rows: Callable[[Examples], Iterator[dict[str, Any]]],
    writer: Writer = write_csv,
    opening: Opening | None = None,
    conditions: Callable[[Examples], Any] = lambda _: None,
) -> None:
    """Write what ``rows`` makes of each batch of a file, as it is made: by ``writer``, and as JSON where that is asked for.

    The file is one of examples, or what ``opening`` opens; ``conditions`` says what the items of a batch are to be.
    """
    count, notes, output = 0, list[str](), destination.file
    bar = output is not None or not sys.stdout.isatty()  # no bar among results

    def counted() -> Iterator[dict[str, Any]]:
        nonlocal count
        for examples in stream(model, file, columns, "predicting", notes, level="none", bar=bar, opening=opening):
            for row in rows(examples):
                count += 1
                yield row
            model.measure(examples.items, conditions(examples))

    if output is not None and output.suffix == ".jsonl":
        writer = write_json_lines
    if destination.as_json:
        with reporting(Report(model.path, file, notes, rows_are="predictions")) as passing:
            if output is None:
                collections.deque(passing(counted()), maxlen=0)
            else:
                _write(passing(counted()), output, writer)
    else:
        _write(counted(), output, writer)
    if output is not None:
        say(f"wrote {output} ({_count(count, 'item')})")


def _write(rows: Iterator[dict[str, Any]], output: Path | None, writer: Writer) -> None:
    with writing_to(output) as out:
        writer(rows, out)


def check_kind_of(model: Model, opened: ExampleFile) -> None:
    """Raise an InputError, and close the file, if it holds what a model does not read."""
    expected = model.estimator.item_kind_
    if opened.kind == expected:
        return
    opened.close()
    trained, files = CALLED[expected], FILES[expected]
    if getattr(model.estimator, "notes_", None) is not None:
        trained, files = "music", "a MIDI file, a folder of them, or a .jsonl or .npz file of frames"
    raise InputError(
        f"{opened.source} holds {CALLED[opened.kind]}, but {model.path} was trained on {trained}: give it {files}"
    )


def _check_channels(model: Model, examples: Examples) -> None:
    if examples.kind != "numbers":
        return
    channels = model.estimator.n_channels_in_
    for n, item in enumerate(examples.items):
        if item.shape[1] != channels:
            found = _count(item.shape[1], "number")
            raise examples.error(n, f"{found} a step, but {model.path} was trained on {channels}: give it as many")
