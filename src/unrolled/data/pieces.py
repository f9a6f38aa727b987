"""Files of pieces to learn to say: one long text, a piece a line, or tables and JSON lines with what each piece is to be."""

from __future__ import annotations

import os
from collections.abc import Container, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from unrolled.data.example_columns import ExampleColumns
from unrolled.data.example_file import Example, ExampleFile, Examples, Place, ReadOptions, TargetLevel
from unrolled.data.examples import open_example_file
from unrolled.data.folders import visible_files
from unrolled.data.jsonl import KINDS, json_objects, json_targets, open_jsonl
from unrolled.data.music import is_music, read_music
from unrolled.data.npz import npz_names, npz_targets, open_npz
from unrolled.data.plain_text import open_plain_text
from unrolled.data.text_lines import TextLines, unpacked_suffix
from unrolled.errors import InputError
from unrolled.parameters.music import MusicStep

__all__ = ["PieceOptions", "is_of_conditions", "open_pieces", "read_conditions"]

TABLES = (".csv", ".tsv")
JSON_LINES = (".jsonl", ".ndjson")
NO_TEXTS = (".ts", ".parquet")


@dataclass(frozen=True)
class PieceOptions:
    """What the user said of a file.

    Attributes:
        text: the column or key of the pieces.
        condition: that of what each piece is to be, a label or, in JSON lines, a list of numbers; by default it is not read.
        plain: whether a file of plain text is one ``whole`` or has a piece on each of its ``lines``.
        frame: the note that lasts as long as a frame of MIDI files.
        pattern: where the name of a recording says what it is to be, as :func:`unrolled.data.wav.read_wav_folder` reads it; by
            default the folder below that of all, in which it is.
    """

    text: str | None = None
    condition: str | None = None
    plain: Literal["whole", "lines"] = "whole"
    frame: MusicStep = "sixteenth"
    pattern: str | None = None


def open_pieces(
    path: str | os.PathLike[str], options: PieceOptions | None = None, columns: ExampleColumns | None = None
) -> ExampleFile:
    r"""Open a file of pieces.

    Args:
        path: ``.csv`` and ``.tsv``, a table with a piece a row; ``.jsonl``, an object a line whose piece is a text, a list of
            tokens, or a ``sequence`` of steps of numbers, such as strokes; ``.npz``, as :mod:`unrolled.data.npz` reads it, with
            ``y``, labels ``[N]`` or vectors ``[N, D]``, where there is one; a WAV file or a folder of them; a folder or files of
            music (:func:`unrolled.data.music.read_music`), which are piano rolls; any other file is plain text. Texts may be
            packed by gzip; ``-`` is plain text from the standard input.
        options: what the user said.
        columns: those that a model was trained on.

    Raises:
        InputError: there is no such file, it holds no texts, or a column is missing.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "two.txt"
    ...     _ = file.write_text("To be,\nor not\n")
    ...     with open_pieces(file) as whole, open_pieces(file, PieceOptions(plain="lines")) as lines:
    ...         whole.read().items, lines.read().items
    (['To be,\nor not\n'], ['To be,', 'or not'])
    """
    path, options = Path(path), options or PieceOptions()
    suffix = unpacked_suffix(path)
    if options.pattern is not None and not _has_recordings(path):
        raise InputError(f"{path}: pattern= says what recordings are to be, but here are none; leave it out")
    if suffix == ".wav" or _has_recordings(path):
        return _recordings(path, options)
    if suffix == ".npz":
        _check_no_columns(path, options, "arrays, whose conditions are y")
        return open_npz(
            path, ReadOptions(), target_level="sequence" if "y" in npz_names(path) else "none", vectors=True
        )
    if path.is_dir() or is_music(path):
        return _music(path, options)
    if suffix in JSON_LINES:
        return _objects(path, options, columns)
    if suffix in TABLES:
        learned = options.condition or (columns.label if columns else None)
        read = ReadOptions(text=options.text, label=options.condition)
        opened = open_example_file(path, read, target_level="sequence" if learned else "none", columns=columns)
        if opened.kind not in ("text", "tokens"):
            opened.close()
            raise InputError(f"{path} holds sequences of numbers, expected texts; name their column with text=")
        return opened
    if suffix in NO_TEXTS:
        raise InputError(f"{path}: the name ends in {suffix!r}, which is no file of texts")
    _check_no_columns(path, options, "plain text, which has no columns")
    if options.plain == "lines":
        return open_plain_text(path, ReadOptions(), target_level="none")
    lines = TextLines(path, "a text file")
    return ExampleFile(str(lines.path), "text", _whole(lines), "none", lambda: lines.share, lines.close)


