"""Tuning: nothing is lost, nothing is chosen by luck, and nothing is chosen by what is reported."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import stats

from unrolled import Forecaster, InputError, SequenceClassifier
from unrolled.data.panel import read_panel
from unrolled.errors import MissingExtraError
from unrolled.tasks.held_out.examples import ExampleData
from unrolled.tasks.held_out.series import SeriesData
from unrolled.tuning import tune
from unrolled.tuning.job import RUNGS, Job, Outcome, Pruned, run_job
from unrolled.tuning.judgement import compared
from unrolled.tuning.processes import Processes
from unrolled.tuning.result import TrialRow, Tuning
from unrolled.tuning.search import search
from unrolled.tuning.space import usual, values_to_try
from unrolled.tuning.study import Study, storage_url
from unrolled.tuning.workers import ATTEMPTS, Ended, Reported, WorkerError, Workers

SPACE = {"hidden_size": [64, 16, 32, 128, 256], "cell": ["gru", "lstm"]}


def made(**given):
    from made_data import MadeData

    return MadeData(**given)


def nobody(*_):
    return None


class Here(Workers):
    """Jobs that cost nothing, one after the other in this process."""

    def __init__(self, data, count):
        super().__init__(count)
        self._data, self._waiting, self._hopeless = data, [], set()

    def prune(self, key):
        self._hopeless.add(key)

    def close(self):
        self._waiting = []

    def _start(self, key, job):
        self._waiting.append((key, job))

    def _events(self, seconds):
        for key, job in [self._waiting.pop(0)] if self._waiting else []:
            reports = []
            outcome = run_job(self._data, job, lambda *found, to=reports: to.append(found), nobody)
            for rung, loss in reports:
                yield Reported(key, rung, loss)
                if key in self._hopeless:
                    outcome = Outcome(pruned=True)
                    break
            yield Ended(key, outcome)


@pytest.fixture
def here(monkeypatch):
    monkeypatch.setattr("unrolled.tuning.tuner.Processes", Here)


# ---- what is tried ----


def texts(**values):
    return ExampleData(estimator=SequenceClassifier, values=values, items=["a b", "c"], targets=np.arange(2))


def test_values_come_from_the_declarations_with_the_default_first():
    space = values_to_try(texts())
    worth = SequenceClassifier.search_space()
    assert {*worth} - {*space} == {"differences"}  # of numbers
    for name, values in worth.items():
        if name not in space:
            continue
        assert sorted(map(str, {*space[name]})) == sorted(map(str, {*values, usual(space)[name]}))
    assert usual(space)["hidden_size"] == 64
    assert usual(space)["batch_size"] is None
    assert SequenceClassifier(**usual(space)).get_params() == SequenceClassifier().get_params()


def test_what_is_settled_or_means_nothing_is_not_tried():
    numbers = ExampleData(estimator=SequenceClassifier, items=[np.ones((3, 2))] * 2, targets=np.arange(2))
    assert "embedding_size" not in values_to_try(numbers)
    assert "embedding_size" in values_to_try(texts())
    assert "cell" not in values_to_try(texts(cell="rnn"))
    assert [*values_to_try(texts(), ["cell", "pooling"])] == ["cell", "pooling"]


@pytest.mark.parametrize(
    ("values", "only", "message"),
    [
        ({}, ["size"], "only is 'size', expected parameters of SequenceClassifier: cell, hidden_size"),
        ({}, ["members"], "only is 'members', expected parameters with values worth trying: cell"),
        ({"cell": "rnn"}, ["cell"], "that is settled to be 'rnn': leave one of the two out"),
        ({"hidden_size": 0}, [], "hidden_size is 0, expected at least 1"),
        ({"size": 3}, [], "SequenceClassifier has no parameter 'size'; it has cell"),
        ({"residual": True}, [], "residual is True, expected False with one layer"),
        ({"random_state": 1}, [], "random_state is 1, expected nothing: tuning chooses it itself"),
        ({name: values[0] for name, values in SequenceClassifier.search_space().items()}, [], "nothing is left to try"),
    ],
)
def test_wrong_names_are_refused_before_the_work(values, only, message):
    with pytest.raises(InputError, match=message):
        values_to_try(texts(**values), only)


# ---- a job ----


def test_a_job_is_a_fit_and_its_scores():
    values = {"members": 1, "hidden_size": 2, "max_epochs": 3, "method": "windows", "patience": 9}
    data = SeriesData.of(read_panel(np.sin(np.arange(120.0))), values, horizon=6)
    heard = []
    found = run_job(data, Job({"cell": "lstm"}, 1, 4), lambda rung, loss: heard.append((rung, loss)), lambda: None)
    learned, held_out = data.test_split().learned.validation_split(1)
    fitted = learned.fit({"cell": "lstm"}, seed=4)
    assert found.scores == held_out.scores(fitted)
    assert [rung for rung, _ in heard] == [*range(1, RUNGS + 1)]
    losses = [loss for _, loss in heard]
    assert losses == sorted(losses, reverse=True)
    assert {*losses} <= {*np.minimum.accumulate(fitted.validation_losses_).tolist()}


def test_how_a_job_can_end(tmp_path):
    def ended(fault="", look=nobody):
        data = made(fault=fault, folder=str(tmp_path))
        return run_job(data, Job({"hidden_size": 16}, 0, 0), nobody, look)

    def hopeless():
        raise Pruned

    assert set(ended().scores) == {"loss"}
    assert ended("explodes").error == "the loss exploded"
    assert ended("refuses").error == "there is nothing to learn"
    assert "a bug" in ended("breaks").broken
    assert ended(look=hopeless).pruned


# ---- processes ----


def until(workers, keys, each=nobody):
    found = {}
    while len(found) < len(keys):
        for event in workers.events(0.2):
            if isinstance(event, Ended):
                found[event.key] = event.outcome
            each(event)
    return found


def test_a_worker_that_is_killed_loses_nothing(tmp_path):
    with Processes(made(seconds=1.0, folder=str(tmp_path)), 2) as workers:
        jobs = {key: Job({"hidden_size": 2**key}, 0, 0) for key in (5, 6)}
        for key, job in jobs.items():
            workers.submit(key, job)
        assert workers.free == 0
        log = tmp_path / "trainings"
        while not log.exists() or len(log.read_text().splitlines()) < 2:
            list(workers.events(0.1))
        said = []
        workers.told = said.append
        os.kill(workers.pids[0], signal.SIGKILL)
        found = until(workers, jobs)
        assert said == ["a worker is lost, its process ended with signal 9: what it trained is begun again"]
        assert {key: outcome.scores["loss"] for key, outcome in found.items()} == {
            key: run_job(made(), job, nobody, nobody).scores["loss"] for key, job in jobs.items()
        }
        assert len(log.read_text().splitlines()) == 3
        assert workers.free == 2


def test_a_job_that_ends_every_worker_is_given_up():
    with Processes(made(fault="exits"), 1) as workers:
        workers.submit("job", Job({"hidden_size": 16}, 0, 0))
        outcome = until(workers, ["job"])["job"]
        assert outcome.error == f"what ran it ended {ATTEMPTS} times: its process ended with exit code 3"


def test_a_bug_is_told_as_one():
    with Processes(made(fault="breaks"), 1) as workers:
        workers.submit("job", Job({}, 0, 0))
        with pytest.raises(WorkerError, match=r"which is a bug: Traceback[\s\S]*KeyError: 'a bug'"):
            until(workers, ["job"])


def test_a_training_that_is_pruned_ends_soon():
    with Processes(made(seconds=60.0), 1) as workers:
        workers.submit("job", Job({}, 0, 0))
        outcome = until(workers, ["job"], lambda event: None if isinstance(event, Ended) else workers.prune("job"))
        assert outcome["job"].pruned
        assert outcome["job"].seconds < 60


# ---- the study ----


def study(path=None, space=SPACE, seed=0):
    return Study(None if path is None else storage_url(path), "test", space, maximize=False, seed=seed)


def silent(path):
    """As if the last heartbeats were an hour ago."""
    with contextlib.closing(sqlite3.connect(path)) as opened, opened:
        opened.execute("update trial_heartbeats set heartbeat = datetime('now', '-1 hour')")


def told(kept, trials, value=lambda trial: float(trial.params["hidden_size"])):
    chosen = []
    while (trial := kept.next(trials)) is not None:
        chosen.append(trial.params)
        kept.tell(trial, value(trial), scores={"loss": value(trial)})
    return chosen


def test_the_defaults_are_the_first_trial():
    assert told(study(), 3)[0] == {"hidden_size": 64, "cell": "gru"}


def test_an_interrupted_study_goes_on_as_if_it_had_not_been(tmp_path):
    whole = told(study(), 8)
    first = told(study(tmp_path / "a.db"), 3)
    assert [*first, *told(study(tmp_path / "a.db"), 8)] == whole
    assert told(study(tmp_path / "a.db"), 8) == []


@pytest.mark.parametrize("finished", [0, 10])
def test_a_trial_that_was_lost_shifts_no_other(tmp_path, finished):
    """Neither where they are drawn at random nor where those before propose them; it is begun again with its own values."""
    whole = told(study(), 13)
    kept = study(tmp_path / "a.db")
    for trial in whole[:finished]:
        assert told(kept, 1 + len(kept.finished)) == [trial]
    lost = kept.next(13)  # and no word of how it ends
    again = study(tmp_path / "a.db")
    assert [trial.params for trial in again.finished] + told(again, 13) == whole
    assert lost.params == whole[finished]
    assert len(again.trials) == 14


@pytest.mark.parametrize("finished", [0, 2])
def test_a_trial_that_was_lost_as_it_was_asked_for_is_begun_again(tmp_path, monkeypatch, finished):
    """It runs, but nobody has put a name to it, and of its values only the first was chosen."""
    from optuna.trial import Trial

    whole = told(study(), 4)
    path = tmp_path / "a.db"
    kept = study(path)
    for trial in whole[:finished]:
        assert told(kept, 1 + len(kept.finished)) == [trial]
    suggest = Trial._suggest

    def killed(self, name, *given):
        if name == "cell":
            raise KeyboardInterrupt
        return suggest(self, name, *given)

    with monkeypatch.context() as patch:
        patch.setattr(Trial, "_suggest", killed)
        with pytest.raises(KeyboardInterrupt):
            kept.next(4)
    again = study(path)
    assert again.next(1 + finished) is None
    assert again.running_elsewhere([]) == 1
    with contextlib.closing(sqlite3.connect(path)) as opened, opened:
        opened.execute("update trials set datetime_start = datetime('now', 'localtime', '-1 hour')")
    assert told(again, 4) == whole[finished:]
    assert len(again.finished) == 4
    assert again.running_elsewhere([]) == 0


def test_a_trial_of_a_process_that_is_gone_is_begun_again(tmp_path):
    """What `kill -9` leaves behind: a trial that runs for ever."""
    script = (
        "import os; from unrolled.tuning.study import Study, storage_url\n"
        f"kept = Study(storage_url({str(tmp_path / 'a.db')!r}), 'test', {SPACE!r}, maximize=False, seed=0)\n"
        "one = kept.next(9); kept.tell(one, 1.0, scores={'loss': 1.0}); two = kept.next(9); print(two.params); os._exit(9)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 9, done.stderr
    kept = study(tmp_path / "a.db")
    assert kept.running_elsewhere([]) == 0
    again = kept.next(2)
    assert str(again.params) == done.stdout.strip()
    assert kept.next(2) is None
    kept.tell(again, 2.0, scores={"loss": 2.0})
    assert [trial.value for trial in kept.finished] == [1.0, 2.0]


def test_a_trial_whose_heartbeat_stopped_is_begun_again(tmp_path, monkeypatch):
    """Another machine that is gone."""
    with monkeypatch.context() as patch:
        patch.setattr("socket.gethostname", lambda: "elsewhere")
        lost = study(tmp_path / "a.db").next(1)
    kept = study(tmp_path / "a.db")
    assert kept.next(1) is None
    assert kept.running_elsewhere([]) == 1
    silent(tmp_path / "a.db")
    again = kept.next(1)
    assert again.params == lost.params
    kept.tell(again, 1.0, scores={"loss": 1.0})
    assert [trial.value for trial in kept.finished] == [1.0]
    assert kept.next(1) is None


def test_what_a_process_says_of_a_trial_that_was_begun_again_is_not_heard(tmp_path):
    """It slept, and its trial has been given to another one."""
    sleeper = study(tmp_path / "a.db")
    lost = sleeper.next(1)
    silent(tmp_path / "a.db")
    kept = study(tmp_path / "a.db")
    again = kept.next(1)
    assert sleeper.report(lost, 1, 1.0)
    sleeper.tell(lost, 9.0, scores={"loss": 9.0})
    kept.tell(again, 1.0, scores={"loss": 1.0})
    assert [trial.value for trial in sleeper.finished] == [1.0]


def test_values_that_were_tried_are_not_trained_again(tmp_path):
    data = made(folder=str(tmp_path))
    space = {"hidden_size": [64, 16]}
    kept = study(space=space)
    with Here(data, 1) as workers:
        search(data, space, kept, workers, trials=6, seed=0, heard=nobody)
    assert len(kept.finished) == 6
    assert len((tmp_path / "trainings").read_text().splitlines()) == 2


def test_hopeless_trials_are_pruned():
    kept = study(space={"hidden_size": [64, 16, 32, 128, 256, 512, 1024, 2048]})
    with Here(made(), 1) as workers:
        data = made()
        search(data, {"hidden_size": [64]}, kept, workers, trials=14, seed=0, heard=nobody)
    states = [trial.state.name for trial in kept.finished]
    assert "PRUNED" in states
    pruned = [trial for trial in kept.finished if trial.state.name == "PRUNED"]
    assert [trial for trial in kept.finished if trial not in pruned] == kept.complete
    best = min(trial.value for trial in kept.complete)
    assert min(np.log2(trial.params["hidden_size"] / 16) for trial in pruned) > 0
    assert best < 1.1
    assert states[:5] == ["COMPLETE"] * 5


@pytest.mark.parametrize("name", ["folder", "missing/a.db", "text.db"])
def test_a_study_is_a_file_of_its_own(tmp_path, name):
    (tmp_path / "folder").mkdir()
    (tmp_path / "text.db").write_text("month,passengers\n")
    with pytest.raises(InputError, match=r"is a folder|there is no folder|is no study: choose another path"):
        storage_url(tmp_path / name)


def test_a_database_that_cannot_be_reached_is_named():
    with pytest.raises(InputError, match=r"nothing://here cannot be opened"):
        Study("nothing://here", "test", SPACE, maximize=False, seed=0)


# ---- the judgement ----


def test_a_change_is_judged_as_by_a_paired_t_test():
    rng = np.random.default_rng(0)
    for _ in range(20):
        a, b = rng.normal(size=5), 0.5 + rng.normal(size=5)
        found = compared({}, a, b, larger_is_better=False)
        test = stats.ttest_rel(b, a, alternative="greater")
        assert found.better == pytest.approx((b - a).mean())
        assert found.beyond_chance == (test.pvalue < 0.05)
        assert found.uncertainty == pytest.approx(stats.t.ppf(0.95, 4) * stats.sem(b - a))
        several = compared({}, a, b, larger_is_better=False, among=3)
        assert several.beyond_chance == (test.pvalue < 0.05 / 3)
        other = compared({}, a, b, larger_is_better=True)
        assert (other.better, other.worse_beyond_chance) == (-found.better, found.beyond_chance)


def test_the_best_of_several_that_are_no_better_is_rarely_taken():
    rng = np.random.default_rng(1)
    taken = 0
    for _ in range(2000):
        usual_scores, *others = rng.normal(size=(4, 5))
        found = [compared({}, own, usual_scores, larger_is_better=True, among=3) for own in others]
        taken += any(each.beyond_chance for each in found)
    assert 0.02 < taken / 2000 < 0.06


def test_what_is_the_same_each_time_is_beyond_chance_if_it_differs_at_all():
    assert compared({}, [1.0] * 3, [2.0] * 3, larger_is_better=False).beyond_chance
    assert not compared({}, [2.0] * 3, [2.0] * 3, larger_is_better=False).beyond_chance


# ---- all of it ----


@pytest.mark.usefixtures("here")
def test_a_change_that_is_better_is_found_and_said_to_be():
    found = tune(made(), trials=8, only=["hidden_size"], rounds=4, seeds=3)
    assert found.values == {"hidden_size": 16}
    assert found.tested.values == {"hidden_size": 16}
    assert found.tested.beyond_chance
    assert 0.15 < found.tested.better < 0.25
    assert "hidden_size=16" in str(found)
    assert (
        "The answer is hidden_size=16. Measured on the test part, which nothing has seen, from 3 seeds (mean ± their standard"
        " deviation): loss 0.99" in found.verdict
    )
    assert "it is better by" in found.verdict
    assert "not taken" not in found.verdict
    assert len(found.trials) == 8
    assert found.trials[0].values == found.defaults == {"hidden_size": 64}
    frame = found.to_frame()
    assert frame["trial"].to_list() == [*range(8)]
    assert found.plot().svg.count("<circle") == sum(each.value is not None for each in found.trials)


@pytest.mark.usefixtures("here")
def test_what_was_pruned_is_never_a_candidate():
    """Optuna calls the last validation loss of such a trial its value, and it may be far below any score."""
    found = tune(made(offset_of_losses=-5.0), trials=16, random_state=1, rounds=3, seeds=3)
    pruned = [each for each in found.trials if each.state == "pruned"]
    assert pruned
    assert all(each.value is None for each in pruned)
    complete = {str(each.values) for each in found.trials if each.state == "complete"}
    assert found.judged
    for judged in found.judged:
        assert str({**found.defaults, **judged.values}) in complete


@pytest.mark.usefixtures("here")
def test_luck_changes_nothing():
    """Where no value is better than another, the defaults stay, though most searches find something "better"."""
    answers, lucky = [], 0
    for seed in range(5):
        found = tune(made(gain=0.0, noise=0.1), trials=6, only=["hidden_size"], rounds=6, seeds=3, random_state=seed)
        answers.append(found.values)
        lucky += bool(found.judged)
        assert found.values or "the answer is the defaults" in found.verdict or "which are the answer" in found.verdict
    assert lucky >= 2
    assert sum(bool(values) for values in answers) <= 1


@pytest.mark.usefixtures("here")
def test_the_test_part_decides_nothing(tmp_path):
    """Whatever it says: here that what was found is much worse, which is said."""
    found = [tune(made(offset=offset), trials=6, only=["hidden_size"], rounds=3, seeds=3) for offset in (0.0, -1.0)]
    assert found[0].values == found[1].values == {"hidden_size": 16}
    assert [each.value for each in found[0].trials] == [each.value for each in found[1].trials]
    assert [each.better for each in found[0].judged] == [each.better for each in found[1].judged]
    assert not found[1].tested.beyond_chance
    assert "it is worse by" in found[1].verdict


def test_a_change_that_is_not_taken_is_said_to_be_so_before_its_test():
    """On the test part it may well be better: a reader is told that this decides nothing."""
    space = {"hidden_size": 64}
    rows = (TrialRow(0, space, "complete", 1.0, {"loss": 1.0}, None),)
    usual_scores, better = np.array([1.0, 1.1, 1.2]), np.array([0.9, 1.0, 1.09])
    chance, worse = "better by 0.0667, no more than the 0.258 that chance may give", "worse by 0.333"
    for own, why in ([0.8, 1.2, 1.1], chance), ([2.0, 1.1, 1.2], worse):
        judged = compared({"hidden_size": 16}, own, usual_scores, larger_is_better=False)
        tested = compared({"hidden_size": 16}, better, usual_scores, larger_is_better=False)
        found = Tuning("loss", False, rows, space, {}, (judged,), {}, tested, usual_scores)
        assert (
            f"{why}. So hidden_size=16 is not taken: the answer is the defaults. For information, for it decides nothing: on the"
            " test part, which nothing has seen, from 3 seeds (mean ± their standard deviation): loss 0.9967 ± 0.095 with"
            " hidden_size=16,"
            " which was not taken, 1.1 ± 0.1 with the defaults; it is better by 0.103 here, more than the 0.00973 that chance may"
            " give (t-test at 5 %)." in found.verdict
        )


@pytest.mark.usefixtures("here")
def test_trials_that_fail_are_told_and_the_rest_goes_on(tmp_path):
    found = tune(made(fault="explodes", folder=str(tmp_path)), trials=8, only=["hidden_size"], rounds=3, seeds=3)
    failed = [each for each in found.trials if each.state == "failed"]
    assert failed
    assert f"trial {failed[0].number} failed: the loss exploded" in str(found)
    assert found.values != {"hidden_size": 16}


@pytest.mark.usefixtures("here")
def test_defaults_that_cannot_be_trained_end_it():
    with pytest.raises(InputError, match="the data: the defaults cannot be trained: there is nothing to learn"):
        tune(made(fault="refuses"), trials=3, only=["hidden_size"])


@pytest.mark.parametrize(
    ("given", "message"),
    [({"trials": 0}, "trials is 0, expected at least 1"), ({"rounds": 2}, "rounds is 2, expected at least 3"),
     ({"seeds": 1}, "seeds is 1"), ({"workers": 0}, "workers is 0")],
)  # fmt: skip
def test_numbers_out_of_range_are_refused(given, message):
    with pytest.raises(InputError, match=message):
        tune(made(), **given)


def test_two_workers_and_a_study_give_every_trial(tmp_path):
    given = {"trials": 6, "only": ["hidden_size"], "rounds": 3, "seeds": 3}
    data = made(fault="exits once", folder=str(tmp_path))
    found = tune(data, study=tmp_path / "a.db", workers=2, **given)
    assert [each.number for each in found.trials] == [*range(6)]
    assert {each.state for each in found.trials} <= {"complete", "pruned"}
    trained = (tmp_path / "trainings").read_text().splitlines()
    assert (tmp_path / "exited").exists() == any(" 16 " in line for line in trained)
    again = tune(data, study=tmp_path / "a.db", workers=2, **given)
    assert (tmp_path / "trainings").read_text().splitlines() == trained  # all is remembered
    assert str(again) == str(found)
    said = []
    more = tune(data, study=tmp_path / "a.db", told=said.append, **{**given, "trials": 8})
    assert said == ["6 trials of an earlier run are kept"]
    assert [each.number for each in more.trials] == [*range(8)]
    assert [each.values for each in more.trials[:6]] == [each.values for each in found.trials]


GIVEN = {"trials": 5, "only": ["hidden_size", "cell"], "rounds": 3, "seeds": 3}
SCRIPT = f"""
import sys
from made_data import MadeData
from unrolled.tuning import tune
tune(MadeData(seconds=0.5, folder=sys.argv[1]), study=sys.argv[2], workers=2, **{GIVEN})
"""


@pytest.mark.starts_python
def test_killed_and_begun_again_no_trial_is_lost(tmp_path, monkeypatch):
    command = [sys.executable, "-c", SCRIPT, str(tmp_path), str(tmp_path / "a.db")]
    log = tmp_path / "trainings"
    first = subprocess.Popen(command)
    while not log.exists() or len(log.read_text().splitlines()) < 4:
        assert first.poll() is None
        time.sleep(0.05)
    first.kill()
    first.wait()
    workers = {int(line.split()[0]) for line in log.read_text().splitlines()}
    while any(Path(f"/proc/{pid}").exists() for pid in workers):  # they end by themselves
        time.sleep(0.05)
    said = []
    monkeypatch.setattr("unrolled.tuning.tuner.Processes", Here)
    found = tune(made(), study=tmp_path / "a.db", workers=2, told=said.append, **GIVEN)
    assert said[-1] in ("1 trial that was not over is begun again", "2 trials that were not over are begun again")
    assert len(found.trials) == 5
    assert {each.state for each in found.trials} <= {"complete", "pruned"}


DEAF = """
import sys
from made_data import MadeData
from unrolled.tuning.job import Job
from unrolled.tuning.processes import Processes
with Processes(MadeData(deaf=60.0, folder=sys.argv[1]), 1) as workers:
    workers.submit("job", Job({}, 0, 0))
    while True:
        list(workers.events(0.2))
