"""Who does the work: several jobs at once, none of which is lost when what runs it is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from unrolled.errors import UnrolledError
from unrolled.tuning.job import Job, Outcome

__all__ = ["ATTEMPTS", "Ended", "Lost", "Reported", "WorkerError", "Workers"]

ATTEMPTS = 3  # to run a job whose worker ends


class WorkerError(UnrolledError):
    """Work that could not be done, for a reason that is neither in the data nor in the parameters."""


@dataclass(frozen=True)
class Reported:
    """A training has passed a rung with a validation loss."""

    key: Any
    rung: int
    loss: float


@dataclass(frozen=True)
class Ended:
    """A job has ended."""

    key: Any
    outcome: Outcome


@dataclass(frozen=True)
class Lost:
    """What ran a job has ended before it, for such a reason."""

    key: Any
    reason: str


class Workers(ABC):
    """Places for jobs. A job whose worker is lost is run again, at most ``ATTEMPTS`` times in all.

    Args:
        count: places.

    Attributes:
        told: called with a sentence where a worker is lost.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self.told: Callable[[str], object] = lambda sentence: None
        self._jobs: dict[Any, Job] = {}
        self._attempts: dict[Any, int] = {}

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def free(self) -> int:
        """How many jobs could begin now."""
        return self.count - len(self._jobs)

    @property
    def running(self) -> list[Any]:
        """The keys of the jobs that run."""
        return list(self._jobs)

    def submit(self, key: Any, job: Job) -> None:
        """Begin a job, which ``key`` is the name of."""
        self._jobs[key], self._attempts[key] = job, 1
        self._start(key, job)

    def events(self, seconds: float) -> Iterator[Reported | Ended]:
        """What has happened, after waiting for it for so long at most.

        Raises:
            WorkerError: a job met with a fault of the program.
        """
        for event in self._events(seconds):
            if isinstance(event, Lost):
                again = self._again(event)
                if again is not None:
                    yield again
                continue
            if isinstance(event, Ended):
                del self._jobs[event.key]
                if event.outcome.broken is not None:
                    raise WorkerError(f"a job failed, which is a bug: {event.outcome.broken}")
            yield event

    def _again(self, lost: Lost) -> Ended | None:
        job = self._jobs[lost.key]
        if self._attempts[lost.key] >= ATTEMPTS:
            del self._jobs[lost.key]
            return Ended(lost.key, Outcome(error=f"what ran it ended {ATTEMPTS} times: {lost.reason}"))
        self._attempts[lost.key] += 1
        self.told(f"a worker is lost, {lost.reason}: what it trained is begun again")
        self._start(lost.key, job)
        return None

    @abstractmethod
    def prune(self, key: Any) -> None:
        """Let a job end soon."""

    @abstractmethod
    def close(self) -> None:
        """End all that runs."""

    @abstractmethod
    def _start(self, key: Any, job: Job) -> None: ...

    @abstractmethod
    def _events(self, seconds: float) -> Iterator[Reported | Ended | Lost]: ...
