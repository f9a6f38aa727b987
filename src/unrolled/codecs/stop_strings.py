"""Where a text that comes in parts ends: before a stop string, which may be in several of them."""

from __future__ import annotations

from collections.abc import Sequence

from unrolled.errors import InputError

__all__ = ["StopStrings"]


class StopStrings:
    """Gives a text on, part by part, as far as it is certain to stand before the first stop string.

    Args:
        stops: strings of at least one character; there may be none.

    Attributes:
        ended: whether one has come.

    Raises:
        InputError: a stop string is none.

    >>> until = StopStrings(["##", "the end"])
    >>> [until(part) for part in ["a #", "1 and th", "en th", "e end"]], until.ended
    (['a ', '#1 and ', 'then ', ''], True)
    """

    def __init__(self, stops: Sequence[str]) -> None:
        if isinstance(stops, str) or not all(isinstance(stop, str) and stop for stop in stops):  # pyright: ignore
            raise InputError(f"stop is {stops!r}, expected a list of texts of at least one character")
        self.ended = False
        self._stops, self._held = tuple(stops), ""

    def __call__(self, part: str) -> str:
        """What is certain now; nothing after the end."""
        if self.ended:
            return ""
        text = self._held + part
        found = [at for at in map(text.find, self._stops) if at >= 0]
        if found:
            self.ended, self._held = True, ""
            return text[: min(found)]
        kept = max((_overlap(text, stop) for stop in self._stops), default=0)
        self._held = text[len(text) - kept :]
        return text[: len(text) - kept]

    def rest(self) -> str:
        """What was held back, and no stop string came of."""
        held, self._held = self._held, ""
        return held


def _overlap(text: str, stop: str) -> int:
    """Characters at the end of a text that begin a stop string.

    >>> _overlap("one <", "</s>"), _overlap("one", "</s>")
    (1, 0)
    """
    return next((n for n in range(min(len(stop) - 1, len(text)), 0, -1) if text.endswith(stop[:n])), 0)
