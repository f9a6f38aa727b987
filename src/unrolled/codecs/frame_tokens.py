r"""Frames of a piano roll as symbols: the notes of each in rising order, and then the end of the frame.

.. math::
    p(x[t] \mid x[<t]) = \prod_{k=1}^{K_t + 1} p(s_{t,k} \mid s_{t,<k}, x[<t]), \quad
    s_{t,1} < \dots < s_{t,K_t} \text{ its notes}, \; s_{t,K_t+1} \text{ the end of the frame}

Each set of notes has one such order, so this is a distribution of the frame, in which every note knows those below it. A symbol
that must not follow has no probability, and the rest have all of it: a note does not follow one that is as high or higher, and a
piece ends after a frame.

Source: that notes of a frame are said one after the other, N. Boulanger-Lewandowski, Y. Bengio, P. Vincent 2012, *Modeling
temporal dependencies in high-dimensional sequences*, arXiv 1206.6392 (RNN-NADE, which asks each note whether it sounds).
"""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from unrolled.aliases import Values
from unrolled.errors import InputError

__all__ = ["MOST_NOTES", "FrameTokens", "Notes"]

MOST_NOTES = 1024  # MIDI has 128; what may follow what is a table
Notes = Annotated[int, msgspec.Meta(ge=1, le=MOST_NOTES)]
"""Columns of a piano roll."""


class FrameTokens(msgspec.Struct, frozen=True, forbid_unknown_fields=True, dict=True):
    """Symbols: 0 is unknown and never said, 1 to P are the notes, then the end of a frame, the end of a piece, its beginning.

    >>> codec = FrameTokens(notes=4)
    >>> symbols = codec.encode(np.array([[1, 0, 1, 0], [0, 0, 0, 0], [0, 1, 0, 0]]))
    >>> symbols.tolist()
    [1, 3, 5, 5, 2, 5]
    >>> codec.decode(symbols).tolist()
    [[1, 0, 1, 0], [0, 0, 0, 0], [0, 1, 0, 0]]
    """

    notes: Notes
    """P, the columns of the rolls."""

    @property
    def frame_end(self) -> int:
        """The symbol that ends a frame."""
        return self.notes + 1

    @property
    def symbols(self) -> int:
        """How many there are, without the end and the beginning of a piece, which come behind them in this order."""
        return self.notes + 2

    def encode(self, roll: NDArray[Any]) -> NDArray[np.int64]:
        """Symbols ``[U]`` of a roll ``[T, P]`` of zeros and ones, which does not end the piece."""
        frames, columns = np.nonzero(np.concatenate([roll, np.ones((len(roll), 1), roll.dtype)], axis=1))
        assert len(frames) == 0 or columns[-1] == self.notes
        return columns.astype(np.int64) + 1

    def decode(self, symbols: NDArray[np.int64]) -> NDArray[np.uint8]:
        """The roll ``[T, P]`` of symbols; what comes after the last end of a frame is no frame.

        Raises:
            InputError: a symbol is none of a note or the end of a frame.
        """
        s = np.asarray(symbols)
        wrong = np.flatnonzero((s < 1) | (s > self.frame_end))
        if len(wrong):
            raise InputError(
                f"symbol {s[wrong[0]]} at {wrong[0]}: expected notes, 1 to {self.notes}, or {self.frame_end}"
            )
        ends = s == self.frame_end
        frame = np.cumsum(ends)  # of notes: how many have ended before
        roll = np.zeros((int(ends.sum()), self.notes), np.uint8)
        sounding = ~ends & (frame < len(roll))
        roll[frame[sounding], s[sounding] - 1] = 1
        return roll

    def frame_sums(self, symbols: NDArray[np.int64], log_p: Values) -> Values:
        """The log-likelihood ``[T]`` of each frame of whole ones, of that ``log_p [U]`` of their symbols.

        >>> FrameTokens(notes=4).frame_sums(np.array([1, 3, 5, 5]), np.array([-1.0, -2.0, -3.0, -4.0])).tolist()
        [-6.0, -4.0]
        """
        ends = np.flatnonzero(symbols == self.frame_end)
        return (
            np.add.reduceat(log_p[: ends[-1] + 1], np.concatenate([[0], ends[:-1] + 1])) if len(ends) else np.empty(0)
        )

    @cached_property
    def may_follow(self) -> NDArray[np.bool_]:
        """Whether a symbol may follow another: from any one, the beginning of a piece last, to any that is said,
        ``[P + 4, P + 3]``.

        >>> FrameTokens(notes=2).may_follow.astype(int).tolist()
        [[0, 1, 1, 1, 1], [0, 0, 1, 1, 0], [0, 0, 0, 1, 0], [0, 1, 1, 1, 1], [0, 0, 0, 0, 0], [0, 1, 1, 1, 0]]
        """
        P = self.notes
        allowed = np.zeros((P + 4, P + 3), bool)
        note, begin, end = slice(1, P + 1), P + 3, P + 2
        allowed[note, note] = np.arange(P) > np.arange(P)[:, None]
        allowed[note, self.frame_end] = True
        allowed[[0, self.frame_end], 1:] = True
        allowed[begin, 1:end] = True
        return allowed
