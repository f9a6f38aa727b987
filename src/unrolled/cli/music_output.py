"""Music that was drawn, at the command line: as text, as lists of notes, as MIDI files and as pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unrolled.cli.messages import say
from unrolled.cli.output_files import write_each
from unrolled.errors import InputError

if TYPE_CHECKING:
    from unrolled.cli.task import Model

__all__ = ["frames_as_text", "music_prompt", "notes_of", "require_frames", "write_midi", "write_rolls"]

SILENCE = "-"


def frames_as_text(model: Model, roll: Any) -> str:
    """The names of the notes of each frame, such as ``C4 E4 G4 | C4 | -``."""
    from unrolled.charts.piano_roll import note_name

    return " | ".join(" ".join(map(note_name, notes)) or SILENCE for notes in notes_of(model, roll))


def notes_of(model: Model, roll: Any) -> list[list[int]]:
    """The numbers of the notes of each frame, as JSON lines of music have them."""
    lowest = _lowest(model)
    return [[lowest + column for column, sounds in enumerate(frame) if sounds] for frame in roll]


def music_prompt(model: Model, text: str) -> Any:
    """The roll of a file of music, as the model reads it.

    Raises:
        InputError: it holds none, or several pieces, or notes that the model does not have.
    """
    from unrolled.data.midi import columns_of
    from unrolled.data.music import read_music

    pieces = read_music(Path(text), model.estimator.frame)
    if len(pieces) > 1:
        raise InputError(f"prompt {text} holds {len(pieces)} pieces, expected one")
    return columns_of(pieces[0], model.estimator.notes_)


def require_frames(rolls: Sequence[Any]) -> None:
    """Raise an InputError if a roll has no frame, so that no MIDI file can hold it."""
    empty = next((n for n, roll in enumerate(rolls, 1) if not len(roll)), None)
    if empty is not None:
        raise InputError(
            f"piece {empty} has ended before its first frame, so there is nothing to write: take another --seed"
        )


def write_midi(model: Model, rolls: Sequence[Any], path: Path, tempo: float) -> None:
    """Write each roll to a file, of several with a number in its name."""
    from unrolled.data.midi import midi_bytes

    frame, lowest = model.estimator.frame, _lowest(model)
    write_each([midi_bytes(roll, frame, tempo=tempo, lowest=lowest) for roll in rolls], path)


def write_rolls(model: Model, rolls: Sequence[Any], path: Path, *, given: int) -> None:
    """Write a picture of all rolls, one above the other, the frames that were ``given`` paler."""
    from unrolled.charts.chart import Chart
    from unrolled.charts.piano_roll import piano_roll_figure

    called = model.estimator.frame.replace("_", " ")
    pictures = [
        piano_roll_figure(roll, _lowest(model), f"piece {n}: {len(roll)} frames", given=given, called=called)
        for n, roll in enumerate(rolls, 1)
    ]
    Chart(*pictures).save(path)
    say(f"wrote {path}")


def _lowest(model: Model) -> int:
    from unrolled.data.midi import lowest_note

    return lowest_note(model.estimator.notes_)
