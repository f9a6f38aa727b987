"""Pieces of music in files: a folder of MIDI files, one of them, JSON lines with the notes of frames, or rolls in ``.npz``.

>>> import tempfile
>>> with tempfile.TemporaryDirectory() as folder:
...     file = Path(folder) / "pieces.jsonl"
...     _ = file.write_text('{"notes": [[60, 64, 67], [60, 64], []]}\\n{"notes": [[72]]}\\n')
...     pieces = read_music(file)
>>> [np.argwhere(piece.roll).tolist() for piece in pieces]
[[[0, 60], [0, 64], [0, 67], [1, 60], [1, 64]], [[0, 72]]]
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, cast

import numpy as np

from unrolled.data.example_file import ReadOptions
from unrolled.data.jsonl import json_objects, shown_json
from unrolled.data.midi import ENDINGS, PITCHES, MidiPiece, read_midi, read_midi_folder
from unrolled.data.npz import open_npz
from unrolled.data.table import listed
from unrolled.data.text_lines import TextLines, unpacked_suffix
from unrolled.errors import InputError
from unrolled.parameters.music import MusicStep

__all__ = ["is_music", "read_music"]

JSON_LINES, ARRAYS = (".jsonl", ".ndjson"), ".npz"
KEY = "notes"


def is_music(path: str | os.PathLike[str]) -> bool:
    """Whether a file holds music: by its name, as that of a MIDI file, or as JSON lines by the keys of the first.

    >>> is_music("bwv1.mid"), is_music("speech.txt")
    (True, False)
    """
    path = Path(path)
    suffix = unpacked_suffix(path)
    if suffix not in JSON_LINES or not path.is_file():
        return suffix in ENDINGS
    with TextLines(path, "a file of JSON lines") as lines:
        return KEY in next(json_objects(lines), (0, {}))[1]


def read_music(path: str | os.PathLike[str], step: MusicStep = "sixteenth") -> list[MidiPiece]:
    """The pieces of a file or a folder.

    ======================== =====================================================================================================
    a folder                 the ``.mid`` and ``.midi`` files in it and below it, in the order of their names
    ``.mid``, ``.midi``      one piece (:func:`unrolled.data.midi.read_midi`)
    ``.jsonl``, ``.ndjson``  a piece a line, ``{"notes": [[60, 64], [62], []]}``: of each frame the numbers of its notes in MIDI
    ``.npz``                 ``X`` with zeros and ones ``[N, T, P]``, or ``[sum T, P]`` with ``lengths [N]``; rolls stay P wide
    ======================== =====================================================================================================

    Args:
        path: the file or folder; text may be packed by gzip.
        step: the note that lasts as long as a frame; of MIDI files alone, the frames of others are as they are.

    Raises:
        InputError: there is no such file, its name does not tell its format, or its contents do not match.
        MissingExtraError: a MIDI file, and mido is not installed.
    """
    path = Path(path)
    if path.is_dir():
        return read_midi_folder(path, step)
    suffix = unpacked_suffix(path)
    if suffix in ENDINGS:
        return [read_midi(path, step)]
    if suffix in JSON_LINES:
        return _of_json_lines(path)
    if suffix == ARRAYS:
        return _of_arrays(path)
    raise InputError(
        f"{path}: the name says nothing of music; expected one of {', '.join((*ENDINGS, *JSON_LINES, ARRAYS))}, or a folder of"
        " MIDI files"
    )


def _of_json_lines(path: Path) -> list[MidiPiece]:
    with TextLines(path, "a file of JSON lines") as lines:
        pieces = [_piece(f"{path}, line {line}", found) for line, found in json_objects(lines)]
    if not pieces:
        raise InputError(f"{path} is empty: 0 pieces, need at least 1")
    return pieces


def _piece(where: str, found: dict[str, Any]) -> MidiPiece:
    """The piece of an object.

    Raises:
        InputError: it has none.
    """
    if KEY not in found:
        raise InputError(f"{where}: no key {KEY!r}; the keys are {listed(found) or 'none'}")
    frames = cast("list[Any]", found[KEY]) if isinstance(found[KEY], list) else []
    if not frames:
        raise InputError(
            f"{where}: {KEY!r} is {shown_json(found[KEY])}, expected a list of frames, each a list of notes"
        )
    roll = np.zeros((len(frames), PITCHES), np.uint8)
    for t, notes in enumerate(frames):
        if not isinstance(notes, list) or not all(type(note) is int and 0 <= note < PITCHES for note in notes):
            raise InputError(
                f"{where}, frame {t}: {shown_json(notes)}, expected a list of MIDI's notes, 0 to {PITCHES - 1}"
            )
        roll[t, notes] = 1
    return MidiPiece(roll, name=where)


def _of_arrays(path: Path) -> list[MidiPiece]:
    with open_npz(path, ReadOptions(), target_level="none") as file:
        examples = file.read()
    pieces = list[MidiPiece]()
    for roll, place in zip(examples.items, examples.places, strict=True):
        wrong = np.argwhere((roll != 0) & (roll != 1))
        if len(wrong):
            t, column = wrong[0].tolist()
            raise InputError(f"{path}, {place}: frame {t}, note {column} is {roll[t, column]:g}, expected 0 or 1")
        pieces.append(MidiPiece(roll.astype(np.uint8), name=f"{path}, {place}"))
    return pieces
