"""``unrolled tune``: find parameters that are better for a file than the defaults, and say whether they are."""

from __future__ import annotations

import signal
import threading
from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unrolled.cli.catalogue import TASKS, options_of_all
from unrolled.cli.command import say_what_is_kept
from unrolled.cli.json_report import Report, print_report
from unrolled.cli.messages import say, show
from unrolled.cli.options import with_options
from unrolled.cli.output_files import check_places, print_with_model
from unrolled.cli.settled import fit_command, parameter_named, settled
from unrolled.cli.shared_options import JsonOption, output_option
from unrolled.cli.task import Task
from unrolled.errors import InputError
from unrolled.parameters.declaration import Parameter, Parameters, search_space
from unrolled.parameters.ranges import COUNT, Range
from unrolled.progress import ShareBar, person_watches

if TYPE_CHECKING:
    from unrolled.tuning.judgement import Compared
    from unrolled.tuning.result import Tuning

__all__ = ["tune"]

NAMES = ", ".join(task.name for task in TASKS)


class SearchOptions(Parameters):
    """How parameters are searched."""

    _title = "Search"

    trials: Annotated[
        int, Parameter("Number of trials, those of an earlier run of the same study among them.", COUNT)
    ] = 20
    only: Annotated[
        Sequence[str],
        Parameter("The parameters to try, separated by commas; if not given, all worth trying.", metavar="NAMES"),
    ] = ()
    fix: Annotated[
        Sequence[str],
        Parameter("A parameter that is settled, such as members=1 or horizon=24.", metavar="NAME=VALUE"),
    ] = ()
    measure: Annotated[
        str | None, Parameter("The measure by which models are compared.", unset="that of the task", metavar="NAME")
    ] = None
    rounds: Annotated[int, Parameter("How often the best are trained again beside the defaults.", Range(3))] = 5
    seeds: Annotated[int, Parameter("How often the answer and the defaults are trained for the test.", Range(3))] = 5
    study: Annotated[
        str | None,
        Parameter(
            "A file that keeps the trials, or the address of a database that machines share; the same command goes on.",
            unset="they are forgotten",
            metavar="STUDY",
        ),
    ] = None
    workers: Annotated[
        int | None,
        Parameter(
            "Trainings at once, each in a process of its own.", COUNT, unset="1, or the processors of the Ray cluster"
        ),
    ] = None
    ray: Annotated[
        str | None,
        Parameter(
            "A Ray cluster that runs the trainings, such as auto or ray://head:10001.",
            unset="this machine runs them",
            metavar="ADDRESS",
        ),
    ] = None
    random_state: Annotated[int, Parameter("Seed of the search and of the trainings.", Range(0), flag="--seed")] = 0


if TYPE_CHECKING:
    FileOptionsOfAll = Parameters
else:

    class FileOptionsOfAll(options_of_all("FileOptionsOfAll", (task.data_options for task in TASKS))):
        """What all tasks ask about a file."""

        series: Annotated[
            str | None,
            Parameter("The column that names the series or sequences, if there are several.", metavar="COLUMN"),
        ] = None
        target: Annotated[
            str | None, Parameter("The column to forecast, or that of the targets of pairs.", metavar="COLUMN")
        ] = None


@with_options
def tune(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A file as unrolled fit takes it for the task.")],
    task: Annotated[str, typer.Option(metavar="TASK", help=f"What the models are to do: {NAMES}.")],
    options: FileOptionsOfAll,
    search: SearchOptions,
    output: Annotated[
        Path | None, output_option("MODEL", "Write a model with the answer, trained on all of the file.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Find parameters that are better for your data than the defaults, and say whether they really are.

    The best trials are trained again beside the defaults; what is better beyond chance is the answer, and is compared with the
    defaults once more on a part of the file that nothing has seen.
    For example: unrolled tune passengers.csv --task forecast --trials 20
    """
    from unrolled.tuning import tune as find

    chosen = next((each for each in TASKS if each.name == task), None)
    if chosen is None:
        raise InputError(f"--task is {task!r}, expected one of {NAMES}")
    kept = None if search.study is None or "://" in search.study else Path(search.study)
    check_places({"--output": output, "--study": kept}, [file], as_json=as_json)
    own = chosen.own(f"--task is {task}", options, chosen.data_options)
    fixed = settled(chosen, search.fix)
    data = chosen.data(file, own, fixed)
    worth = [name for name in search_space(data.estimator) if name not in data.idle and name not in fixed]
    only = [parameter_named(chosen, name, "--only", worth).name for each in search.only for name in each.split(",")]
    if search.measure is not None:
        data = data.by(search.measure)
    say(f"tuning on {data.describe()}")
    with _Bars() as bars, _terminated_in_order():
        found = find(
            data, trials=search.trials, only=only, study=search.study, workers=search.workers, ray=search.ray,
            rounds=search.rounds, seeds=search.seeds, random_state=search.random_state, heard=bars,
            told=bars.say,
        )  # fmt: skip
    values = {**fixed, **found.values, **({"random_state": search.random_state} if search.random_state else {})}
    command = fit_command(chosen, file, own, values)
    remark = f", {data.learned_from}" if data.learned_from else ""
    if output is not None:
        data.fit(found.values, seed=search.random_state, verbose=None).save(output)
    if as_json:
        print_report(Report(output, file, data.notes, _as_dict(found, chosen, command), "trials"), _rows(found))
    elif output is not None:
        print_with_model(output, file, str(found), f"trained as by: {command}{remark}")
    else:
        show(found, f"next: {command}{remark}")


@contextmanager
def _terminated_in_order() -> Generator[None, None, None]:
    """What is said of Ctrl-C is said of SIGTERM, whose code is 143; a second one ends the process at once."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    terminated: list[int] = []

    def stop(number: int, frame: FrameType | None) -> None:
        signal.signal(number, signal.SIG_DFL)
        terminated.append(number)
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    except KeyboardInterrupt as error:
        if terminated:
            say_what_is_kept(*error.args)
            raise SystemExit(128 + terminated[0]) from None
        raise
    finally:
        if not terminated:
            signal.signal(signal.SIGTERM, before)


class _Bars:
    """A bar for each part of the work."""

    def __init__(self) -> None:
        self._what = ""
        self._bars = ExitStack()

    def __enter__(self) -> _Bars:
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.close()

    def say(self, sentence: str) -> None:
        """Write a line; the bar goes on below it."""
        self._bars.close()
        self._what = ""
        say(sentence)

    def __call__(self, what: str, done: int, of: int) -> None:
        if what != self._what:
            self._bars.close()
            self._what, self._bar = what, self._bars.enter_context(ShareBar(what, person_watches()))
        self._bar(done / of, done)


def _as_dict(found: Tuning, task: Task, command: str) -> dict[str, Any]:
    """All but the trials, as plain data."""
    return {
        "task": task.name,
        "measure": found.measure,
        "larger_is_better": found.larger_is_better,
        "answer": found.values,
        "defaults": found.defaults,
        "importances": found.importances,
        "judged": [_compared(each) for each in found.judged],
        "test": {"defaults": found.usual_scores.tolist(), **({} if found.tested is None else _compared(found.tested))},
        "verdict": found.verdict,
        "fit": command,
    }


def _compared(found: Compared) -> dict[str, Any]:
    return {
        "values": found.values,
        "scores": found.scores.tolist(),
        "defaults": found.usual.tolist(),
        "better": found.better,
        "uncertainty": found.uncertainty,
    }


def _rows(found: Tuning) -> list[dict[str, Any]]:
    return [vars(each) for each in found.trials]
