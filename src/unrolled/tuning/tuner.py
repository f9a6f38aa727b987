"""Tuning as a whole: search, judge the best again, and test the answer on data that nothing has seen."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import sha256
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

from unrolled.aliases import Values
from unrolled.errors import InputError, MissingExtraError
from unrolled.parameters.declaration import check_range
from unrolled.parameters.ranges import Range
from unrolled.tasks.held_out.data import LARGER_IS_BETTER, Data
from unrolled.tuning.job import Job
from unrolled.tuning.judgement import Compared, compared
from unrolled.tuning.processes import Processes
from unrolled.tuning.result import TrialRow, Tuning
from unrolled.tuning.search import Heard, run_jobs, search
from unrolled.tuning.space import Space, usual, values_to_try
from unrolled.tuning.study import Study, storage_url
from unrolled.tuning.workers import WorkerError, Workers

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

__all__ = ["tune"]

CANDIDATES = 3  # trials that are trained again


def tune(
    data: Data,
    *,
    trials: int = 20,
    only: Sequence[str] = (),
    study: str | os.PathLike[str] | None = None,
    workers: int | None = None,
    ray: str | None = None,
    rounds: int = 5,
    seeds: int = 5,
    random_state: int = 0,
    heard: Heard = lambda what, done, of: None,
    told: Callable[[str], object] = lambda sentence: None,
) -> Tuning:
    """Find parameters that are better for these data than the defaults, if there are any, and say whether they are.

    Trials are chosen by Optuna's tree-structured Parzen estimator (Bergstra et al. 2011) among the values that the parameters'
    declarations call worth trying; the defaults are the first. Each is trained on a part of the data and judged on another; one
    whose validation loss is worse than that of three quarters of the others is stopped. The best three are then trained again
    beside the defaults (:mod:`unrolled.tuning.judgement`), and what is better beyond chance is the answer. Neither sees the test
    part, on which the answer and the defaults are compared in the end.

    Args:
        data: a task's data, with the parameters that are settled.
        trials: how many in all, those of an earlier run of the study among them.
        only: the parameters to try; by default all that have values worth trying.
        study: a file in which the trials are kept, or the address of a database as Optuna takes it; without one they are
            forgotten. The same call goes on with them; several machines that give the same address share them.
        workers: trainings at once, each in a process of its own; one by default, on a cluster as many as it has processors.
        ray: the address of a Ray cluster that runs them instead, such as ``"auto"``.
        rounds: how often the best are trained again beside the defaults, at least 3.
        seeds: how often the answer and the defaults are trained for the test, at least 3.
        random_state: the seed of everything.
        heard: called with what is done, and how many of how many.
        told: called with a sentence about what was found in the study, and where a worker is lost.

    Raises:
        InputError: the data are too few, the defaults cannot be trained, an argument is not valid.
        MissingExtraError: Optuna, torch, or Ray where it is asked for, is not installed.
    """
    for name, value, least in (
        ("trials", trials, 1),
        ("workers", workers, 1),
        ("rounds", rounds, 3),
        ("seeds", seeds, 3),
    ):
        check_range(name, value, Range(least))
    if find_spec("torch") is None:
        raise MissingExtraError("tuning", "torch", "train")
    space = values_to_try(data, only)
    data.test_split().learned.validation_split(0)  # raises, before the work, if there is too little
    larger = data.measures[0] in LARGER_IS_BETTER
    storage = None if study is None else storage_url(study)
    kept = Study(storage, _name(data, space, random_state), space, maximize=larger, seed=random_state)
    for sentence in _earlier(kept):
        told(sentence)
    with _said_what_is_kept(kept, study, trials), _workers(data, workers, ray) as crew:
        crew.told = told
        search(data, space, kept, crew, trials=trials, seed=random_state, heard=heard)
        best = _best(kept.complete, space, larger=larger)
        jobs = [[Job(each, r, random_state + r) for r in range(1, rounds + 1)] for each in ({}, *best)]
        judged = _compared(best, _scored(data, kept, crew, jobs if best else [[]], "rounds", heard), larger=larger)
        change = judged[0].values if judged else {}
        jobs = [[Job(each, None, random_state + n) for n in range(seeds)] for each in ({}, change)]
        tested = _scored(data, kept, crew, jobs, "tests", heard)
    rows = tuple(map(_row, kept.finished))
    return Tuning(
        measure=data.measure(next(row.scores for row in rows if row.scores)),
        larger_is_better=larger,
        trials=rows,
        defaults=usual(space),
        importances=kept.importances(),
        judged=tuple(judged),
        values=change if judged and judged[0].beyond_chance else {},
        tested=next(iter(_compared([change], tested, larger=larger)), None) if change else None,
        usual_scores=tested[0],
    )


def _earlier(kept: Study) -> Generator[str, None, None]:
    """What an earlier run has left in the study."""
    if kept.known:
        yield f"{kept.known} trial{'s' if kept.known > 1 else ''} of an earlier run {'are' if kept.known > 1 else 'is'} kept"
    if kept.lost:
        them = "1 trial that was not over is" if kept.lost == 1 else f"{kept.lost} trials that were not over are"
        yield f"{them} begun again"


@contextmanager
def _said_what_is_kept(kept: Study, study: Any, trials: int) -> Generator[None, None, None]:
    """Tell an interruption what is kept, and a failure of the storage what it was."""
    from optuna.exceptions import StorageInternalError

    try:
        yield
    except KeyboardInterrupt as error:
        lost = "they are lost: study= and the path of a file would keep them"
        error.args = (
            f"stopped after {len(kept.finished)} of {trials} trials; {f'{study} has them' if study else lost}",
        )
        raise
    except StorageInternalError as error:
        raise WorkerError(f"{study} can no longer be read or written: {error}") from error


def _name(data: Data, space: Space, seed: int) -> str:
    """The same for all who tune the same estimator on the same data among the same values."""
    from unrolled.training.checkpoint import fingerprint

    settled = json.dumps({name: str(value) for name, value in data.values.items()}, sort_keys=True)
    tried = json.dumps({name: list(values) for name, values in space.items()}, sort_keys=True)
    whole = fingerprint([data.identity, settled, tried, list(data.measures), seed])
    return f"unrolled {data.estimator.__name__} {whole[:16]}"


def _workers(data: Data, count: int | None, ray: str | None) -> Workers:
    if ray is None:
        return Processes(data, count or 1)
    from unrolled.tuning.ray_workers import RayWorkers

    return RayWorkers(data, count, ray)


def _best(complete: Sequence[FrozenTrial], space: Space, *, larger: bool) -> list[dict[str, Any]]:
    """The changes of the best trials that are better than the defaults, the best first."""
    defaults, sign = usual(space), -1 if larger else 1
    valued = [(sign * (trial.value or 0.0), trial) for trial in complete]
    own = min((value for value, trial in valued if trial.params == defaults), default=np.inf)
    found: list[dict[str, Any]] = []
    for value, trial in sorted(valued, key=lambda each: each[0]):
        change = {name: each for name, each in trial.params.items() if each != defaults[name]}
        if value < own and change not in found:
            found.append(change)
    return found[:CANDIDATES]


def _compared(changes: Sequence[Mapping[str, Any]], scores: Sequence[Values], *, larger: bool) -> list[Compared]:
    """Changes beside the defaults, whose scores come first; the best first, and none that failed."""
    results = [
        compared(values, own, scores[0], larger_is_better=larger, among=len(changes))
        for values, own in zip(changes, scores[1:], strict=True)
        if not np.isnan(own).any()
    ]
    return sorted(results, key=lambda each: -each.better)


def _scored(
    data: Data, study: Study, workers: Workers, jobs: Sequence[Sequence[Job]], what: str, heard: Heard
) -> list[Values]:
    """The measure of each job, nan of one that failed.

    Raises:
        InputError: one of the first row, which are the defaults, failed.
    """
    found = run_jobs(workers, {_key(job): job for row in jobs for job in row}, study, what, heard)
    for job in jobs[0]:
        error = found[_key(job)].error
        if error is not None:
            raise InputError(f"{data.source}: the defaults cannot be trained: {error}")
    scores = [[found[_key(job)].scores for job in row] for row in jobs]
    return [np.array([np.nan if each is None else each[data.measure(each)] for each in row]) for row in scores]


def _key(job: Job) -> str:
    """What a study remembers a job by."""
    part = "test" if job.round is None else f"round {job.round}"
    values = json.dumps(dict(job.values), sort_keys=True)
    return f"{part} of seed {job.seed} with {sha256(values.encode()).hexdigest()[:16]}"


def _row(trial: FrozenTrial) -> TrialRow:
    kept, state = trial.user_attrs, {"COMPLETE": "complete", "PRUNED": "pruned"}.get(trial.state.name, "failed")
    value = trial.value if state == "complete" else None
    return TrialRow(
        trial.number, trial.params, state, value, kept.get("scores", {}), kept.get("seconds"), kept.get("why")
    )
