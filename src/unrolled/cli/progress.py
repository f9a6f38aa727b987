"""How far the work is: a bar on the terminal, for what takes longer than two seconds; otherwise silence."""

from __future__ import annotations

import sys
from time import monotonic
from types import TracebackType
from typing import TYPE_CHECKING

from unrolled.cli.output import say
from unrolled.cli.wording import knows
from unrolled.tasks import training_bar

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["ShareBar", "TrainingBar"]

PATIENCE = training_bar.PATIENCE


class TrainingBar(training_bar.TrainingBar):
    """The bar of :mod:`unrolled.tasks.training_bar` on a terminal, and what there is to say to who stops the training.

    >>> with TrainingBar() as bar:
    ...     pass
    """

    def __init__(self) -> None:
        super().__init__(training_bar.person_watches())

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        super().__exit__(kind, error, trace)
        if isinstance(error, KeyboardInterrupt) and error.args:  # what is kept, or how it would have been
            said, _, advice = str(error).partition(": ")
            say(f"unrolled: {said}: {advice}" if advice and knows("checkpoint") else f"unrolled: {said}")


class ShareBar:
    """A bar for work of which the share done is known.

    It stays away where results are written to the terminal it would be drawn on.

    >>> with ShareBar("predicting") as bar:
    ...     bar(0.5, 100)
    """

    def __init__(self, what: str, console: Console | None = None, *, to_stdout: bool = True) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        self._console = console or Console(stderr=True)
        self._shown = self._console.is_terminal and not (to_stdout and sys.stdout.isatty())
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=None),
            TextColumn("{task.fields[count]:,} done"),
            TimeRemainingColumn(compact=True),
            console=self._console,
            transient=True,
            expand=True,
        )
        self._task = self._bar.add_task(what, total=1.0, count=0)
        self._start, self._running = monotonic(), False

    def __enter__(self) -> ShareBar:
        return self

    def __exit__(self, *_: object) -> None:
        if self._running:
            self._bar.stop()

    def __call__(self, share: float, count: int) -> None:
        """Show that ``share`` of the work is done, from 0 to 1, ``count`` items of it."""
        if not self._shown or (not self._running and monotonic() - self._start < PATIENCE):
            return
        if not self._running:
            self._running = True
            self._bar.start()
        self._bar.update(self._task, completed=share, count=count)
