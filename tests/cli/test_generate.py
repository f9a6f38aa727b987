"""fit generate, generate, and predict and evaluate with its models."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import unrolled as library
from unrolled.cli.app import run

Run = Callable[..., Any]
LEARNS = ["--max-epochs", 30, "--hidden-size", 16, "--learning-rate", 0.03, "--batch-size", 8, "--dropout", 0]
KEPT = ["--validation-fraction", 0.1]
TINY = ["--max-epochs", 1, "--hidden-size", 4, "--embedding-size", 4]
NAMES = {"f": ["Anna", "Hanna", "Johanna"], "m": ["Bob", "Rob", "Jacob"]}


def refused(outcome: Any, message: str) -> None:
    assert (outcome.code, outcome.out) == (2, ""), outcome.out
    assert outcome.err.splitlines()[-1].startswith(f"unrolled: {message}"), outcome.err


@pytest.fixture(scope="session")
def names(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table of names, and beside it a model that says them by class."""
    folder = tmp_path_factory.mktemp("names")
    rows = [f"{name},{kind}" for kind, own in NAMES.items() for name in own] * 8
    (folder / "names.csv").write_text("\n".join(["name,sex", *rows]) + "\n")
    given = [folder / "names.csv", "--text", "name", "--condition", "sex", "-o", folder / "names.safetensors", *LEARNS]
    assert run(["fit", "generate", *map(str, given)]) == 0
    return folder / "names.safetensors"


