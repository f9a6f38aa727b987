"""Piano rolls as the steps that a network says: frames of independent notes, or the notes of each frame one by one."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from unrolled.aliases import Values
from unrolled.codecs.frame_tokens import FrameTokens, Notes
from unrolled.codecs.transposition import transposed, transposition_range
from unrolled.parameters.music import WithinFrame

__all__ = ["NoteCodec"]


class NoteCodec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, dict=True):
    """How rolls ``[T, P]`` of zeros and ones become steps, and steps rolls; it is part of the model file.

    >>> codec = NoteCodec(notes=3, within_frame="note_by_note")
    >>> codec.encode(np.array([[1, 0, 1]])).tolist(), codec.decode(np.array([1, 3, 4])).tolist()
    ([1, 3, 4], [[1, 0, 1]])
    """

    notes: Notes
    """P"""
    within_frame: WithinFrame

    @cached_property
    def symbols(self) -> FrameTokens | None:
        """The symbols of notes and ends of frames; None where notes are independent."""
        return FrameTokens(self.notes) if self.within_frame == "note_by_note" else None

    def encode(self, roll: NDArray[Any]) -> NDArray[Any]:
        """Symbols ``[U]``, or frames ``[T, P]`` of float32."""
        return roll.astype(np.float32) if self.symbols is None else self.symbols.encode(roll)

    def decode(self, steps: NDArray[Any]) -> NDArray[np.uint8]:
        """The roll ``[T, P]``."""
        return steps.astype(np.uint8) if self.symbols is None else self.symbols.decode(steps)

    def of_frames(self, steps: NDArray[Any], log_p: Values) -> Values:
        """Log-likelihoods ``[T]`` of frames from those of their ``steps``; that of an end stays behind them, ``[T + 1]``.

        >>> codec = NoteCodec(notes=3, within_frame="note_by_note")
        >>> codec.of_frames(np.array([1, 3, 4]), np.array([-1.0, -2.0, -3.0, -4.0])).tolist()
        [-6.0, -4.0]
        """
        if self.symbols is None:
            return log_p
        return np.concatenate([self.symbols.frame_sums(steps, log_p[: len(steps)]), log_p[len(steps) :]])

    def transposed(self, steps: NDArray[Any], most: int, generator: np.random.Generator) -> NDArray[Any]:
        """The steps of the piece some semitones higher or lower, ``most`` at most, all as probable that keep its notes.

        >>> codec, generator = NoteCodec(notes=9, within_frame="note_by_note"), np.random.default_rng(1)
        >>> [codec.transposed(np.array([3, 5, 10]), 1, generator).tolist() for _ in range(3)]
        [[3, 5, 10], [3, 5, 10], [4, 6, 10]]
        """
        if self.symbols is None:
            low, high = transposition_range(steps, most)
            return transposed(steps, int(generator.integers(low, high + 1)))
        sounding = (steps >= 1) & (steps <= self.notes)
        notes = steps[sounding]
        low, high = (int(notes.min()) - 1, self.notes - int(notes.max())) if len(notes) else (most, most)
        shift = int(generator.integers(-min(most, low), min(most, high) + 1))
        return np.where(sounding, steps + shift, steps)
