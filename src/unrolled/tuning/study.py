"""The trials as Optuna keeps them: in memory, in a file of SQLite, or in a database that many machines share.

A file of SQLite needs no server, is written in transactions whose locks the system takes back from a process that is killed, and
can tell the heartbeat of each trial, which Optuna's journal file cannot. Where several machines share a disk its locks are not to
be relied on: they share a server, by its address.
"""

from __future__ import annotations

import contextlib
import os
import socket
import warnings
from collections.abc import Generator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import numpy as np

from unrolled.errors import InputError, MissingExtraError
from unrolled.tuning.job import RUNGS
from unrolled.tuning.space import Space, usual

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.study import Study as OptunaStudy
    from optuna.trial import FrozenTrial, Trial

__all__ = ["HEARTBEAT", "Study", "storage_url"]

HEARTBEAT, GRACE = 15, 90  # seconds from one to the next, and until a trial without one is begun again
WARMUP = RUNGS // 5  # rungs before which no training is pruned
FIRST = 5  # trials that are never pruned
KEPT = 75.0  # per cent of the others, among the best of which a trial must be to go on


class Study:
    """Trials of the values of a space, the defaults first; each is asked for, told, and begun again if it was lost.

    Args:
        storage: Optuna's address of one, or None for memory.
        name: the same for all who share the study.
        space: what is tried.
        maximize: whether a larger value is better.
        seed: of the choices, which depend on it and on the trials that there are alone, those that were lost left out.

    Attributes:
        known: how many trials were over when it was opened.
        lost: how many were not, and had nobody any more who ran them.
    """

    def __init__(self, storage: str | None, name: str, space: Space, *, maximize: bool, seed: int) -> None:
        optuna = _optuna()
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._optuna, self._space, self._seed, self._maximize = optuna, space, seed, maximize
        self._owner = f"{socket.gethostname()} {os.getpid()} {uuid4().hex}"
        with _quiet():
            self._storage = None if storage is None else _opened(storage, self._begin_again)
            self._study: OptunaStudy = optuna.create_study(
                storage=self._storage,
                study_name=name,
                load_if_exists=True,
                direction="maximize" if maximize else "minimize",
                pruner=optuna.pruners.PercentilePruner(KEPT, FIRST, WARMUP),
            )
            self.known = len(self.finished)
            self.lost = self._begin_again_what_ended_here()
            self._study.enqueue_trial(usual(space), skip_if_exists=True)

    @property
    def trials(self) -> list[FrozenTrial]:
        """All of them, those that were lost and begun again as well."""
        return self._study.get_trials(deepcopy=False)

    @property
    def finished(self) -> list[FrozenTrial]:
        """Those that are over: they have a value, were pruned, or failed."""
        return [trial for trial in self.trials if trial.state.is_finished() and not self._was_lost(trial)]

    @property
    def complete(self) -> list[FrozenTrial]:
        """Those that have a value of the measure; what Optuna calls the value of one that was pruned is its last loss."""
        return [trial for trial in self.finished if trial.state.name == "COMPLETE"]

    def next(self, trials: int) -> Trial | None:
        """The next trial to run, while there are fewer than so many; one that has begun elsewhere counts."""
        self._begin_again_what_is_stale()
        begun = [trial for trial in self.trials if not self._was_lost(trial)]
        waits = any(trial.state.name == "WAITING" for trial in begun)
        if len(begun) >= trials and not waits:
            return None
        with _quiet():
            before = sum(trial.state.name != "WAITING" for trial in begun)
            draw = np.random.SeedSequence([self._seed, before]).generate_state(1)[0]
            self._study.sampler = self._optuna.samplers.TPESampler(seed=int(draw), constant_liar=True)
            trial = self._study.ask(self._distributions())
        trial.set_user_attr("owner", self._owner)
        self.beat([trial])
        return trial

    def same_as(self, trial: Trial) -> FrozenTrial | None:
        """A trial of the same values that is over, if there is one."""
        return next((other for other in self.complete if other.params == trial.params), None)

    def report(self, trial: Trial, rung: int, loss: float) -> bool:
        """Take a validation loss; returns whether the trial is hopeless: its best so far is worse than that of three quarters of
        the others."""
        with _quiet(), self._unless_begun_again():
            trial.report(-loss if self._maximize else loss, rung)
            return trial.should_prune()
        return True

    def tell(
        self,
        trial: Trial,
        value: float | None,
        *,
        scores: Mapping[str, float],
        pruned: bool = False,
        why: str | None = None,
        seconds: float | None = None,
    ) -> None:
        """The end of a trial: its value, or that it was pruned, or why it failed."""
        state = self._optuna.trial.TrialState
        with _quiet(), self._unless_begun_again():
            trial.set_user_attr("scores", dict(scores))
            trial.set_user_attr("seconds", seconds)
            if why is not None:
                trial.set_user_attr("why", why[:1000])
            self._study.tell(trial, value, state.PRUNED if pruned else state.FAIL if value is None else state.COMPLETE)

    def beat(self, trials: Sequence[Trial]) -> None:
        """Let others know that these trials run."""
        record = getattr(self._storage, "record_heartbeat", None)
        for trial in trials if record is not None else ():
            with _quiet():
                record(trial._trial_id)  # pyright: ignore[reportPrivateUsage, reportOptionalCall], Optuna has no other name

    def running_elsewhere(self, own: Sequence[int]) -> int:
        """How many trials run in other processes or machines."""
        return sum(trial.number not in own for trial in self._running())

    def remember(self, key: str, scores: Mapping[str, float]) -> None:
        """Keep the scores of a job that is no trial."""
        self._study.set_user_attr(key, dict(scores))

    def recall(self, key: str) -> dict[str, float] | None:
        """The scores of a job that is no trial, if it has run before."""
        return self._study.user_attrs.get(key)

    def importances(self) -> dict[str, float]:
        """How much each parameter decides whether a trial is among the best, from 0 to 1; none where there are too few trials.

        By PED-ANOVA (Watanabe et al. 2023, arXiv:2304.10255), for which nothing else needs to be installed.
        """
        complete = self.complete
        if len(complete) < 2 * FIRST or len({trial.value for trial in complete}) < 2:
            return {}
        best = max(0.1, FIRST / len(complete))
        with _quiet():
            evaluator = self._optuna.importance.PedAnovaImportanceEvaluator(target_quantile=best)
            return self._optuna.importance.get_param_importances(self._study, evaluator=evaluator)

    def _distributions(self) -> dict[str, BaseDistribution]:
        kind = self._optuna.distributions.CategoricalDistribution
        return {name: kind(list(values)) for name, values in self._space.items()}

    def _unless_begun_again(self) -> contextlib.suppress:
        """For what is said of a trial that another process took to be lost, since this one had been silent for long."""
        return contextlib.suppress(self._optuna.exceptions.UpdateFinishedTrialError, ValueError)

    def _was_lost(self, trial: FrozenTrial) -> bool:
        """Whether it failed for no fault of its own, so that another one has its values."""
        return trial.state.name == "FAIL" and "why" not in trial.user_attrs

    def _begin_again(self, study: OptunaStudy, trial: FrozenTrial) -> None:
        """Of one that was lost before all its values were chosen the same seed chooses them again."""
        chosen = len(trial.params) == len(self._space)
        values = trial.params if chosen else trial.system_attrs.get("fixed_params", {})
        study.enqueue_trial(values, user_attrs={"again": trial.number})

    def _begin_again_what_is_stale(self) -> None:
        """Trials without a heartbeat: their machine is gone; or their process was killed before there was one."""
        with _quiet():
            self._optuna.storages.fail_stale_trials(self._study)
        for trial in self._running():
            begun = trial.datetime_start or datetime.now()
            if "owner" not in trial.user_attrs and (datetime.now() - begun).total_seconds() > GRACE:
                self._give_up(trial)

    def _begin_again_what_ended_here(self) -> int:
        """Trials of processes of this machine that are no more; nobody has to wait for their heartbeat."""
        ended = [trial for trial in self._running() if self._has_ended(trial.user_attrs.get("owner", ""))]
        for trial in ended:
            self._give_up(trial)
        return len(ended)

    def _running(self) -> list[FrozenTrial]:
        return [trial for trial in self.trials if trial.state.name == "RUNNING"]

    def _give_up(self, trial: FrozenTrial) -> None:
        """End a trial that another process left behind, and begin it again."""
        with self._unless_begun_again():
            self._study.tell(trial.number, state=self._optuna.trial.TrialState.FAIL)
            self._begin_again(self._study, trial)

    def _has_ended(self, owner: str) -> bool:
        host, _, rest = owner.partition(" ")
        if host != socket.gethostname() or owner == self._owner:
            return False
        number = int(rest.partition(" ")[0])
        if number == os.getpid():
            return True
        try:
            os.kill(number, 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            pass
        return False


def storage_url(study: str | os.PathLike[str]) -> str:
    """The address of a storage: as it is given, or that of a file of SQLite.

    Raises:
        InputError: there is something else of that name.

    >>> storage_url("study.db").startswith("sqlite:////"), storage_url("mysql://tuner@server/runs")
    (True, 'mysql://tuner@server/runs')
    """
    given = os.fspath(study)
    if "://" in given:
        return given
    path = Path(given).absolute()
    if not path.parent.is_dir():
        raise InputError(f"{given}: there is no folder {path.parent}; create it, or choose another path")
    if path.is_dir():
        raise InputError(f"{given} is a folder; give the path of a file")
    if path.exists() and path.stat().st_size and path.read_bytes()[:16] != b"SQLite format 3\0":
        raise InputError(f"{given} is no study: choose another path, or delete it")
    return f"sqlite:///{path}"


def _opened(url: str, lost: Any) -> Any:
    optuna = _optuna()
    arguments: dict[str, Any] = {"timeout": 60} if url.startswith("sqlite") else {}
    try:
        return optuna.storages.RDBStorage(
            url,
            engine_kwargs={"connect_args": arguments},
            heartbeat_interval=HEARTBEAT,
            grace_period=GRACE,
            heartbeat_stale_trial_callback=lost,
        )
    except Exception as error:
        first = " ".join(str(error).splitlines()[:1])
        raise InputError(f"{url} cannot be opened: {type(error).__name__}: {first}") from error


def _optuna() -> Any:
    try:
        import optuna
    except ImportError:
        raise MissingExtraError("tuning", "optuna", "compare") from None
    return optuna


@contextlib.contextmanager
def _quiet() -> Generator[None, None, None]:
    """Without Optuna's warnings that something is new there."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
