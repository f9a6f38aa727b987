"""Pieces as they are drawn: from symbols to text or to frames of notes, as soon as they are certain, up to where a piece ends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from unrolled.codecs.frame_tokens import FrameTokens
from unrolled.codecs.stop_strings import StopStrings

__all__ = ["DrawnFrames", "DrawnPiece", "DrawnText"]


class DrawnPiece(Protocol):
    """One piece as it is drawn."""

    stopped: bool
    """Whether it was ended because there are as many steps as there may be."""

    def __call__(self, symbol: int) -> bool:
        """Take a symbol; whether the piece ends with it."""
        ...

    def taken(self) -> list[Any]:
        """What is new since it was asked last."""
        ...

    def rest(self) -> list[Any]:
        """What was held back."""
        ...


class DrawnText:
    """A text, or a list of tokens.

    Args:
        symbols: the text of each.
        stop: texts before which the piece ends; of tokens, such tokens.
        in_tokens: whether it is a list.

    >>> piece = DrawnText(["<unk>", "a", "b"], ["bb"], in_tokens=False)
    >>> [piece(symbol) for symbol in (1, 2, 2)], piece.taken(), piece.rest()
    ([False, False, True], ['a'], [])
    """

    def __init__(self, symbols: list[str], stop: Sequence[str], *, in_tokens: bool) -> None:
        self._symbols, self._stop, self._in_tokens = symbols, StopStrings(stop), in_tokens
        self._tokens, self._new = frozenset(stop), list[str]()
        self.stopped = False

    def __call__(self, symbol: int) -> bool:
        """Take a symbol; whether the piece ends with it."""
        text = self._symbols[symbol]
        if self._in_tokens:
            if text in self._tokens:
                return True
            self._new.append(text)
            return False
        certain = self._stop(text)
        if certain:
            self._new.append(certain)
        return self._stop.ended

    def taken(self) -> list[str]:
        """What is new since it was asked last."""
        new, self._new = self._new, []
        return new

    def rest(self) -> list[str]:
        """What was held back."""
        held = self._stop.rest()
        return [held] if held else []


class DrawnFrames:
    """Frames of notes, from symbols; at most ``longest``.

    >>> piece = DrawnFrames(FrameTokens(2), longest=2)
    >>> [piece(symbol) for symbol in (1, 3, 1, 2, 3)], [frame.tolist() for frame in piece.taken()], piece.stopped
    ([False, False, False, False, True], [[1, 0], [1, 1]], True)
    """

    def __init__(self, codec: FrameTokens, longest: int) -> None:
        self._codec, self._left = codec, longest
        self._frame, self._new = np.zeros(codec.notes, np.uint8), list[NDArray[np.uint8]]()
        self.stopped = False

    def __call__(self, symbol: int) -> bool:
        """Take a symbol; whether the piece ends with it."""
        if symbol != self._codec.frame_end:
            self._frame[symbol - 1] = 1
            return False
        self._new.append(self._frame)
        self._frame = np.zeros_like(self._frame)
        self._left -= 1
        self.stopped = not self._left
        return self.stopped

    def taken(self) -> list[NDArray[np.uint8]]:
        """The frames that are new since it was asked last."""
        new, self._new = self._new, []
        return new

    def rest(self) -> list[NDArray[np.uint8]]:
        """What was begun is no frame."""
        return []
