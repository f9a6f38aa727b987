"""How far training is: a bar on the terminal, for what takes longer than two seconds; otherwise silence."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Protocol

from unrolled.cli.output import say

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["TrainingBar"]

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
        if isinstance(error, KeyboardInterrupt) and error.args:  # where training can be gone on with
            say(f"unrolled: {error}")

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
