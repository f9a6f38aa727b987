"""What a generator is given to learn or to go on from, and what its steps are, told from the data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.codecs.frame_tokens import MOST_NOTES
from unrolled.codecs.strokes import check_strokes
from unrolled.data.items import ItemKind, kind_of, read_items
from unrolled.errors import InputError
from unrolled.tasks.generation.generator_parameters import GeneratorParameters, StepKind
from unrolled.tasks.generation.said import Piece

__all__ = ["check_steps", "read_known_pieces", "read_pieces"]

FEWEST_NOTES = 12  # columns of zeros and ones that are a piano roll: an octave

EXPECTED: dict[StepKind, str] = {
    "symbols": "a list of texts, or of lists of tokens, or one long text",
    "notes": "a list of piano rolls [T, P] of zeros and ones",
    "strokes": "a list of strokes [T, 3]: x, y, and 1 where the pen is lifted after the point, else 0",
    "values": "a list of arrays [T, C], or of recordings",
    "auto": "a list of texts, of lists of tokens, of arrays [T, C], or of recordings; or one long text",
}
POSSIBLE: dict[ItemKind, tuple[StepKind, ...]] = {
    "text": ("symbols",), "tokens": ("symbols",), "audio": ("values",), "numbers": ("notes", "strokes", "values"),
}  # fmt: skip

MEANT: dict[str, tuple[StepKind, ...]] = {
    "tokens": ("symbols",), "min_count": ("symbols",), "within_frame": ("notes",), "components": ("strokes", "values"),
    "covariance": ("strokes", "values"), "input_noise": ("strokes", "values"), "step_dropout": ("strokes", "values"),
    "positions": ("strokes",), "steps_at_once": ("values",), "tied": ("symbols", "notes"),
}  # fmt: skip
"""What a parameter is for, where that is only some steps."""


def check_steps(settings: GeneratorParameters, kind: ItemKind, output: StepKind) -> None:
    """Check that parameters are for what is to be said.

    Raises:
        InputError: one is for other steps, and is not what it is by default.
    """
    for name, steps in MEANT.items():
        given = getattr(settings, name)
        if output not in steps and given != getattr(GeneratorParameters, name):
            said = {"audio": "recordings", "tokens": "tokens", "text": "texts"}.get(kind, output)
            raise InputError(f"{name} is {given!r}, but the pieces are {said}: leave it out")


def read_pieces(X: Any, output: StepKind = "auto", called: str = "X") -> tuple[list[Piece], ItemKind, StepKind]:
    """Pieces, what they are, and what a step of them is.

    >>> read_pieces(["ab", "c"]), read_pieces([np.eye(12)])[1:], read_pieces([np.eye(3)])[1:], read_pieces([np.eye(4)])[1:]
    ((['ab', 'c'], 'text', 'symbols'), ('numbers', 'notes'), ('numbers', 'strokes'), ('numbers', 'values'))
    """
    given = [X] if isinstance(X, str) else X
    found = kind_of(given)
    if output not in ("auto", *POSSIBLE[found]):
        raise InputError(f"{called} holds {found}, expected {EXPECTED[output]}")
    if hasattr(given, "__len__") and not hasattr(given, "toarray") and not len(given):
        raise InputError(f"{called} holds 0 items, expected {EXPECTED[output]}")
    read = read_items(given)
    if output == "auto":
        output = _told_apart(read) if found == "numbers" else POSSIBLE[found][0]
    return [_as_said(each, n, output, called) for n, each in enumerate(read)], found, output


def read_known_pieces(X: Any, kind: ItemKind, output: StepKind, width: int | None, called: str = "X") -> list[Piece]:
    """Pieces of a kind that is known, with as many numbers a step."""
    given = [X] if isinstance(X, str) else X
    found = kind_of(given)
    if found != kind and not {found, kind} <= {"text", "tokens"}:
        raise InputError(f"{called} holds {found}, expected {EXPECTED[output]}")
    read = read_items(given, kind=kind, channels=width if kind == "numbers" else None)
    return [_as_said(each, n, output, called) for n, each in enumerate(read)]


def _told_apart(read: Sequence[NDArray[Any]]) -> StepKind:
    """What arrays are, by their numbers."""
    columns = read[0].shape[1]
    if columns >= FEWEST_NOTES and all(_is_roll(each) for each in read):
        return "notes"
    of_pen = columns == 3 and all(_is_roll(each[:, 2]) for each in read) and any(each[:, 2].any() for each in read)
    return "strokes" if of_pen else "values"


def _as_said(piece: Any, n: int, output: StepKind, called: str) -> Piece:
    """A piece, if its numbers are what they have to be."""
    if output == "notes":
        return _as_roll(piece, n, called)
    if output == "strokes":
        check_strokes(piece, f"{called}, piece {n}")
    return piece


def _is_roll(a: NDArray[Any]) -> bool:
    return bool(((a == 0) | (a == 1)).all())


def _as_roll(a: NDArray[Any], n: int, called: str) -> NDArray[np.uint8]:
    """A roll of 0 and 1.

    Raises:
        InputError: it holds another number, or too many notes.
    """
    if a.shape[1] > MOST_NOTES:
        raise InputError(f"{called}, piece {n}: {a.shape[1]:,} notes, expected at most {MOST_NOTES:,}")
    if not _is_roll(a):
        t, note = np.argwhere((a != 0) & (a != 1))[0]
        raise InputError(f"{called}, piece {n}: frame {t}, note {note} is {a[t, note]:g}, expected 0 or 1")
    return a.astype(np.uint8)
