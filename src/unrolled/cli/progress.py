"""How far the work is: a bar on the terminal, for what takes longer than two seconds; otherwise silence."""

from __future__ import annotations

import sys
from time import monotonic
from types import TracebackType
from typing import TYPE_CHECKING, Protocol

from unrolled.cli.output import say
from unrolled.cli.wording import knows

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["ShareBar", "TrainingBar"]

PATIENCE = 2.0  # seconds


class Step(Protocol):
    """What training reports after each step (:class:`unrolled.training.loop.Progress`)."""

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


class TrainingBar:
    """A callback for training that draws a bar with loss, steps a second and the time left.

    >>> with TrainingBar() as bar:
    ...     pass
    """

    def __init__(self, console: Console | None = None) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        self._console = console or Console(stderr=True)
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=None),
            TextColumn("loss {task.fields[loss]:.4g}"),
            TextColumn("{task.fields[rate]:.0f} steps/s"),
            TimeRemainingColumn(compact=True),
            console=self._console,
            transient=True,
            expand=True,
        )
        self._phase: str | None = None

    def __enter__(self) -> TrainingBar:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._phase is not None:
            self._bar.stop()
        if isinstance(error, KeyboardInterrupt) and error.args:  # what is kept, or how it would have been
            said, _, advice = str(error).partition(": ")
            say(f"unrolled: {said}: {advice}" if advice and knows("checkpoint") else f"unrolled: {said}")

    def __call__(self, step: Step) -> None:
        """Show a step."""
        if not self._console.is_terminal or (self._phase is None and step.seconds < PATIENCE):
            return
        if step.phase != self._phase:
            for task in self._bar.task_ids:
                self._bar.remove_task(task)
            self._phase = step.phase
            self._bar.add_task(step.phase, total=step.steps, loss=step.loss, rate=0.0)
            self._bar.start()
        rate = step.step / step.seconds if step.seconds else 0.0
        self._bar.update(self._bar.task_ids[0], completed=step.step, loss=step.loss, rate=rate)


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