"""


@pytest.mark.starts_python
def test_a_worker_ends_with_its_parent_though_its_training_hears_nothing(tmp_path):
    log = tmp_path / "trainings"
    parent = subprocess.Popen([sys.executable, "-c", DEAF, str(tmp_path)])
    while not log.exists() or not log.read_text().endswith("\n"):
        assert parent.poll() is None
        time.sleep(0.05)
    parent.kill()
    parent.wait()
    worker = log.read_text().split()[0]
    while Path(f"/proc/{worker}").exists():
        time.sleep(0.05)
    assert not (tmp_path / "heard").exists()


@pytest.mark.usefixtures("here")
def test_ctrl_c_says_what_is_kept(tmp_path):
    def stop(what, done, of):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt, match="stopped after 0 of 4 trials; they are lost: study= and the path"):
        tune(made(), trials=4, only=["hidden_size"], heard=stop)
    with pytest.raises(KeyboardInterrupt, match=r"stopped after 0 of 4 trials; .*a.db has them"):
        tune(made(), trials=4, only=["hidden_size"], heard=stop, study=tmp_path / "a.db")


@pytest.mark.usefixtures("here")
def test_a_study_that_is_lost_is_named(tmp_path):
    def lose(what, done, of):
        with contextlib.closing(sqlite3.connect(tmp_path / "a.db")) as opened, opened:
            opened.execute("drop table trial_user_attributes")

    with pytest.raises(WorkerError, match=r"a.db can no longer be read or written"):
        tune(made(), trials=4, only=["hidden_size"], heard=lose, study=tmp_path / "a.db")


def test_without_optuna_there_is_one_sentence(monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(MissingExtraError, match=r"tuning needs the package 'optuna'.*pip install '.\[compare\]'"):
        tune(made())


def test_importances_name_what_matters():
    kept = study(space={"hidden_size": [64, 16, 32, 128], "cell": ["gru", "lstm"]})
    told(kept, 24)
    shares = kept.importances()
    assert shares["hidden_size"] > shares["cell"]
    assert sum(shares.values()) == pytest.approx(1)
    few = study()
    told(few, 3)
    assert few.importances() == {}


@pytest.mark.usefixtures("here")
def test_a_real_estimator_is_tuned():
    values = {"members": 1, "max_epochs": 2, "method": "windows"}
    data = SeriesData.of(read_panel(np.sin(np.arange(120.0))), values, horizon=6)
    found = tune(data, trials=2, only=["hidden_size"], rounds=3, seeds=3)
    assert found.measure == "mase"
    assert len(found.trials) == 2
    assert SimpleNamespace(**found.defaults).hidden_size == Forecaster().hidden_size
