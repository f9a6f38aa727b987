"""How far the work is: a line that is redrawn where a person watches, lines in a log where they are asked for."""

from __future__ import annotations

import os
import shutil
import sys
from time import monotonic
from typing import Protocol, TextIO, TypeVar

__all__ = ["ShareBar", "TrainingBar", "person_watches"]

PATIENCE = 2.0  # seconds before the first line: what is quick needs none
REDRAWN = 0.1  # seconds between two drawings
LOGGED = 10.0  # seconds between two lines of a log
VERBOSE = "UNROLLED_VERBOSE"

Self = TypeVar("Self", bound="_Bar")


class Step(Protocol):
    """What training reports after each step (:class:`unrolled.training.progress.Progress`)."""

    @property
    def phase(self) -> str: ...
    @property
    def step(self) -> int: ...
    @property
    def steps(self) -> int: ...
    @property
    def loss(self) -> float: ...
    @property
    def seconds(self) -> float: ...


def person_watches(stream: TextIO | None = None) -> bool:
    """Whether a stream (stderr) is a terminal that can redraw a line, or shown in a notebook.

    The environment variable ``UNROLLED_VERBOSE`` overrules it: 0 means that nobody watches, 1 that somebody does.
    """
    said = os.environ.get(VERBOSE)
    if said in ("0", "1"):
        return said == "1"
    return _redraws(stream or sys.stderr)


def _redraws(stream: TextIO) -> bool:
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    if type(shell).__name__ == "ZMQInteractiveShell":  # of Jupyter; the shell in a terminal has another
        return True
    return stream.isatty() and os.environ.get("TERM") != "dumb"


class _Bar:
    """A line with a bar, drawn from the third second on; it is cleared in the end.

    Args:
        shown: whether to show anything at all.
        stream: where to; default stderr. Where a line cannot be redrawn there is one every ten seconds.
    """

    def __init__(self, shown: bool, stream: TextIO | None = None) -> None:
        self._shown, self._stream = shown, stream or sys.stderr
        self._redraws = shown and _redraws(self._stream)
        self._last: float | None = None
        self._width = 0

    def __enter__(self: Self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._redraws and self._width:
            self._stream.write("\r" + " " * self._width + "\r")
            self._stream.flush()
            self._width = 0

    def _draw(self, what: str, share: float, numbers: str, seconds: float) -> None:
        """Show that ``share`` of the work is done after so many seconds, unless that has just been shown."""
        if not self._shown or (self._last is None and seconds < PATIENCE):
            return
        now = monotonic()
        if self._last is not None and now - self._last < (REDRAWN if self._redraws else LOGGED):
            return
        self._last = now
        width = shutil.get_terminal_size().columns - 1
        line = _line(what, share, numbers, seconds, width, _glyphs(self._stream))
        if self._redraws:
            self._stream.write("\r" + line.ljust(self._width))
            self._width = len(line)
        else:
            self._stream.write(line + "\n")
        self._stream.flush()


class TrainingBar(_Bar):
    """A callback for training that shows the share done, the loss, steps a second and the time left.

    >>> with TrainingBar(shown=False) as bar:
    ...     pass
    """

    def __call__(self, step: Step) -> None:
        """Show a step."""
        rate = step.step / step.seconds if step.seconds else 0.0
        self._draw(step.phase, step.step / step.steps, f"loss {step.loss:.4g}  {rate:.0f}/s", step.seconds)


class ShareBar(_Bar):
    """A bar for work on items of which the share done is known.

    >>> with ShareBar("predicting", shown=False) as bar:
    ...     bar(0.5, 100)
    """

    def __init__(self, what: str, shown: bool, stream: TextIO | None = None) -> None:
        super().__init__(shown, stream)
        self._what, self._start = what, monotonic()

    def __call__(self, share: float, count: int) -> None:
        """Show that ``share`` of the work is done, from 0 to 1, ``count`` items of it."""
        self._draw(self._what, share, f"{count:,} done", monotonic() - self._start)


def _line(what: str, share: float, numbers: str, seconds: float, width: int, glyphs: str) -> str:
    """One line about work, no longer than ``width``.

    >>> _line("training", 0.25, "loss 0.1235  10/s", 3.0, 60, "#-")
    'training ####------------  25 %  loss 0.1235  10/s  9 s left'
    """
    left = f"  {_span(seconds * (1 - share) / share)} left" if seconds and share else ""
    numbers = f" {share:4.0%}".replace("%", " %") + f"  {numbers}{left}"
    room = min(40, max(0, width - len(what) - len(numbers) - 1))
    done = round(share * room)
    return f"{what} {glyphs[0] * done}{glyphs[1] * (room - done)}{numbers}"


def _span(seconds: float) -> str:
    """Time in words.

    >>> [_span(seconds) for seconds in (9.4, 75, 7300)]
    ['9 s', '1:15 min', '2:01 h']
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    return f"{minutes}:{rest:02} min" if minutes < 60 else f"{minutes // 60}:{minutes % 60:02} h"


def _glyphs(stream: TextIO) -> str:
    try:
        "━─".encode(stream.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return "#-"
    return "━─"
