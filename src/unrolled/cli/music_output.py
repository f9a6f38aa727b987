"""Music that was drawn, at the command line: as text, as lists of notes, as MIDI files and as pictures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from unrolled.cli.messages import say
from unrolled.errors import InputError

if TYPE_CHECKING:
    from unrolled.cli.task import Model

__all__ = ["after_prompt", "frames_as_text", "music_prompt", "notes_of", "require_frames", "write_midi", "write_rolls"]

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


def require_frames(pieces: list[Any], prompt: Any) -> None:
    """Raise an InputError if a piece has no frame, so that no MIDI file can hold it."""
    empty = next((n for n, piece in enumerate(pieces, 1) if not len(after_prompt(piece, prompt))), None)
    if empty is not None:
        raise InputError(
            f"piece {empty} has ended before its first frame, so there is nothing to write: take another --seed"
        )


def after_prompt(piece: Any, prompt: Any) -> Any:
    """A roll with what it was begun with."""
    import numpy as np

    return piece if prompt is None else np.concatenate([prompt, piece])


def write_midi(model: Model, pieces: list[Any], prompt: Any, path: Path, tempo: float) -> None:
    """Write each piece to a file, of several with a number in its name."""
    from unrolled.cli.output_files import numbered
    from unrolled.data.midi import midi_bytes
    from unrolled.runtime.atomic_write import write_atomically

    estimator, lowest = model.estimator, _lowest(model)
    rolls = [after_prompt(piece, prompt) for piece in pieces]
    written = [midi_bytes(roll, estimator.frame, tempo=tempo, lowest=lowest) for roll in rolls]
    for own, data in zip(numbered(path, len(written)), written, strict=True):
        write_atomically(own, data)
        say(f"wrote {own}")


def write_rolls(model: Model, pieces: list[Any], prompt: Any, path: Path) -> None:
    """Write a picture of all pieces, one above the other, what was given paler."""
    from unrolled.charts.chart import Chart
    from unrolled.charts.piano_roll import piano_roll_figure

    given, called = 0 if prompt is None else len(prompt), model.estimator.frame.replace("_", " ")
    pictures = [
        piano_roll_figure(roll, _lowest(model), f"piece {n}: {len(roll)} frames", given=given, called=called)
        for n, roll in enumerate((after_prompt(piece, prompt) for piece in pieces), 1)
    ]
    Chart(*pictures).save(path)
    say(f"wrote {path}")


def _lowest(model: Model) -> int:
    from unrolled.data.midi import lowest_note

    return lowest_note(model.estimator.notes_)
