"""``unrolled tune``: what it prints, what it writes, and what it refuses."""

from __future__ import annotations

import json
import os
import shlex
import signal
import time

import numpy as np
import pytest

from unrolled import load
from unrolled.cli.catalogue import TASKS
from unrolled.cli.options import parameters_of
from unrolled.cli.settled import fit_command, settled
from unrolled.errors import InputError

TASK = {task.name: task for task in TASKS}
SMALL = ["--fix", "members=1", "--fix", "max-epochs=2", "--fix", "method=windows", "--rounds", 3, "--seeds", 3]


def test_the_answer_its_model_and_the_command_that_trains_it(unrolled, passengers, tmp_path):
    model = tmp_path / "best.safetensors"
    arguments = ["tune", passengers, "--task", "forecast", "--trials", 2, "--only", "layers,hidden_size", *SMALL]
    done = unrolled(*arguments, "--study", tmp_path / "study.db", "-o", model)
    assert done.code == 0, done.err
    assert "2 trials: the best mase on the validation part was" in done.out
    assert "on the test part, which nothing has seen" in done.out
    assert f"wrote {model}" in done.out
    assert "tuning on a series of 144 steps" in done.err
    (command,) = [line for line in done.out.splitlines() if line.startswith("trained as by: ")]
    words = shlex.split(command.removeprefix("trained as by: unrolled "))
    assert unrolled(*words, "-o", tmp_path / "same.safetensors").code == 0
    assert load(tmp_path / "same.safetensors").predict().equals(load(model).predict())
    assert load(model).get_params()["max_epochs"] == 2
    again = unrolled(*arguments, "--study", tmp_path / "study.db", "--json")
    report = json.loads(again.out)
    assert (report["command"], report["task"], report["measure"]) == ("tune", "forecast", "mase")
    assert report["defaults"] == {"hidden_size": None, "num_layers": 1}
    assert len(report["trials"]) == 2
    assert len(report["test"]["defaults"]) == 3
    assert report["verdict"] in " ".join(done.out.splitlines())
    assert report["fit"] in done.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--task", "sing"], "--task is 'sing', expected one of classify, detect"),
        (
            ["--task", "forecast", "--text", "review"],
            "--task is forecast, for which --text means nothing: leave it out",
        ),
        (["--task", "forecast", "--fix", "members"], "--fix is 'members', expected NAME=VALUE, such as hidden_size=32"),
        (["--task", "forecast", "--fix", "size=3"], "--fix is 'size', expected a parameter of a forecaster: "),
        (["--task", "forecast", "--fix", "members=few"], "--fix members is 'few', expected a whole number"),
        (["--task", "forecast", "--fix", "method=x"], "--fix method is 'x', expected one of auto, smoothing, windows"),
        (["--task", "forecast", "--fix", "members=0"], "members is 0, expected at least 1"),
        (["--task", "forecast", "--fix", "members=1", "--fix", "members=2"], "--fix says twice what members is"),
        (
            ["--task", "forecast", "--only", "horizon"],
            "--only is 'horizon', expected parameters with values worth trying: cell",
        ),
        (
            ["--task", "forecast", "--only", "nosuch", "--fix", "cell=gru"],
            "--only is 'nosuch', expected a parameter of a forecaster with values worth trying: hidden_size",
        ),
        (["--task", "forecast", "--trials", "0"], "--trials is 0, expected at least 1"),
        (
            ["--task", "forecast", "--measure", "f1", *map(str, SMALL)],
            "--measure is 'f1', expected one of mase, mae, rmse",
        ),
        (
            ["--task", "forecast", "--fix", "horizon=90"],
            "the shortest series has 144 steps to learn from and to be judged on",
        ),
        (["--task", "forecast", "--study", "."], "cannot write .: it is a folder"),
        (["--task", "detect"], "name the file of them with --windows"),
    ],
)
def test_bad_input_is_one_sentence(unrolled, passengers, arguments, message):
    done = unrolled("tune", passengers, *arguments)
    assert done.code == 2
    assert message in done.err.splitlines()[-1]
    assert done.out == ""


def test_no_measure_is_trained_for_in_vain(unrolled, passengers, monkeypatch):
    def train(*_, **__):
        raise AssertionError("trained")

    monkeypatch.setattr("unrolled.tuning.tune", train)
    assert unrolled("tune", passengers, "--task", "forecast", "--measure", "nosuch").code == 2


@pytest.mark.parametrize(
    ("task", "name", "text", "lacks", "has"),
    [
        ("tag", "tags.conll", "the D\ncat N\n\n", "f1", "accuracy, macro_f1"),
        ("generate", "text.txt", "the cat sat on the mat. ", "nats_per_frame", "bits_per_character, nats, perplexity"),
        ("generate", "steps.jsonl", '{"sequence": [[1.5, 2.5], [2.5, 0.5]]}\n', "bits_per_character", "nats_per_step"),
    ],
)
def test_a_measure_that_the_data_do_not_have_is_refused_before_anything_is_trained(
    unrolled, tmp_path, monkeypatch, task, name, text, lacks, has
):
    def train(*_, **__):
        raise AssertionError("trained")

    monkeypatch.setattr("unrolled.tuning.tune", train)
    (tmp_path / name).write_text(text * 20)
    done = unrolled("tune", tmp_path / name, "--task", task, "--measure", lacks)
    assert done.code == 2
    assert f"--measure is {lacks!r}, but {tmp_path / name} has none: expected one of {has}" in done.err


