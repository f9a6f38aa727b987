"""The search: workers are kept busy with the trials of a study, and hopeless ones are pruned."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from time import monotonic
from typing import TYPE_CHECKING

from unrolled.errors import InputError
from unrolled.tasks.held_out.data import Data
from unrolled.tuning.job import Job, Outcome
from unrolled.tuning.space import Space, usual
from unrolled.tuning.study import HEARTBEAT, Study
from unrolled.tuning.workers import Reported, Workers

if TYPE_CHECKING:
    from optuna.trial import Trial

__all__ = ["Heard", "run_jobs", "search"]

Heard = Callable[[str, int, int], object]
"""What is told how far the work is: what is done, and how many of how many."""

PAUSE = 0.5  # seconds from one look at the study to the next


def search(data: Data, space: Space, study: Study, workers: Workers, *, trials: int, seed: int, heard: Heard) -> None:
    """Run trials until there are so many in the study; those that run elsewhere are waited for.

    Raises:
        InputError: the defaults cannot be trained on these data.
    """
    running: dict[int, Trial] = {}
    beaten = monotonic()
    while True:
        if monotonic() - beaten > HEARTBEAT:
            beaten = monotonic()
            study.beat(list(running.values()))
        while workers.free and (trial := study.next(trials)) is not None:
            same = study.same_as(trial)
            if same is not None:
                study.tell(trial, same.value, scores=same.user_attrs["scores"])
            else:
                running[trial.number] = trial
                workers.submit(trial.number, Job(trial.params, 0, seed))
        heard("trials", len(study.finished), trials)
        if not running and not study.running_elsewhere([]):
            return
        for event in workers.events(PAUSE):
            if isinstance(event, Reported):
                if study.report(running[event.key], event.rung, event.loss):
                    workers.prune(event.key)
                continue
            trial = running.pop(event.key)
            _tell(data, study, trial, event.outcome)
            if event.outcome.error is not None and trial.params == usual(space):
                raise InputError(f"{data.source}: the defaults cannot be trained: {event.outcome.error}")


def run_jobs(workers: Workers, jobs: Mapping[str, Job], study: Study, what: str, heard: Heard) -> dict[str, Outcome]:
    """Run jobs that are no trials; what the study remembers is not run again."""
    recalled = {key: study.recall(key) for key in jobs}
    found = {key: Outcome(scores=scores) for key, scores in recalled.items() if scores is not None}
    waiting = [key for key in jobs if key not in found]
    while len(found) < len(jobs):
        while workers.free and waiting:
            key = waiting.pop(0)
            workers.submit(key, jobs[key])
        heard(what, len(found), len(jobs))
        for event in workers.events(PAUSE):
            if not isinstance(event, Reported):
                found[event.key] = event.outcome
                if event.outcome.scores is not None:
                    study.remember(event.key, event.outcome.scores)
    return {key: found[key] for key in jobs}


def _tell(data: Data, study: Study, trial: Trial, outcome: Outcome) -> None:
    scores = outcome.scores or {}
    value = scores[data.measure(scores)] if scores else None
    study.tell(trial, value, scores=scores, pruned=outcome.pruned, why=outcome.error, seconds=outcome.seconds)
