r"""Pieces of music in MIDI files, as piano rolls.

A piano roll :math:`[T, 128]` says of each frame and of each of MIDI's 128 notes whether it sounds. A frame lasts as long as a
note of a chosen kind. What begins and ends :math:`a` and :math:`b` frames after the beginning of the piece sounds in the frames

.. math::
    \lfloor a + \tfrac 1 2 \rfloor, \;\dots,\; \max(\lfloor a + \tfrac 1 2 \rfloor + 1, \lfloor b + \tfrac 1 2 \rfloor) - 1

so the shortest note has a frame. Two notes of the same pitch without a rest between them become a long one; how loud a note is,
which instrument plays it and what a pedal holds is not kept. MIDI counts in beats, so changes of tempo move nothing.

Source: MIDI Manufacturers Association 1996, *Standard MIDI Files 1.0*, RP-001.
"""

from __future__ import annotations

import io
import os
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from unrolled.data.folders import files_in
from unrolled.errors import InputError, MissingExtraError
from unrolled.parameters.declaration import check_range
from unrolled.parameters.music import MusicStep
from unrolled.parameters.ranges import Range

__all__ = [
    "ENDINGS",
    "PITCHES",
    "MidiPiece",
    "beats_of",
    "columns_of",
    "lowest_note",
    "midi_bytes",
    "midi_files",
    "read_midi",
    "read_midi_folder",
]

BEATS: dict[MusicStep, Fraction] = {
    "half": Fraction(2), "quarter": Fraction(1), "eighth": Fraction(1, 2), "sixteenth": Fraction(1, 4),
    "thirty_second": Fraction(1, 8),
}  # fmt: skip
ENDINGS = (".mid", ".midi")
PITCHES = 128
DRUMS = 9  # the tenth channel, counted from 0: its notes are no pitches
USUAL_TEMPO = 120.0
LONGEST = 200_000  # frames: some seven hours of sixteenths
TICKS = 480  # a beat of written files
VELOCITY = 80
LOWEST_OF_PIANO, KEYS_OF_PIANO = 21, 88
DAMAGED = (
    OSError, EOFError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError, struct.error, MemoryError,
    RecursionError,
)  # fmt: skip
"""What mido raises where a file is not what it should be."""


@dataclass(frozen=True, eq=False)
class MidiPiece:
    """A piece: its piano roll ``[T, 128]`` of zeros and ones, the tempo in beats a minute with which it begins, and its name."""

    roll: NDArray[np.uint8]
    tempo: float = USUAL_TEMPO
    name: str = "the piece"


