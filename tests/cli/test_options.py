"""Options are made from the declared parameters: none is written a second time."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
import typer

import unrolled as library
from unrolled.cli import options as options_module
from unrolled.cli.app import app, run
from unrolled.cli.catalogue import TASKS, options_of_all
from unrolled.cli.command import Command
from unrolled.cli.data_options import FileOptions
from unrolled.cli.options import flag, help_of, parameters_of, with_options
from unrolled.errors import InputError
from unrolled.parameters.audio import AudioParameters
from unrolled.parameters.declaration import Parameter, Parameters, declared
from unrolled.parameters.ranges import Range
from unrolled.tasks.anomalies.parameters import DetectorParameters
from unrolled.tasks.sequences.parameters import ClassifierParameters

Run = Callable[..., Any]


def options_of(*command: str) -> dict[str, Any]:
    found: Any = typer.main.get_command(app)
    for name in command:
        found = found.commands[name]
    return {option.name: option for option in found.params if option.param_type_name == "option"}


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_every_parameter_of_an_estimator_is_an_option_with_its_default_help_and_panel(task: Any) -> None:
    commands = [("fit", task.name), *([("forecast",)] if task.name == "forecast" else [])]
    estimator: Any = getattr(library, task.estimator)
    for command in commands:
        options = options_of(*command)
        for name, each in declared(estimator).items():
            if each.about.flag is None:
                assert name not in options
                continue
            option = options[name]
            default = 0 if name == "random_state" else each.default
            assert option.default == (str(default) if isinstance(option.default, str) else default) or (
                isinstance(default, tuple) and list(option.default) == list(default)
            )
            assert option.help.startswith(each.about.help.rstrip("."))
            assert option.rich_help_panel == each.group
            assert flag(each) in option.opts


def test_recordings_have_the_parameters_of_their_features() -> None:
    for command in ("classify", "regress"):
        options = options_of("fit", command)
        assert {name for name, each in options.items() if each.rich_help_panel == "Recordings"} == {
            *declared(AudioParameters)
        }


# ---- a new parameter ----


class WiderParameters(ClassifierParameters):
    """What somebody adds."""

    label_smoothing: Annotated[
        float, Parameter("Share of each target that goes to the other classes.", Range(0, 0.5), metavar="SHARE")
    ] = 0.0


def test_a_new_training_parameter_is_an_option_with_check_and_help_without_a_line_here(
    unrolled: Run, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    got: list[WiderParameters] = []

    @with_options
    def fit_wider(parameters: WiderParameters) -> None:
        """Train."""
        got.append(parameters)

    own = typer.Typer(rich_markup_mode="rich")
    own.command(cls=Command)(fit_wider)
    monkeypatch.setattr("unrolled.cli.app.app", own)
    monkeypatch.setenv("COLUMNS", "200")
    assert unrolled("--label-smoothing", "0.25").code == 0
    assert (got[0].label_smoothing, got[0].hidden_size, got[0].random_state) == (0.25, 64, 0)
    wrong = unrolled("--label-smoothing", "0.75")
    assert (wrong.code, wrong.err) == (2, "unrolled: --label-smoothing is 0.75, expected from 0 to 0.5\n")
    shown = " ".join(unrolled("--help").out.split())
    assert "SHARE Share of each target that goes to the other classes; from 0 to 0.5. [default: 0.0]" in shown


# ---- kinds of options ----


class Kinds(Parameters):
    """One of each."""

    _title = "Kinds"

    several: Annotated[Sequence[int] | None, Parameter("Numbers.", Range(2), flag="--one", unset="none")] = None
    given: Annotated[Sequence[float], Parameter("Numbers.", flag="--each")] = (0.5, 1.5)
    names: Annotated[tuple[str, ...] | None, Parameter("Names.")] = None
    sizes: Annotated[dict[str, int] | None, Parameter("Sizes.", flag="--size", metavar="NAME=N")] = None
    span: Annotated[int | str | None, Parameter("A span.", metavar="SPAN")] = None
    count: Annotated[int | str, Parameter("A span.", flag="-c,--count")] = 10
    word: Annotated[Literal["a", "b"] | None, Parameter("A word.", unset="any")] = None
    truth: Annotated[bool, Parameter("Whether it is.")] = True
    place: Annotated[Path | None, Parameter("A file.")] = None
    kept: Annotated[object, Parameter("Not on the command line.", flag=None)] = None


@pytest.mark.parametrize(
    ("arguments", "name", "value"),
    [
        ([], "several", None),
        (["--one", "3", "--one", "4"], "several", (3, 4)),
        ([], "given", (0.5, 1.5)),
        (["--each", "2"], "given", (2.0,)),
        (["--names", "x"], "names", ("x",)),
        (["--size", "a=3", "--size", "b=4"], "sizes", {"a": 3, "b": 4}),
        (["--span", "24"], "span", 24),
        (["--span", "12h"], "span", "12h"),
        ([], "count", 10),
        (["-c", "7"], "count", 7),
        (["--word", "b"], "word", "b"),
        (["--no-truth"], "truth", False),
        (["--place", "x.csv"], "place", Path("x.csv")),
    ],
)
def test_what_an_option_gives_is_what_python_would_be_given(
    unrolled: Run, monkeypatch: pytest.MonkeyPatch, arguments: list[str], name: str, value: object
) -> None:
    got: list[Kinds] = []

    @with_options
    def command(kinds: Kinds) -> None:
        """Do it."""
        got.append(kinds)

    own = typer.Typer()
    own.command(cls=Command)(command)
    monkeypatch.setattr("unrolled.cli.app.app", own)
    assert unrolled(*arguments).code == 0
    assert (getattr(got[0], name), type(getattr(got[0], name))) == (value, type(value))


def test_help_has_range_words_and_default() -> None:
    known = declared(Kinds)
    assert help_of(known["several"], ()) == "Numbers; at least 2. Repeatable. Default: none."
    assert help_of(known["word"], ("a", "b")) == "A word. One of a, b. Default: any."
    assert help_of(known["span"], ()) == "A span."


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["fit", "classify", "FILE", "--pooling", "min"], "--pooling is 'min', expected one of last, mean, max, attention"),
        (["fit", "forecast", "FILE", "--method", "best"], "--method is 'best', expected one of auto, smoothing, windows"),
        (["fit", "detect", "FILE", "--cell-size", "junk"], "--cell-size is 'junk', expected NAME=N, such as proj_size=8"),
        (["fit", "tag", "FILE", "--cell", "qrnn", "--cell-size", "kernel_width=0"], "--cell-size is 0, expected at least 1"),
        (["fit", "detect", "FILE", "--cell-size", "rank=3"], "--cell-size is 'rank', expected none: gru has no others"),
        (["fit", "detect", "FILE", "--window", "soon"], "--window is 'soon', expected steps (a whole number from 1) or a span"),
        (["fit", "detect", "FILE", "--merge", "1 week"], "--merge is '1 week', expected steps"),
        (["fit", "regress", "FILE", "--residual"], "--residual is True, expected False with one layer"),
        (["fit", "regress", "FILE", "--deltas", "3"], "--deltas is 3, expected from 0 to 2"),
        (["fit", "regress", "FILE", "--hear", "noise"], "--hear is 'noise', expected one of log_mel, mfcc"),
        (["forecast", "FILE", "--quantile", "2"], "--quantile is (2.0,), expected numbers between 0 and 1"),
        (["fit", "forecast", "FILE", "--seed", "-1"], "--seed is -1, expected a whole number from 0 to below 2**63"),
        (["predict", "MODEL", "FILE", "--missing", "guess"], "--missing is 'guess', expected one of raise, interpolate"),
    ],
)  # fmt: skip
def test_values_are_checked_before_anything_is_read(unrolled: Run, arguments: list[str], message: str) -> None:
    outcome = unrolled(*arguments)  # no FILE or MODEL is there
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith(f"unrolled: {message}")
    assert outcome.err.count("\n") == 1


# ---- a new task ----


class RankingOptions(FileOptions):
    """What a sixth task would ask."""

    _title = "Rankers"

    top: Annotated[int | None, Parameter("How many of the best are written.", Range(1), unset="all")] = None


def test_the_options_of_a_new_task_join_those_of_the_others_and_are_refused_by_them() -> None:
    everything = options_of_all("Everything", (*(task.predict_options for task in TASKS), RankingOptions))
    assert {"top", "threshold", "horizon", "probabilities", "label", "missing"} <= set(declared(everything))
    for task in TASKS:
        assert isinstance(task.own("it is so", everything(), task.predict_options), task.predict_options)
        with pytest.raises(InputError, match="it is so, for which --top means nothing: leave it out"):
            task.own("it is so", everything(top=3), task.predict_options)


# ---- help ----


def test_cells_are_named_in_the_help_but_not_looked_for_before_it() -> None:
    program = (
        "import sys\nfrom unrolled.cli.app import run\n"
        "run(['fit', '--help'])\nassert 'numpy' not in sys.modules\n"
        "run(['fit', 'detect', '--help'])\nassert 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    for cell in ("lstm_peephole", "fast_grnn", "min_lstm"):
        assert cell in done.stdout


@pytest.mark.parametrize(
    "command", [*(("fit", task.name) for task in TASKS), ("predict",), ("evaluate",), ("forecast",)]
)
def test_help_texts_are_sentences_and_a_panel_fits_on_a_screen(
    unrolled: Run, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    for option in options_of(*command).values():
        assert re.match(r"[A-Z0-9]", option.help), option.help
        assert option.help.endswith("."), option.help
    monkeypatch.setenv("COLUMNS", "120")
    panels = re.split(r"^╭", unrolled(*command, "--help").out, flags=re.MULTILINE)
    assert max(panel.count("\n") for panel in panels) <= 40


def test_each_name_is_one_option() -> None:
    for task in TASKS:
        options = options_of("fit", task.name)
        flags = [each for option in options.values() for each in (*option.opts, *option.secondary_opts)]
        assert len(flags) == len(set(flags))
        assert {*parameters_of(task.fit)} - {*options} <= {"audio", "class_weight"}
    assert options_module.DEFAULTS == {"random_state": 0}
    assert declared(DetectorParameters)["false_alarm_every"].default == 10_000
    assert run(["fit", "detect", "--no-such"]) == 2
