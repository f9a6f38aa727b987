"""How far training is: a line that is redrawn where a person watches, lines in a log where they are asked for."""

from __future__ import annotations

import os
import shutil
import sys
from time import monotonic
from types import TracebackType
from typing import Protocol, TextIO

__all__ = ["TrainingBar", "person_watches"]

PATIENCE = 2.0  # seconds before the first line: what is quick needs none
REDRAWN = 0.1  # seconds between two drawings
LOGGED = 10.0  # seconds between two lines of a log
VERBOSE = "UNROLLED_VERBOSE"


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


class TrainingBar:
    """A callback for training that shows the share done, the loss, steps a second and the time left.

    Args:
        shown: whether to show anything at all.
        stream: where to; default stderr. Where a line cannot be redrawn there is one every ten seconds.

    >>> with TrainingBar(shown=False) as bar:
    ...     pass
    """

    def __init__(self, shown: bool, stream: TextIO | None = None) -> None:
        self._shown, self._stream = shown, stream or sys.stderr
        self._redraws = shown and _redraws(self._stream)
        self._last: float | None = None
        self._width = 0

    def __enter__(self) -> TrainingBar:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._clear()

    def __call__(self, step: Step) -> None:
        """Show a step."""
        if not self._shown or (self._last is None and step.seconds < PATIENCE):
            return
        now = monotonic()
        if self._last is not None and now - self._last < (REDRAWN if self._redraws else LOGGED):
            return
        self._last = now
        self._show(_line(step, shutil.get_terminal_size().columns - 1, _glyphs(self._stream)))

    def _show(self, line: str) -> None:
        if self._redraws:
            self._stream.write("\r" + line.ljust(self._width))
            self._width = len(line)
        else:
            self._stream.write(line + "\n")
        self._stream.flush()

    def _clear(self) -> None:
        if self._redraws and self._width:
            self._stream.write("\r" + " " * self._width + "\r")
            self._stream.flush()
            self._width = 0


def _line(step: Step, width: int, glyphs: str) -> str:
    """One line about a step, no longer than ``width``.

    >>> from types import SimpleNamespace
    >>> _line(SimpleNamespace(phase="training", step=30, steps=120, loss=0.1234567, seconds=3.0), 60, "#-")
    'training ####------------  25 %  loss 0.1235  10/s  9 s left'
    """
    share = step.step / step.steps
    rate = step.step / step.seconds if step.seconds else 0.0
    left = f"  {_span((step.steps - step.step) / rate)} left" if rate else ""
    numbers = f" {share:4.0%}".replace("%", " %") + f"  loss {step.loss:.4g}  {rate:.0f}/s{left}"
    room = min(40, max(0, width - len(step.phase) - len(numbers) - 1))
    done = round(share * room)
    return f"{step.phase} {glyphs[0] * done}{glyphs[1] * (room - done)}{numbers}"


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