def test_the_measures_of_data_are_those_that_their_models_have():
    from unrolled import CTCTranscriber, SequenceGenerator, SequenceTagger
    from unrolled.tasks.held_out.examples import ExampleData

    rng, settings = np.random.default_rng(0), {"hidden_size": 3, "members": 1, "max_epochs": 1}
    heard = [rng.normal(size=(12, 2)) for _ in range(12)]
    for estimator, items, targets in (
        (SequenceTagger, [["a", "b"]] * 12, [["B-X", "O"]] * 12),
        (SequenceTagger, [["a", "b"]] * 12, [["N", "V"]] * 12),
        (SequenceGenerator, ["abc", "acb"] * 6, None),
        (SequenceGenerator, [["a", "b"], ["b"]] * 6, None),
        (SequenceGenerator, [rng.normal(size=(4, 2)) for _ in range(12)], None),
        (SequenceGenerator, [(rng.random((4, 12)) < 0.2).astype(float) for _ in range(12)], None),
        (CTCTranscriber, heard, ["ab", "ba"] * 6),
        (CTCTranscriber, heard, [["a", "b"], ["b", "a"]] * 6),
    ):
        data = ExampleData(estimator=estimator, items=items, targets=targets)
        assert set(data.measured) == set(data.scores(data.fit(settings))), (estimator, targets)


def test_a_gap_is_told_how_it_is_filled_here(unrolled, passengers, tmp_path):
    rows = passengers.read_text().splitlines()
    (tmp_path / "gap.csv").write_text("\n".join([*rows[:50], *rows[51:]]))
    done = unrolled("tune", tmp_path / "gap.csv", "--task", "forecast")
    assert done.code == 2
    assert done.err.strip().endswith("choose how to fill them with --fix missing=interpolate, previous or zero")
    taken = unrolled("tune", tmp_path / "gap.csv", "--task", "forecast", "--fix", "missing=interpolate", "--trials", 0)
    assert "--trials is 0" in taken.err


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("kept", [False, True])
def test_who_stops_it_is_told_what_is_kept(unrolled, passengers, tmp_path, monkeypatch, capsys, number, code, kept):
    def stop(*_):
        os.kill(os.getpid(), number)
        time.sleep(60)
        raise AssertionError("nothing has stopped it")

    def ended():
        study = ["--study", tmp_path / "a.db"] if kept else []
        try:
            found = unrolled("tune", passengers, "--task", "forecast", *study, *SMALL)
        except SystemExit as error:
            return error.code, capsys.readouterr().err
        return found.code, found.err

    monkeypatch.setattr("unrolled.cli.tune._Bars.__call__", stop)
    terminate = signal.getsignal(signal.SIGTERM)
    interrupt = signal.signal(signal.SIGINT, signal.default_int_handler)  # processes that run tests may ignore it
    try:
        found, said = ended()
    finally:
        signal.signal(signal.SIGTERM, terminate)
        signal.signal(signal.SIGINT, interrupt)
    assert found == code
    end = f"{tmp_path / 'a.db'} has them" if kept else "they are lost: --study and the path of a file would keep them"
    assert said.splitlines()[-1] == f"unrolled: stopped after 0 of 20 trials; {end}"


def test_values_are_read_as_their_options_are():
    given = ["cell=lstm", "dropout=0", "bidirectional=no", "mel-bands=20", "segment=none", "init=orthogonal"]
    assert settled(TASK["classify"], given) == {
        "cell": "lstm", "dropout": 0.0, "bidirectional": False, "mel_bands": 20, "segment": None, "start": "orthogonal",
    }  # fmt: skip
    assert settled(TASK["forecast"], ["quantiles=0.05,0.5,0.95", "season=7"]) == {
        "quantiles": [0.05, 0.5, 0.95], "season_length": 7,
    }  # fmt: skip
    with pytest.raises(InputError, match="random_state"):
        settled(TASK["classify"], ["random_state=3"])


def test_the_command_has_the_files_and_columns_that_were_given(tmp_path):
    options = TASK["classify"].data_options(text="a review", label="mood", validation="more.csv", test="last.csv")
    values = {"hidden_size": 32, "bidirectional": False, "batch_size": None}
    assert fit_command(TASK["classify"], "my file.csv", options, values) == (
        "unrolled fit classify 'my file.csv' --validation more.csv --label mood --text 'a review' --hidden-size 32"
        " --no-bidirectional"
    )
    pairs = TASK["translate"].data_options(targets="train.de", source="en")
    assert fit_command(TASK["translate"], "train.en", pairs, {"num_layers": 2}) == (
        "unrolled fit translate train.en train.de --source en --layers 2"
    )
    several = TASK["forecast"].data_options(past=("a", "b"))
    assert fit_command(TASK["forecast"], "x.csv", several, {"quantiles": (0.1,)}) == (
        "unrolled fit forecast x.csv --past a --past b --quantile 0.1"
    )


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_every_parameter_worth_trying_is_an_option_of_fit(task):
    from unrolled.tasks import estimators

    kind = next(each for each in estimators().values() if each.__name__ == task.estimator)
    assert {*kind.search_space()} <= {*parameters_of(task.fit)}