def read_midi(path: str | os.PathLike[str], step: MusicStep = "sixteenth") -> MidiPiece:
    """Read a MIDI file with all its tracks and channels but the tenth, which has drums.

    Args:
        path: the file, of format 0 or 1.
        step: the note that lasts as long as a frame.

    Raises:
        InputError: there is no such file, it was cut short, is no MIDI file, holds no notes or several pieces, or counts in
            seconds.
        MissingExtraError: mido is not installed.

    >>> import tempfile
    >>> roll = np.zeros((3, 128), np.uint8)
    >>> roll[[0, 1, 2], [60, 60, 64]] = 1
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "two_notes.mid"
    ...     _ = file.write_bytes(midi_bytes(roll, "quarter", tempo=90))
    ...     piece, eighths = read_midi(file, "quarter"), read_midi(file, "eighth")
    >>> np.argwhere(piece.roll).tolist(), piece.tempo, eighths.roll.shape
    ([[0, 60], [1, 60], [2, 64]], 90.0, (6, 128))
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path} {'is a folder, expected a MIDI file' if path.is_dir() else 'does not exist'}")
    file = _parsed(path, path.read_bytes())
    if file.type == 2:
        raise InputError(
            f"{path} is of format 2, which holds pieces beside each other: write each to a file of its own"
        )
    if file.ticks_per_beat <= 0:
        raise InputError(f"{path} counts time in frames of film or not at all, expected ticks of a beat")
    notes = list(_notes(file.tracks))
    if not notes:
        raise InputError(f"{path} holds no notes (those of the tenth channel are drums and left out)")
    ticks = file.ticks_per_beat * beats_of(step)
    spans = [(pitch, _nearest(start / ticks), _nearest(end / ticks)) for pitch, start, end in notes]
    T = max(max(start + 1, end) for _, start, end in spans)
    if T > LONGEST:
        raise InputError(
            f"{path} is {T:,} frames long, expected at most {LONGEST:,}: take a longer step, or cut the piece"
        )
    roll = np.zeros((T, PITCHES), np.uint8)
    for pitch, start, end in spans:
        roll[start : max(start + 1, end), pitch] = 1
    return MidiPiece(roll, _tempo(file.tracks), str(path))


def midi_files(folder: str | os.PathLike[str]) -> list[Path]:
    """The MIDI files in a folder and those below it, in the order of their names; what is hidden is left out.

    Raises:
        InputError: there is no such folder, or none in it.
    """
    return files_in(folder, "MIDI files", ENDINGS)


def read_midi_folder(folder: str | os.PathLike[str], step: MusicStep = "sixteenth") -> list[MidiPiece]:
    """The pieces of a folder in the order of their names.

    Raises:
        InputError: there is no such folder, no MIDI file in it, or one that :func:`read_midi` refuses.
        MissingExtraError: mido is not installed.
    """
    return [read_midi(path, step) for path in midi_files(folder)]


def midi_bytes(
    roll: NDArray[Any], step: MusicStep = "sixteenth", *, tempo: float = USUAL_TEMPO, lowest: int | None = None
) -> bytes:
    """A piano roll as the bytes of a MIDI file of one track; a note sounds as long as its column holds ones.

    Args:
        roll: ``[T, P]`` of zeros and ones.
        step: the note that lasts as long as a frame.
        tempo: beats (quarter notes) a minute, from 4 to 1000.
        lowest: MIDI's number of the first column's note (60 is middle C); by default 0 of 128 columns, and 21 of the 88
            of a piano.

    Raises:
        InputError: the roll is none, or its notes are not MIDI's.
        MissingExtraError: mido is not installed.
    """
    mido = _mido("writing MIDI files")
    roll = np.asarray(roll)
    if roll.ndim != 2 or not roll.size or not np.isin(roll, (0, 1)).all():
        raise InputError(f"the roll has shape {list(roll.shape)} of {roll.dtype}, expected [T, P] of zeros and ones")
    lowest = lowest_note(roll.shape[1]) if lowest is None else lowest
    if not 0 <= lowest <= PITCHES - roll.shape[1]:
        raise InputError(f"notes from {lowest} to {lowest + roll.shape[1] - 1}, expected MIDI's, 0 to {PITCHES - 1}")
    check_range("tempo", tempo, Range(4, 1000))
    ticks = int(TICKS * beats_of(step))
    track = mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=round(60_000_000 / tempo))])
    silence = np.zeros((1, roll.shape[1]), np.int8)
    changes = np.diff(np.concatenate([silence, roll.astype(np.int8), silence]), axis=0)
    now = 0
    for frame, column in np.argwhere(changes).tolist():  # in each frame the lowest first
        begins = changes[frame, column] > 0
        elapsed, now = (frame - now) * ticks, frame
        track.append(mido.Message("note_on", note=lowest + column, velocity=VELOCITY if begins else 0, time=elapsed))
    track.append(mido.MetaMessage("end_of_track", time=(len(roll) - now) * ticks))
    buffer = io.BytesIO()
    mido.MidiFile(type=0, ticks_per_beat=TICKS, tracks=[track]).save(file=buffer)
    return buffer.getvalue()


def lowest_note(columns: int) -> int:
    """MIDI's number of the note of a roll's first column.

    Raises:
        InputError: it cannot be told.

    >>> lowest_note(128), lowest_note(88)
    (0, 21)
    """
    known = {PITCHES: 0, KEYS_OF_PIANO: LOWEST_OF_PIANO}
    if columns not in known:
        raise InputError(f"a roll of {columns} notes: which of MIDI's is the first? Give lowest, 60 for middle C")
    return known[columns]


def columns_of(piece: MidiPiece, columns: int) -> NDArray[np.uint8]:
    """A piece's roll with another number of columns, those of all MIDI's notes or of a piano's keys.

    Raises:
        InputError: it has notes that are none of them.

    >>> columns_of(MidiPiece(np.eye(128, dtype=np.uint8)[60:62]), 88).argmax(1).tolist()
    [39, 40]
    """
    if piece.roll.shape[1] == columns:
        return piece.roll
    lowest, first = lowest_note(columns), lowest_note(piece.roll.shape[1])
    roll = np.zeros((len(piece.roll), PITCHES), np.uint8)
    roll[:, first : first + piece.roll.shape[1]] = piece.roll
    inside = roll[:, lowest : lowest + columns]
    if inside.sum() < roll.sum():
        raise InputError(f"{piece.name} has notes outside of {lowest} to {lowest + columns - 1}, which the model has")
    return inside


def beats_of(step: MusicStep) -> Fraction:
    """How many quarter notes a frame lasts.

    Raises:
        InputError: there is no such step.
    """
    if step not in BEATS:
        raise InputError(f"step is {step!r}, expected one of {', '.join(get_args(MusicStep))}")
    return BEATS[step]


def _mido(what: str) -> Any:
    try:
        import mido
    except ImportError:
        raise MissingExtraError(what, "mido", "music") from None
    return mido


def _parsed(path: Path, data: bytes) -> Any:
    """The file as mido has it.

    Raises:
        InputError: it cannot be read.
    """
    mido = _mido("reading MIDI files")
    if not data:
        raise InputError(f"{path} is empty: 0 bytes, expected a MIDI file")
    if not data.startswith(b"MThd"):
        raise InputError(f"{path} is no MIDI file: it does not begin with 'MThd'")
    try:
        return mido.MidiFile(file=io.BytesIO(data))
    except EOFError:
        raise InputError(f"{path} was cut short: it ends in the midst of a track; copy or download it again") from None
    except (*DAMAGED, mido.KeySignatureError) as error:
        raise InputError(f"{path} cannot be read as a MIDI file: {error}") from None


def _notes(tracks: Iterable[Any]) -> Iterator[tuple[int, int, int]]:
    """Pitch, first tick and the tick after the last of each note; one that nothing ends ends with its track."""
    for track in tracks:
        now, since, cut = 0, dict[tuple[int, int], int](), dict[tuple[int, int], int]()  # (channel, pitch) → tick
        for message in track:
            now += message.time
            if message.type not in ("note_on", "note_off") or message.channel == DRUMS:
                continue
            key, begins = (message.channel, message.note), message.type == "note_on" and message.velocity > 0
            if not begins and cut.pop(key, None) == now:
                continue  # the end of a note that the next had begun before it in the same moment
            if key in since:
                yield message.note, since.pop(key), now
                if begins:
                    cut[key] = now
            if begins:
                since[key] = now
        for (_, pitch), start in since.items():
            yield pitch, start, now


def _tempo(tracks: Iterable[Any]) -> float:
    """Beats a minute of the first message that says so, in the order of tracks; MIDI's 120 where none does."""
    tempi = (message.tempo for track in tracks for message in track if message.type == "set_tempo" and message.tempo)
    return round(60_000_000 / next(tempi, 60_000_000 / USUAL_TEMPO), 3)  # MIDI has it in whole microseconds a beat


def _nearest(a: Fraction) -> int:
    """Halves upwards."""
    return int((2 * a + 1) // 2)
