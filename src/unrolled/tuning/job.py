"""One training and what it is judged by, wherever it runs: in a process of this machine or of another one."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Any

from unrolled.errors import InputError, TrainingError
from unrolled.tasks.held_out.data import Data

if TYPE_CHECKING:
    from unrolled.training.progress import Progress
else:
    Progress = Any

__all__ = ["RUNGS", "Job", "Outcome", "Pruned", "run_job"]

RUNGS = 20  # at which a training says how far it is


@dataclass(frozen=True)
class Job:
    """Parameters to be tried.

    Attributes:
        values: by name, beside those of the data.
        round: which part judges it, a round of :meth:`Data.validation_split`; None for the test.
        seed: of the training.
    """

    values: Mapping[str, Any]
    round: int | None
    seed: int


@dataclass(frozen=True)
class Outcome:
    """How a job ended.

    Attributes:
        scores: its measures, if it came to an end.
        error: why there are none, in a sentence.
        pruned: whether it was stopped since it was hopeless.
        broken: a traceback, where the fault is not one of data or parameters.
        seconds: that it took.
    """

    scores: dict[str, float] | None = None
    error: str | None = None
    pruned: bool = False
    broken: str | None = None
    seconds: float = 0.0


class Pruned(Exception):
    """Raised within a training that is to stop."""


def run_job(data: Data, job: Job, report: Callable[[int, float], object], look: Callable[[], object]) -> Outcome:
    """Fit an estimator to the part that the job is for, and score it on the part that was held out of it.

    Args:
        data: all of it; what is tuned is tuned without its test part.
        job: what to try.
        report: called with a rung, from 1 to ``RUNGS``, and the validation loss of the first network so far, as its training
            passes it; where the estimator keeps nothing back it has none.
        look: called after each step of training; :class:`Pruned` is raised by it, or by ``report``, to end the job.
    """
    start = perf_counter()

    def outcome(**found: Any) -> Outcome:
        return Outcome(**found, seconds=perf_counter() - start)

    try:
        split = data.test_split()
        if job.round is not None:
            split = split.learned.validation_split(job.round)
        fitted = split.learned.fit(job.values, seed=job.seed, callback=_Climb(report, look))
        return outcome(scores=split.held_out.scores(fitted))
    except Pruned:
        return outcome(pruned=True)
    except (InputError, TrainingError) as error:
        return outcome(error=str(error))
    except MemoryError:
        return outcome(error="there is not enough memory")
    except Exception:
        return outcome(broken=traceback.format_exc())


class _Climb:
    """The callback of a training: each rung is reported once, in the first of its phases."""

    def __init__(self, report: Callable[[int, float], object], look: Callable[[], object]) -> None:
        self._report, self._look = report, look
        self._phase: str | None = None
        self._rung, self._best = 0, float("inf")

    def __call__(self, progress: Progress) -> None:
        self._look()
        self._phase = self._phase or progress.phase
        if progress.phase != self._phase or progress.validation_loss is None:
            return
        self._best = min(self._best, progress.validation_loss)
        reached = RUNGS * progress.step // progress.steps
        while self._rung < reached:
            self._rung += 1
            self._report(self._rung, self._best)
