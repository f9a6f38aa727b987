"""A piano roll: frames from left to right, notes from low to high, and a bar as long as each note sounds."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.charts.svg import Plot
from unrolled.charts.ticks import number_label, number_ticks

__all__ = ["note_name", "piano_roll_figure", "sounding_notes"]

WIDTH, ROW = 860, 7  # px: of the picture, and of a note
FEWEST = 13  # notes that are shown, an octave
NAMES = ("C", "C♯", "D", "D♯", "E", "F", "F♯", "G", "G♯", "A", "A♯", "B")
OCTAVE = len(NAMES)


def piano_roll_figure(roll: NDArray[Any], lowest: int, label: str, *, given: int = 0, called: str = "frame") -> str:
    """Return an SVG of a roll ``[T, P]`` of zeros and ones, whose first column is MIDI's note ``lowest``.

    Args:
        roll: the frames.
        lowest: 60 is middle C.
        label: stands above.
        given: as many frames at the beginning were not said but given, and end at a dashed line.
        called: what a frame is, such as ``quarter``.

    >>> roll = np.zeros((4, 128), np.uint8)
    >>> roll[:3, 60] = roll[2:, 64] = 1
    >>> picture = piano_roll_figure(roll, 0, "two notes")
    >>> picture.count('class="cell"'), "<title>E4, frames 2 to 3</title>" in picture, ">C4</text>" in picture
    (2, True, True)
    """
    T, notes = len(roll), sounding_notes(roll)
    low, high = _shown([column for column, _, _ in notes], roll.shape[1])
    height = 58 + ROW * (high - low + 1)
    plot = Plot(WIDTH, height, x=(0, max(T, 1)), y=(low - 0.5, high + 0.5), top=28, bottom=30)
    plot.text(plot.left, 16, label, "tick")
    tonics = [column for column in range(low, high + 1) if (column + lowest) % OCTAVE == 0]
    plot.y_axis([(column, note_name(column + lowest)) for column in tonics])
    plot.x_axis([(tick, number_label(tick)) for tick in number_ticks(0, max(T, 1), 12) if tick == int(tick)])
    plot.text(plot.right, plot.bottom - 4, f"{called}s", "tick", anchor="end")
    for column, start, end in notes:
        name, last = note_name(column + lowest), end - 1
        hint = f"{name}, {called} {start}" if start == last else f"{name}, {called}s {start} to {last}"
        plot.cell(
            start, column + 0.5, "cell", size=(end - start - 0.08, -1), opacity=0.45 if end <= given else 1, hint=hint
        )
    if given:
        plot.rule(given, "now")
    return plot.svg(label)


def sounding_notes(roll: NDArray[Any]) -> list[tuple[int, int, int]]:
    """Column, first frame and the frame after the last of each note of a roll ``[T, P]``, in the order of columns.

    >>> sounding_notes(np.array([[1, 0], [1, 1], [0, 0], [1, 0]]))
    [(0, 0, 2), (0, 3, 4), (1, 1, 2)]
    """
    silence = np.zeros((roll.shape[1], 1), np.int8)
    changes = np.diff(np.concatenate([silence, (roll.T != 0).astype(np.int8), silence], axis=1), axis=1)
    columns, starts = np.nonzero(changes == 1)
    return list(zip(columns.tolist(), starts.tolist(), np.nonzero(changes == -1)[1].tolist(), strict=True))


def note_name(pitch: int) -> str:
    """The name of MIDI's note with its octave.

    >>> note_name(60), note_name(69), note_name(22)
    ('C4', 'A4', 'A♯0')
    """
    return f"{NAMES[pitch % OCTAVE]}{pitch // OCTAVE - 1}"


def _shown(columns: list[int], P: int) -> tuple[int, int]:
    """The lowest and the highest column of the picture: those that sound, and some around where they are few."""
    low, high = (min(columns), max(columns)) if columns else (P // 2, P // 2)
    missing = max(0, min(FEWEST, P) - (high - low + 1))
    low = max(0, min(low - missing // 2, P - min(FEWEST, P)))
    return low, min(P - 1, max(high, low + min(FEWEST, P) - 1))
