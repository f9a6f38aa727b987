"""The commands: results on stdout, messages on stderr, exit codes 0, 1 and 2, and nothing half-written."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import unrolled as library
from unrolled.cli.app import app
from unrolled.cli.catalogue import TASKS
from unrolled.data.airline import MONTHS, PASSENGERS
from unrolled.errors import TrainingError
from unrolled.tasks import estimators

Run = Callable[..., Any]
MAIN = [sys.executable, "-m", "unrolled"]


def subprocess_run(*arguments: object, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*MAIN, *map(str, arguments)], capture_output=True, text=True, **options)


def refused(outcome: Any, message: str) -> None:
    assert (outcome.code, outcome.out, outcome.err) == (2, "", f"unrolled: {message}\n")


# ---- the whole ----


def test_version(unrolled: Run) -> None:
    outcome = unrolled("--version")
    assert (outcome.code, outcome.out, outcome.err) == (0, f"unrolled {library.__version__}\n", "")


@pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"]])
def test_help_lists_the_commands(unrolled: Run, arguments: list[str]) -> None:
    outcome = unrolled(*arguments)
    assert outcome.code == 0
    for command in ("demo", "fit", "forecast", "predict", "evaluate", "info"):
        assert command in outcome.out


COMMANDS = ["demo", "forecast", "predict", "evaluate", "info", *(f"fit {task.name}" for task in TASKS)]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_an_example_or_says_what_it_does(unrolled: Run, command: str) -> None:
    outcome = unrolled(*command.split(), "--help")
    assert outcome.code == 0
    assert "--json" in outcome.out
    assert f"unrolled {command}" in " ".join(outcome.out.split())


def test_every_model_has_its_task() -> None:
    assert {each.__name__ for each in estimators().values()} == {task.estimator for task in TASKS}


def test_usage_errors_are_one_line(unrolled: Run) -> None:
    refused(unrolled("forecas"), "No such command 'forecas'. Did you mean 'forecast'?")
    refused(unrolled("forecast"), "Missing argument 'FILE.csv'.")
    outcome = unrolled("forecast", "x.csv", "-H", "many")
    assert outcome.err.startswith("unrolled: Invalid value for '--horizon' / '-H': ")
    assert (outcome.code, outcome.out, outcome.err.count("\n")) == (2, "", 1)
    outcome = unrolled("forecast", "x.csv", "--horizont", "3")
    assert outcome.err.startswith("unrolled: No such option: --horizont")
    assert (outcome.code, outcome.out, outcome.err.count("\n")) == (2, "", 1)


def test_completion_for_the_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    # Otherwise the shell is the one these tests were started from, which under make is one without completion.
    monkeypatch.setattr("shellingham.detect_shell", lambda: ("bash", "/bin/bash"))
    result = CliRunner().invoke(app, ["--show-completion", "bash"], prog_name="unrolled")
    assert result.exit_code == 0, result.output
    assert "_UNROLLED_COMPLETE=complete_bash" in result.output
    words = subprocess_run(
        env={**os.environ, "_UNROLLED_COMPLETE": "complete_bash", "COMP_WORDS": "unrolled fo", "COMP_CWORD": "1"}
    )
    assert words.stdout.split() == ["forecast"]


def test_without_the_extra_there_is_one_sentence() -> None:
    for module in ("typer", "rich"):
        program = f"import sys; sys.modules['{module}'] = None; from unrolled.cli import main; main()"
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr == (
            f"unrolled: the command line needs the package '{module}'; in a checkout of unrolled: pip install '.[cli]'\n"
        )


def test_other_failures(unrolled: Run, monkeypatch: pytest.MonkeyPatch, passengers: Path) -> None:
    def fail_with(error: BaseException) -> Any:
        def fail(*_: Any, **__: Any) -> None:
            raise error

        monkeypatch.setattr("unrolled.tasks.forecasting.forecaster.Forecaster.fit_panel", fail)
        return unrolled("forecast", passengers)

    for error, code, message in [
        (TrainingError("the loss became nan"), 1, "the loss became nan"),
        (OSError(28, "No space left on device", "out"), 1, "out: No space left on device"),
    ]:
        outcome = fail_with(error)
        assert (outcome.code, outcome.out, outcome.err) == (code, "", f"unrolled: {message}\n")
    outcome = fail_with(KeyboardInterrupt())
    assert (outcome.code, outcome.out, outcome.err) == (130, "", "")
    with pytest.raises(ZeroDivisionError):  # a bug is shown whole
        fail_with(ZeroDivisionError())


def test_training_needs_torch(passengers: Path) -> None:
    program = "import sys; sys.modules['torch'] = None; from unrolled.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program, "forecast", str(passengers)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "unrolled: fitting a Forecaster needs the package 'torch'; in a checkout of unrolled: pip install '.[train]'"
        " --extra-index-url https://download.pytorch.org/whl/cpu\n"
    )


def test_reader_that_closes_the_pipe(model: Path) -> None:
    command = " ".join([f"'{part}'" for part in [*MAIN, "info", str(model)]])
    done = subprocess.run(["bash", "-c", f"{command} | head -1"], capture_output=True, text=True, check=False)
    assert (done.stdout.startswith(str(model)), done.stderr) == (True, "")


@pytest.mark.filterwarnings("default")
def test_fault_06_a_constant_series_is_forecast_with_a_warning_of_one_line(unrolled: Run, tmp_path: Path) -> None:
    (tmp_path / "flat.csv").write_text("x\n" + "5\n" * 30)
    outcome = unrolled("forecast", tmp_path / "flat.csv", "-H", 2, quick=True)
    assert outcome.code == 0
    warned = [line for line in outcome.err.splitlines() if "warning" in line]
    assert len(warned) == 1
    assert warned[0].startswith("unrolled: warning: the series: every value is the same")
    for line in outcome.out.splitlines()[1:]:
        assert [float(number) for number in line.split(",")] == pytest.approx([5, 5, 5], abs=0.5)


def test_every_file_is_opened_once(model: Path, passengers: Path, tmp_path: Path) -> None:
    """Counted by the interpreter itself, in a process of its own."""
    program = (
        "import sys\nopened = []\n"
        "sys.addaudithook(lambda event, args: opened.append(str(args[0])) if event == 'open' else None)\n"
        "from unrolled.cli.app import run\ncode = run(sys.argv[3:])\n"
        "print('counts', code, opened.count(sys.argv[1]), opened.count(sys.argv[2]), file=sys.stderr)"
    )
    quick = ["--members", "1", "--max-epochs", "1", "--hidden-size", "4"]
    for command, models in [
        (["predict", model, passengers], 1),
        (["evaluate", model, passengers], 1),
        (["forecast", passengers, *quick], 0),
        (["fit", "forecast", passengers, "-o", tmp_path / "m", *quick], 0),
    ]:
        arguments = [sys.executable, "-c", program, passengers, model, *command]
        done = subprocess.run([*map(str, arguments)], capture_output=True, text=True, check=False)
        assert done.stderr.splitlines()[-1] == f"counts 0 1 {models}"


# ---- fit ----


def test_fit_writes_a_model_and_says_what_next(
    unrolled: Run, passengers: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    outcome = unrolled(
        "fit", "forecast", passengers, "--target", "passengers", "--time", "month", "--horizon", 12, quick=True
    )
    assert outcome.code == 0
    assert outcome.err.splitlines()[0] == "the frequency is one row a month"
    assert outcome.out.splitlines()[0] == "On the last steps, kept back from the model that forecast them:"
    assert outcome.out.endswith(
        f"wrote passengers.safetensors\nnext: unrolled predict passengers.safetensors {passengers}\n"
    )
    forecaster = library.load("passengers.safetensors")
    assert (forecaster.horizon_, forecaster.members, forecaster.hidden_size) == (12, 1, 4)


@pytest.mark.parametrize("command", ["fit", "forecast"])
def test_method_distribution_and_intervals(unrolled: Run, passengers: Path, tmp_path: Path, command: str) -> None:
    options = ["--method", "windows", "--distribution", "student_t", "--intervals", "conformal", "--seed", 1]
    start = ("fit", "forecast", passengers, "-o", tmp_path / "m") if command == "fit" else ("forecast", passengers)
    outcome = unrolled(*start, *options, quick=True)
    assert outcome.code == 0
    wrong = unrolled(*start, "--intervals", "wide", quick=True)
    assert wrong.code == 2
    assert "intervals is 'wide', expected one of model, conformal" in wrong.err
    if command == "fit":
        forecaster = library.load(tmp_path / "m")
        assert (forecaster.method_, forecaster.distribution, forecaster.intervals) == (
            "windows",
            "student_t",
            "conformal",
        )


def test_fit_as_json(unrolled: Run, passengers: Path, tmp_path: Path) -> None:
    outcome = unrolled("fit", "forecast", passengers, "-o", tmp_path / "m", "--json", quick=True)
    result = json.loads(outcome.out)
    assert (result["model"], result["command"]) == (str(tmp_path / "m"), "fit forecast")
    assert (result["horizon"], result["season_length"]) == (12, 12)
    assert set(result["validation"]["accuracy"]) >= {"forecast", "naive", "seasonal naive"}
    assert "time is 'month'" in result["inferred"]
    assert set(result["inferred"]) == set(outcome.err.splitlines())


def test_fit_of_a_short_series_says_that_it_was_not_validated(unrolled: Run, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("x\n" + "".join(f"{i % 4}\n" for i in range(4)))
    outcome = unrolled("fit", "forecast", tmp_path / "x.csv", "-o", tmp_path / "m", "-H", 3, quick=True)
    assert outcome.out.startswith("The series are too short to keep some steps back")
    assert json.loads(
        unrolled("fit", "forecast", tmp_path / "x.csv", "-o", tmp_path / "m", "-H", 3, "--json", quick=True).out
    )["validation"] is None  # fmt: skip


@pytest.mark.parametrize("command", ["fit forecast", "forecast", "predict no-model"])
def test_where_to_write_is_checked_before_the_work(unrolled: Run, tmp_path: Path, command: str) -> None:
    target = tmp_path / "gone" / "m"
    refused(
        unrolled(*command.split(), tmp_path / "no.csv", "-o", target),
        f"cannot write {target}: there is no folder {tmp_path / 'gone'}; create it first or choose another path",
    )


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_fault_31_read_only_folder(unrolled: Run, passengers: Path, tmp_path: Path) -> None:
    (tmp_path / "locked").mkdir(mode=0o500)
    outcome = unrolled("forecast", passengers, "-o", tmp_path / "locked" / "out.csv", quick=True)
    place = tmp_path / "locked" / "out.csv"
    refused(outcome, f"cannot write {place}: Permission denied; choose another path")


def test_ctrl_c_ends_quietly_and_leaves_nothing_behind(passengers: Path, tmp_path: Path) -> None:
    """A real process, interrupted while it trains."""
    program = (
        "import os, signal\nfrom unrolled import progress\nfrom unrolled.cli import main\n"
        "progress.TrainingBar.__call__ = lambda self, step: os.kill(os.getpid(), signal.SIGINT)\nmain()"
    )
    arguments = [sys.executable, "-c", program, "fit", "forecast", str(passengers), "-o", str(tmp_path / "m")]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    lost = "stopped, and what was learned so far is lost: --checkpoint and the path of a file would keep it"
    assert (done.returncode, done.stdout, done.stderr) == (130, "", f"unrolled: {lost}\n")
    assert [file.name for file in tmp_path.iterdir()] == ["passengers.csv"]


def test_ctrl_c_where_nothing_could_be_kept(passengers: Path) -> None:
    program = (
        "import os, signal\nfrom unrolled import progress\nfrom unrolled.cli import main\n"
        "progress.TrainingBar.__call__ = lambda self, step: os.kill(os.getpid(), signal.SIGINT)\nmain()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "forecast", str(passengers)],
        capture_output=True,
        text=True,
        check=False,
    )
    lost = "unrolled: stopped, and what was learned so far is lost\n"  # this command has no --checkpoint
    assert (done.returncode, done.stdout, done.stderr) == (130, "", lost)


def test_sigterm_ends_with_143_and_leaves_nothing_half_written(model: Path, passengers: Path, tmp_path: Path) -> None:
    """While it trains, and while it writes."""
    kill = "os.kill(os.getpid(), signal.SIGTERM)"
    training = f"progress.TrainingBar.__call__ = lambda self, step: {kill}"
    writing = f"os.fsync = lambda descriptor: {kill}"
    for change, command in [
        (training, ["fit", "forecast", passengers, "-o", tmp_path / "m"]),
        (writing, ["predict", model, passengers, "-o", tmp_path / "out.csv"]),
    ]:
        program = f"import os, signal\nfrom unrolled import progress\nfrom unrolled.cli import main\n{change}\nmain()"
        done = subprocess.run(
            [sys.executable, "-c", program, *map(str, command)], capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stdout) == (143, ""), done.stderr
        assert [file.name for file in tmp_path.iterdir()] == ["passengers.csv"]


def test_ctrl_c_with_a_checkpoint_says_how_to_go_on(unrolled: Run, passengers: Path, tmp_path: Path) -> None:
    """A real process, interrupted in its second epoch; what goes on from there has the bytes of what never stopped."""
    program = (
        "import os, signal\nfrom unrolled import progress\nfrom unrolled.cli import main\n"
        "progress.TrainingBar.__call__ = lambda self, step: "
        "os.kill(os.getpid(), signal.SIGINT) if step.epoch == 2 else None\nmain()"
    )
    options = ["--members", "1", "--max-epochs", "2", "--hidden-size", "4", "--checkpoint", str(tmp_path / "run")]
    command = ["fit", "forecast", str(passengers), "-o", str(tmp_path / "m"), *options]
    done = subprocess.run([sys.executable, "-c", program, *command], capture_output=True, text=True, check=False)
    message = (
        f"unrolled: stopped; {tmp_path / 'run'} holds the training so far, and the same again goes on from there\n"
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", message)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["passengers.csv", "run"]
    other = unrolled(*command, "--cell", "lstm")
    assert (other.code, other.err.count("\n")) == (2, 1)
    assert "run was begun with --cell gru, now 'lstm'" in other.err
    assert unrolled(*command).code == 0
    assert unrolled("fit", "forecast", passengers, "-o", tmp_path / "whole", quick=True).code == 0
    assert (tmp_path / "m").read_bytes() == (tmp_path / "whole").read_bytes()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["m", "passengers.csv", "whole"]


def test_fit_with_covariates_and_predict_with_those_ahead(unrolled: Run, tmp_path: Path) -> None:
    rows = [f"2020-{1 + i // 28:02}-{1 + i % 28:02},{i % 7},{(i + 1) % 2}" for i in range(56)]
    days = [f"{i},{row.partition(',')[2]}" for i, row in enumerate(rows)]
    (tmp_path / "sales.csv").write_text("\n".join(["t,sales,open", *days]) + "\n")
    (tmp_path / "ahead.csv").write_text("t,open\n56,1\n57,0\n")
    model = tmp_path / "m"
    arguments = ["--target", "sales", "--time", "t", "--future", "open", "-H", 2, "--season", 7]
    outcome = unrolled("fit", "forecast", tmp_path / "sales.csv", "-o", model, *arguments, quick=True)
    assert outcome.code == 0, outcome.err
    outcome = unrolled("predict", model, tmp_path / "sales.csv", "--future", tmp_path / "ahead.csv")
    assert outcome.code == 0, outcome.err
    assert [line.split(",")[0] for line in outcome.out.splitlines()] == ["t", "56", "57"]
    outcome = unrolled("predict", model, tmp_path / "sales.csv")
    assert (outcome.code, "known ahead" in outcome.err) == (2, True)


# ---- forecast ----


def test_forecast_into_a_pipe_is_csv(unrolled: Run, passengers: Path) -> None:
    outcome = unrolled("forecast", passengers, "-H", 3, quick=True)
    lines = outcome.out.splitlines()
    assert (outcome.code, lines[0], len(lines)) == (0, "month,passengers,passengers_q10,passengers_q90", 4)
    assert [line.split(",")[0] for line in lines[1:]] == ["1961-01", "1961-02", "1961-03"]
    low, high = ([float(line.split(",")[i]) for line in lines[1:]] for i in (2, 3))
    assert all(300 < a < b < 700 for a, b in zip(low, high, strict=True))
    assert "mean absolute error on the last steps, kept back: forecast " in outcome.err


def test_forecast_on_a_terminal_is_a_chart_and_a_table(unrolled: Run, passengers: Path) -> None:
    outcome = unrolled("forecast", passengers, "-H", 3, quick=True, terminal=80)
    assert outcome.code == 0
    assert "●" in outcome.out
    assert "10 % to 90 %" in outcome.out
    table = outcome.out.splitlines()[-4:]
    assert table[0].split() == ["month", "passengers", "passengers_q10", "passengers_q90"]
    assert table[1].startswith("1961-01")
    assert max(map(len, outcome.out.splitlines())) <= 80


def test_forecast_of_several_series_draws_the_first(unrolled: Run, tmp_path: Path) -> None:
    rows = [f"{year},{shop},{year % 5 + 10}" for shop in ("north", "south") for year in range(30)]
    (tmp_path / "sales.csv").write_text("\n".join(["year,shop,sales", *rows]) + "\n")
    outcome = unrolled("forecast", tmp_path / "sales.csv", "-H", 14, quick=True, terminal=80)
    assert outcome.out.splitlines()[0] == "sales of north, the first of 2 series"
    assert outcome.out.splitlines()[-1] == "... and 4 more rows; -o FILE writes all of them"


def test_forecast_to_a_file_and_as_json(unrolled: Run, passengers: Path, tmp_path: Path) -> None:
    outcome = unrolled("forecast", passengers, "-H", 2, "-o", tmp_path / "out.csv", "--json", quick=True)
    result = json.loads(outcome.out)
    assert [row["month"] for row in result["forecast"]] == ["1961-01", "1961-02"]
    assert result["validation"]["horizon"] == 2
    written = (tmp_path / "out.csv").read_text().splitlines()
    assert written[1].split(",")[1] == str(result["forecast"][0]["passengers"])
    assert f"wrote {tmp_path / 'out.csv'} (2 rows)" in outcome.err
    outcome = unrolled("forecast", passengers, "-H", 2, "-o", tmp_path / "out.csv", quick=True)
    assert outcome.out == ""


def test_the_same_seed_gives_the_same_forecast(unrolled: Run, passengers: Path) -> None:
    first, second, third = (
        unrolled("forecast", passengers, "-H", 2, "--seed", seed, quick=True).out for seed in (1, 1, 2)
    )
    assert first == second
    assert first != third


# ---- predict and info ----


def test_predict_agrees_with_the_library(unrolled: Run, model: Path, passengers: Path) -> None:
    outcome = unrolled("predict", model, passengers)
    expected = library.load(model).predict(passengers)
    assert outcome.out == expected.write_csv()
    assert len(outcome.out.splitlines()) == 13
    longer = json.loads(unrolled("predict", model, passengers, "-H", 20, "--json").out)
    assert (longer["model"], len(longer["forecast"])) == (str(model), 20)


def test_predict_never_imports_torch(model: Path, passengers: Path) -> None:
    program = "import sys; sys.modules['torch'] = None; from unrolled.cli import main; main()"
    arguments = [sys.executable, "-c", program, "predict", str(model), str(passengers)]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == library.load(model).predict(passengers).write_csv()


def test_predict_in_plain_characters(model: Path, passengers: Path) -> None:
    """On a terminal that knows ASCII only."""
    program = "import sys; sys.stdout.isatty = lambda: True; from unrolled.cli import main; main()"
    arguments = [sys.executable, "-c", program, "predict", str(model), str(passengers)]
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "COLUMNS": "60", "TERM": "dumb"}
    done = subprocess.run(arguments, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    assert done.stdout.isascii()
    assert "o" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 60


def test_fault_01_to_11_are_one_line_and_exit_code_2(unrolled: Run, tmp_path: Path, model: Path) -> None:
    lines = [f"{month},{count}" for month, count in zip(MONTHS, PASSENGERS, strict=True)]

    def bad(row: int, cell: str) -> Path:
        path = tmp_path / "bad.csv"
        path.write_text("\n".join(["month,passengers", *lines[:row], f"{MONTHS[row]},{cell}", *lines[row + 1 :]]))
        return path

    for cell, found in [("", "the value is missing"), ("1e999", "found '1e999'"), ("many", "found 'many'")]:
        for command in (["forecast"], ["predict", model], ["fit", "forecast"]):
            outcome = unrolled(*command, bad(5, cell))
            assert (outcome.code, outcome.out, outcome.err.count("\n")) == (2, "", 1)
            assert outcome.err.startswith(f"unrolled: {tmp_path / 'bad.csv'}, line 7, column 'passengers': {found}")
    outcome = unrolled("predict", model, bad(5, ""), "--missing", "interpolate")
    assert (outcome.code, len(outcome.out.splitlines())) == (0, 13)


def test_fault_05_short_history(unrolled: Run, tmp_path: Path, model: Path) -> None:
    (tmp_path / "short.csv").write_text("month,passengers\n1949-01,112\n1949-02,118\n")
    outcome = unrolled("forecast", tmp_path / "short.csv", "--json")
    assert outcome.code == 0
    assert "there is no network" in outcome.err + outcome.out
    assert unrolled("predict", model, tmp_path / "short.csv", "--json").code == 0
    refused(
        unrolled("evaluate", model, tmp_path / "short.csv"),
        "the series has 2 rows; need at least 13: one to forecast from, and a horizon of 12 to compare with; give more history,"
        " or fit with a smaller horizon",
    )
    (tmp_path / "short.csv").write_text("month,passengers\n1949-01,112\n")
    outcome = unrolled("forecast", tmp_path / "short.csv")
    assert (outcome.code, outcome.err.count("\n")) == (2, 1)
    assert "1 row, need at least 2" in outcome.err


def test_fault_12_a_series_that_was_not_there_in_training_is_forecast(unrolled: Run, tmp_path: Path) -> None:
    def panel(*shops: str) -> Path:
        rows = [f"{year},{shop},{year % 4 + 10}" for shop in shops for year in range(40)]
        path = tmp_path / f"{'-'.join(shops)}.csv"
        path.write_text("\n".join(["year,shop,sales", *rows]) + "\n")
        return path

    arguments = ["--season", 4, "-H", 4, "-o", tmp_path / "m"]
    assert unrolled("fit", "forecast", panel("north", "south"), *arguments, quick=True).code == 0
    outcome = unrolled("predict", tmp_path / "m", panel("east", "south"))
    assert outcome.code == 0, outcome.err
    assert [line.split(",")[1] for line in outcome.out.splitlines()[1:]] == ["east"] * 4 + ["south"] * 4


def test_fault_22_to_27_model_files(unrolled: Run, tmp_path: Path, model: Path, passengers: Path) -> None:
    broken = tmp_path / "broken"
    for content, message in [
        (model.read_bytes()[:-1], " is damaged: its header promises"),
        (model.read_bytes()[:-1] + b"x", " is damaged: checksum mismatch"),
        (b"PK\x03\x04" + bytes(50), " is a zip archive"),
    ]:
        broken.write_bytes(content)
        for command in (["predict", broken, passengers], ["info", broken]):
            outcome = unrolled(*command)
            assert (outcome.code, outcome.out, outcome.err.count("\n")) == (2, "", 1)
            assert outcome.err.startswith(f"unrolled: {broken}{message}")


def test_info(unrolled: Run, model: Path) -> None:
    outcome = unrolled("info", model)
    assert outcome.out.startswith(f"{model}: a forecaster, saved by unrolled {library.__version__}\n")
    assert "checksum correct" in outcome.out
    assert "target               passengers" in outcome.out
    description = json.loads(unrolled("info", model, "--json").out)
    assert description["task"] == "forecaster"
    assert description["bytes"] == model.stat().st_size
    assert description["tensors"]["history.values"] == {"dtype": "float64", "shape": [144]}