@pytest.fixture(scope="session")
def rhyme(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One long text, and beside it a model of it."""
    folder = tmp_path_factory.mktemp("rhyme")
    (folder / "rhyme.txt").write_text("One two buckle my shoe.\nThree four knock at the door.\n" * 30)
    given = [folder / "rhyme.txt", "-o", folder / "rhyme.safetensors", *LEARNS]
    assert run(["fit", "generate", *map(str, given)]) == 0
    return folder / "rhyme.safetensors"


def test_fit_says_what_it_read_and_what_comes_next(unrolled: Run, names: Path, rhyme: Path, tmp_path: Path) -> None:
    text = rhyme.with_name("rhyme.txt")
    outcome = unrolled("fit", "generate", text, "-o", tmp_path / "m", *TINY, *KEPT)
    assert outcome.err.splitlines() == [
        f"{text}: 1 piece of 1,620 characters",
        "23 different symbols; learned from one long text, the state carried on through it: 1,458 symbols",
        "1 network, batches of 4, 1 epoch, 10% kept back: 16 examples of 100 steps",
    ]
    assert outcome.out.startswith("On examples kept back: nats a symbol ")
    assert f"next: unrolled generate {tmp_path / 'm'}" in outcome.out
    outcome = unrolled("fit", "generate", text, "--lines", "-o", tmp_path / "m", *TINY)
    assert f"{text}: 60 pieces of 23 to 29 characters" in outcome.err
    table = names.with_name("names.csv")
    given = ["--text", "name", "--condition", "sex", "--validation", table, "-o", tmp_path / "m", *TINY]
    found = json.loads(unrolled("fit", "generate", table, *given, "--json").out)
    assert (found["items"], found["kind"], set(found["validation"])) == (
        48, "text", {"nats", "perplexity", "bits_per_character"},
    )  # fmt: skip


def test_pieces_are_printed_or_written(unrolled: Run, names: Path, tmp_path: Path) -> None:
    model = library.load(names, library.SequenceGenerator)
    outcome = unrolled("generate", names, "--class", "f", "-n", 5, "--seed", 3)
    assert outcome.out.splitlines() == model.generate(5, condition="f", seed=3)
    cold = unrolled("generate", names, "--class", "m", "--prompt", "Ja", "--seed", 3, "--temperature", 0.1).out
    assert cold == "Jacob\n"
    given = ["--class", "m", "-n", 2, "--seed", 3, "--top-k", 3, "--top-p", 0.9, "-o", tmp_path / "o.jsonl"]
    assert unrolled("generate", names, *given).out == ""
    rows = [json.loads(line) for line in (tmp_path / "o.jsonl").read_text().splitlines()]
    expected = model.draw(2, condition="m", seed=3, top_k=3, top_p=0.9)
    assert [(row["piece"], row["finished"]) for row in rows] == [(each.piece, each.finished) for each in expected]
    found = json.loads(unrolled("generate", names, "--class", "f", "--seed", 3, "--json").out)
    assert (found["command"], found["pieces"][0]["piece"]) == ("generate", model.generate(condition="f", seed=3)[0])


def test_a_piece_without_an_end_is_said_to_be_cut(unrolled: Run, names: Path, rhyme: Path) -> None:
    outcome = unrolled("generate", names, "--class", "f", "-n", 3, "--max-length", 2, "--seed", 0)
    assert outcome.err == ("3 of 3 pieces have no end: cut where the most symbols are reached (--max-length)\n")
    model = library.load(names, library.SequenceGenerator)
    longest = sorted(len(each) for each in model.generate(3, condition="f", seed=1))
    outcome = unrolled("generate", names, "--class", "f", "-n", 3, "--max-length", longest[-1], "--seed", 1)
    assert longest[-2] < longest[-1]
    assert outcome.err == "1 of 3 pieces has no end: cut where the most symbols are reached (--max-length)\n"
    outcome = unrolled("generate", rhyme, "--max-length", 9, "--seed", 0)
    assert len(outcome.out) == 10
    assert outcome.err == (
        "what learned one long text knows no end: cut where the most symbols are reached (--max-length)\n"
    )
    stopped = unrolled("generate", rhyme, "--prompt", "One two", "--stop", ".", "--temperature", 0.05, "--seed", 0)
    assert (stopped.out, stopped.err) == ("One two buckle my shoe\n", "")


def test_a_stream_prints_as_it_goes(unrolled: Run, rhyme: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = [rhyme, "--prompt", "One", "--max-length", 30, "--seed", 1]
    whole = unrolled("generate", *given).out
    written: list[str] = []
    monkeypatch.setattr(sys.stdout, "flush", lambda: written.append("flush"), raising=False)
    streamed = unrolled("generate", *given, "--stream")
    assert streamed.out == whole
    assert streamed.err == unrolled("generate", *given).err  # where it was cut
    assert len(written) >= 30


def test_predict_goes_on_from_pieces(unrolled: Run, names: Path, rhyme: Path, tmp_path: Path) -> None:
    (tmp_path / "new.csv").write_text("name,sex\nJo,f\nJa,m\n")
    given = ["--temperature", 0.1, "--seed", 0]
    out = unrolled("predict", names, tmp_path / "new.csv", *given).out
    assert [line.rpartition(",")[0] for line in out.splitlines()] == ["line,continuation", "2,hanna", "3,cob"]
    (tmp_path / "bad.csv").write_text("name,sex\nJo,f\nJ?,m\n")
    outcome = unrolled("predict", names, tmp_path / "bad.csv", "-o", tmp_path / "o.csv")
    refused(outcome, f"{tmp_path / 'bad.csv'}, line 3: the prompt holds '?'")
    assert not (tmp_path / "o.csv").exists()
    (tmp_path / "start.txt").write_text("Three four")
    out = unrolled("predict", rhyme, tmp_path / "start.txt", "--max-length", 6, *given).out
    assert out.splitlines()[1].startswith("1, knock,")


def test_evaluate_prints_what_the_estimator_measures(unrolled: Run, names: Path, rhyme: Path) -> None:
    model = library.load(rhyme, library.SequenceGenerator)
    text = rhyme.with_name("rhyme.txt")
    found = json.loads(unrolled("evaluate", rhyme, text, "--json").out)
    measures = model.evaluate(text.read_text())
    assert {name: found[name] for name in measures} == pytest.approx(measures)
    found = json.loads(unrolled("evaluate", rhyme, text, "--json", "--dynamic", 0.1).out)
    assert found["nats"] == pytest.approx(model.evaluate(text.read_text(), dynamic=0.1)["nats"])
    assert found["nats"] != measures["nats"]
    assert measures["bits_per_character"] == pytest.approx(measures["nats"] / np.log(2))
    line = unrolled("evaluate", names, names.with_name("names.csv")).out
    assert line.startswith(f"{names.with_name('names.csv')}: 48 items, nats a symbol ")


def test_standard_input_is_a_text(unrolled: Run, rhyme: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    typed = SimpleNamespace(buffer=io.BufferedReader(io.BytesIO(b"One two")))
    monkeypatch.setattr(sys, "stdin", typed)
    assert unrolled("evaluate", rhyme, "-").out.startswith("-: 1 item, nats a symbol ")


def test_tokens_are_written_between_blanks(unrolled: Run, tmp_path: Path) -> None:
    (tmp_path / "moves.jsonl").write_text("\n".join(['{"tokens": ["up", "down"]}'] * 20))
    given = [tmp_path / "moves.jsonl", "-o", tmp_path / "m", *LEARNS]
    assert unrolled("fit", "generate", *given).code == 0
    drawn = ["generate", tmp_path / "m", "--prompt", "up", "--temperature", 0.05, "--seed", 0]
    assert unrolled(*drawn).out == "up down\n"
    assert unrolled(*drawn, "--stream").out.split() == ["up", "down"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["--prompt", "Ann€", "--class", "f"], "the prompt holds '€', which the model has never read"),
        (["--class", "x"], "--condition is 'x', expected one of f, m"),
        ([], "what is each piece to be? the model was trained on the classes 'f', 'm'"),
        (["--class", "f", "--temperature", 0], "--temperature is 0.0, expected above 0"),
        (["--class", "f", "--temperature", -1], "--temperature is -1.0, expected above 0"),
        (["--class", "f", "--top-p", 0], "--top-p is 0.0, expected above 0, at most 1"),
        (["--class", "f", "--top-p", 1.5], "--top-p is 1.5, expected above 0, at most 1"),
        (["--class", "f", "--top-k", 0], "--top-k is 0, expected at least 1"),
        (["--class", "f", "-n", 0], "--n is 0, expected from 1 to"),
        (["--class", "f", "--stop", ""], "--stop is ('',), expected a list of texts of at least one character"),
        (["--class", "f", "--stream", "-n", 2], "--stream prints one piece as it is drawn"),
    ],
)
def test_what_cannot_be_drawn_is_refused(unrolled: Run, names: Path, tmp_path: Path, given: Any, message: str) -> None:
    if "--stream" not in given:
        given = [*given, "-o", tmp_path / "out.txt"]
    refused(unrolled("generate", names, *given), message)
    assert not (tmp_path / "out.txt").exists()


def test_what_is_asked_for_is_called_by_its_flags(unrolled: Run, names: Path, tmp_path: Path) -> None:
    refused(
        unrolled("generate", names),
        "what is each piece to be? the model was trained on the classes 'f', 'm': give the condition (--condition)",
    )
    (tmp_path / "two.csv").write_text("name,sex\nAnn,f\nBob,m\n")
    message = "which column is the text, which the label? name them with --text and --condition; the columns are"
    refused(unrolled("fit", "generate", tmp_path / "two.csv"), f"{tmp_path / 'two.csv'}: {message}")


def test_a_piece_shorter_than_a_stretch(unrolled: Run, tmp_path: Path) -> None:
    (tmp_path / "short.txt").write_text("to be or not to be")
    outcome = unrolled("fit", "generate", tmp_path / "short.txt", "-o", tmp_path / "m", *TINY)
    assert outcome.err.splitlines()[-1].endswith("nothing kept back: 1 example of 18 steps")


def test_a_surplus_condition_and_other_models_are_refused(unrolled: Run, rhyme: Path, model: Path) -> None:
    refused(unrolled("generate", rhyme, "--class", "f"), "the model was trained without conditions")
    refused(unrolled("generate", model), f"{model} is a forecaster, which draws nothing")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.txt", "", ": 0 items, need at least 1"),
        ("a.txt", "x", "the text has 1 symbol, expected at least 2"),
        ("a.csv", "a,b\n1,2\n", " holds sequences of numbers, expected texts"),
        ("a.npz", "", " cannot be read as a .npz file of numbers"),
        ("a.ts", "", ": the name ends in '.ts'"),
    ],
)
def test_files_without_anything_to_say_are_refused(
    unrolled: Run, tmp_path: Path, name: str, content: str, message: str
) -> None:
    (tmp_path / name).write_text(content)
    outcome = unrolled("fit", "generate", tmp_path / name, "-o", tmp_path / "m")
    assert (outcome.code, message in outcome.err) == (2, True), outcome.err
    assert not (tmp_path / "m").exists()