def is_of_conditions(path: str | os.PathLike[str]) -> bool:
    """Whether a file may hold what pieces are to be: by its name.

    >>> is_of_conditions("vectors.npz"), is_of_conditions("minor")
    (True, False)
    """
    return unpacked_suffix(Path(path)) in (".npz", *JSON_LINES)


def read_conditions(path: str | os.PathLike[str], columns: ExampleColumns | None = None) -> Examples:
    """What pieces are to be, as the targets of a file that need not hold any: ``y`` of ``.npz``, or of JSON lines the key that
    a model was trained on, or else the only one.

    Raises:
        InputError: there is no such file, or it holds neither labels nor vectors.
    """
    path = Path(path)
    if unpacked_suffix(path) == ".npz":
        found = npz_targets(path)
        places = [Place("row", n) for n in range(len(found))]
    else:
        read = json_targets(path, columns.label if columns else None)
        found, places = [value for _, value in read], [Place("line", line) for line, _ in read]
    return Examples(str(path), "numbers", found, found, places)


def _objects(path: Path, options: PieceOptions, columns: ExampleColumns | None) -> ExampleFile:
    """JSON lines; keys that a model was trained on need not be said again."""
    text, condition = options.text, options.condition
    if columns is not None:
        keys = _first_keys(path)
        text = text or (columns.text if columns.text in keys and columns.text not in KINDS else None)
        condition = condition or (columns.label if columns.label in keys else columns.label and "label")
    level: TargetLevel = "none" if condition is None else "sequence"
    opened = open_jsonl(path, ReadOptions(text=text, label=condition), target_level=level, vectors=True)
    named = next(key for key, kind in KINDS.items() if kind == opened.kind) if text is None else text
    return replace(opened, columns=ExampleColumns("text", label=condition, text=named))


def _first_keys(path: Path) -> Container[object]:
    with TextLines(path, "a file of JSON lines") as lines:
        return next(json_objects(lines), (0, {}))[1].keys()


def _check_no_columns(path: Path, options: PieceOptions, what: str) -> None:
    """Raise an InputError if a column was named, of which such a file has none."""
    for name in ("text", "condition"):
        if getattr(options, name) is not None:
            raise InputError(f"{path}: {name}= says nothing about {what}; leave it out")


def _has_recordings(path: Path) -> bool:
    return path.is_dir() and next(visible_files(path, [".wav"]), None) is not None


def _recordings(path: Path, options: PieceOptions) -> ExampleFile:
    _check_no_columns(path, options, "recordings, which have no columns")
    named = options.pattern is not None or (path.is_dir() and next(path.glob("*/*.wav"), None) is not None)
    read = ReadOptions(pattern=options.pattern)
    return open_example_file(path, read, target_level="sequence" if named else "none")


def _music(path: Path, options: PieceOptions) -> ExampleFile:
    _check_no_columns(path, options, "music, which has no columns")
    pieces = read_music(path, options.frame)
    examples = (Example(piece.roll, None, Place("piece", piece.name)) for piece in pieces)
    return ExampleFile(str(path), "numbers", examples, "none", lambda: 1.0)


def _whole(lines: TextLines) -> Iterator[Example]:
    text = "".join(lines)
    if text.strip():
        yield Example(text, None, Place("line", 1))
