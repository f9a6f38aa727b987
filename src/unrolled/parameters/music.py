"""How pieces of music are read, written and learned."""

from __future__ import annotations

from typing import Annotated, Literal

from unrolled.parameters.declaration import Parameter, Parameters
from unrolled.parameters.ranges import Range

__all__ = ["MusicParameters", "MusicStep", "WithinFrame"]

MusicStep = Literal["half", "quarter", "eighth", "sixteenth", "thirty_second"]
"""The note that lasts as long as a frame of a piano roll."""
WithinFrame = Literal["note_by_note", "independent"]
"""How the notes of a frame are said: each given those below it, or each by itself."""


class MusicParameters(Parameters):
    """From pieces of music to frames of notes."""

    _title = "Music"

    frame: Annotated[
        MusicStep,
        Parameter(
            "The note that lasts as long as a frame of a piano roll, where pieces come from MIDI and go there.",
            metavar="NOTE",
        ),
    ] = "sixteenth"
    within_frame: Annotated[
        WithinFrame,
        Parameter(
            "How the notes of a frame are said: note_by_note, each given those below it, or independent of each other"
            " given the frames before.",
            metavar="HOW",
        ),
    ] = "note_by_note"
    transpose: Annotated[
        int,
        Parameter(
            "Semitones by which pieces are at most shifted up or down in training, drawn anew for each piece and epoch.",
            Range(0, 48),
            metavar="SEMITONES",
        ),
    ] = 0
