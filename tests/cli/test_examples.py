"""fit classify, fit regress, and predict and evaluate with their models."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import classification_report

import unrolled as library
from unrolled.cli import example_streams
from unrolled.cli.app import run
from unrolled.data.example_columns import ExampleColumns
from unrolled.data.example_file import ReadOptions
from unrolled.data.examples import open_example_file
from unrolled.data.ts import read_ts

Run = Callable[..., Any]
QUICK = ["--members", 1, "--max-epochs", 3, "--hidden-size", 4]


def refused(outcome: Any, message: str) -> None:
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.splitlines()[-1].startswith(f"unrolled: {message}"), outcome.err
    assert sum(line.startswith("unrolled: ") for line in outcome.err.splitlines()) == 1


def walk(kind: str, steps: int, phase: float) -> list[tuple[float, float]]:
    angles = [phase + 7 * step / steps for step in range(steps)]
    return [(math.cos(a), math.sin(2 * a if kind == "eight" else a)) for a in angles]


def walks_table(count: int, *, label: bool = True) -> str:
    lines = ["walk,x,z" + ",shape" * label]
    for n in range(count):
        kind = "eight" if n % 3 else "circle"
        lines += [f"w{n},{x:.3f},{z:.3f}" + f",{kind}" * label for x, z in walk(kind, 8 + n % 5, n)]
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="session")
def walks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A long table of walks, and beside it a classifier of them that was hardly trained."""
    folder = tmp_path_factory.mktemp("walks")
    (folder / "walks.csv").write_text(walks_table(40))
    arguments = ["--series", "walk", "--label", "shape", "-o", folder / "walks.safetensors", *QUICK]
    assert run(["fit", "classify", str(folder / "walks.csv"), *map(str, arguments)]) == 0
    return folder / "walks.csv"


@pytest.fixture(scope="session")
def reviews(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table of texts, and beside it a regressor of their stars."""
    folder = tmp_path_factory.mktemp("reviews")
    rows = [
        f"the film is {'very ' * (n % 4)}{'good' if n % 2 else 'bad'},{n % 4 * (1 if n % 2 else -1)}" for n in range(40)
    ]
    (folder / "reviews.csv").write_text("\n".join(["review,stars", *rows]) + "\n")
    arguments = ["-o", folder / "reviews.safetensors", "--embedding-size", 4, *QUICK]
    assert run(["fit", "regress", str(folder / "reviews.csv"), *map(str, arguments)]) == 0
    return folder / "reviews.csv"


def model_of(file: Path) -> Path:
    return file.with_suffix(".safetensors")


# ---- fit ----


def test_fit_says_what_it_read_and_what_next(
    unrolled: Run, walks: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    outcome = unrolled("fit", "classify", walks, "--series", "walk", *QUICK)
    assert outcome.code == 0, outcome.err
    *said, shares = outcome.err.splitlines()
    assert said == [
        "the label is 'shape'",
        "the numbers of a step are 'x', 'z'",
        f"{walks}: 40 sequences of 8 to 12 steps, 2 numbers a step",
        "2 classes: circle (14), eight (26)",
        "1 network, batches of 4, 3 epochs, nothing kept back: 40 examples",
    ]
    assert shares.startswith("networks count ")
    lines = outcome.out.splitlines()
    assert lines[0].startswith("On examples kept back: accuracy ")
    assert lines[1:] == ["wrote walks.safetensors", f"next: unrolled predict walks.safetensors {walks}"]
    classifier = library.load("walks.safetensors")
    assert classifier.columns_ == ExampleColumns("long", "shape", None, "walk", ("x", "z"))
    assert (classifier.members, classifier.hidden_size, classifier.seed_) == (1, 4, 0)


def test_fit_of_texts_as_json(unrolled: Run, reviews: Path, tmp_path: Path) -> None:
    options = ["--json", "--tokens", "characters", "--validation-fraction", 0.1, *QUICK]
    outcome = unrolled("fit", "regress", reviews, "-o", tmp_path / "m", *options)
    found = json.loads(outcome.out)
    assert (found["model"], found["command"]) == (str(tmp_path / "m"), "fit regress")
    assert (found["items"], found["kind"]) == (40, "text")
    assert (found["lowest"], found["highest"], found["mean"]) == (-2, 3, 0.5)
    assert set(found["validation"]) == {"r2", "mae", "rmse"}
    training = "1 network, batches of 4, 3 epochs, 10% kept back: 40 examples"
    assert found["inferred"] == ["the text is 'review'", "the label is 'stars'", training]
    assert outcome.err.splitlines()[2] == f"{reviews}: 40 texts of 4 to 7 words"
    assert {*found["inferred"]} < {*outcome.err.splitlines()}
    assert library.load(tmp_path / "m").tokens == "characters"


def test_fit_with_a_file_that_validates(unrolled: Run, walks: Path, tmp_path: Path) -> None:
    (tmp_path / "others.csv").write_text(walks_table(9))
    arguments = ["fit", "classify", walks, "--series", "walk", "-o", tmp_path / "m", *QUICK]
    outcome = unrolled(*arguments, "--validation", tmp_path / "others.csv")
    assert outcome.code == 0, outcome.err
    with open_example_file(tmp_path / "others.csv", ReadOptions(series="walk"), target_level="sequence") as file:
        others = file.read()
    classifier = library.load(tmp_path / "m")
    assert classifier.validation_ == classifier.evaluate(others.items, others.targets)
    assert f"On {tmp_path / 'others.csv'}, examples kept back: accuracy " in outcome.out
    (tmp_path / "others.csv").write_text(walks_table(9).replace("eight", "nine"))
    refused(
        unrolled(*arguments, "--validation", tmp_path / "others.csv"),
        f"{tmp_path / 'others.csv'}, series 'w1': label 'nine' is none of the model's classes 'circle', 'eight'",
    )
    refused(
        unrolled(*arguments, "--validation", tmp_path / "others.csv", "--validation-fraction", 0.2),
        "--validation and --validation-fraction both say what chooses the epoch",
    )


def test_fit_without_anything_kept_back(unrolled: Run, walks: Path, tmp_path: Path) -> None:
    outcome = unrolled(
        "fit",
        "classify",
        walks,
        "--series",
        "walk",
        "-o",
        tmp_path / "m",
        "--validation-fraction",
        0,
        "--balanced",
        *QUICK,
    )
    assert "Nothing was kept back, so how well it does is not known.\n" in outcome.out
    assert library.load(tmp_path / "m").class_weight == "balanced"


def test_fit_refuses_in_a_sentence(unrolled: Run, walks: Path, reviews: Path, tmp_path: Path) -> None:
    (tmp_path / "one.csv").write_text("text,label\na b,x\nc d,x\n")
    refused(
        unrolled("fit", "classify", tmp_path / "one.csv"), f"{tmp_path / 'one.csv'}: every label is 'x'; a classifier"
    )
    refused(
        unrolled("fit", "classify", walks, "--embedding-size", 3, "--series", "walk"),
        f"{walks} holds sequences of numbers; --embedding-size is for texts and texts in tokens: leave it out",
    )
    refused(
        unrolled("fit", "regress", walks, "--series", "walk"),
        f"{walks}, series 'w0': found 'circle', expected a finite number; a classifier learns labels",
    )
    refused(unrolled("fit", "classify", tmp_path / "a.txt"), f"{tmp_path / 'a.txt'}: plain text has no labels")
    refused(
        unrolled("fit", "classify", walks, "--series", "walk", "--cell", "gruu"), "--cell is 'gruu', expected one of"
    )
    refused(unrolled("fit", "classify", walks, "-o", tmp_path / "no" / "m"), f"cannot write {tmp_path / 'no' / 'm'}: ")
    (tmp_path / "a.jsonl").write_text('{"tokens": ["a"], "tags": ["b"]}\n')
    refused(
        unrolled("fit", "classify", tmp_path / "a.jsonl"),
        f"{tmp_path / 'a.jsonl'}, line 1: no key 'label'; the keys are 'tokens', 'tags'; correct it or leave the line out",
    )


# ---- predict ----


def test_predicted_classes_are_csv(unrolled: Run, walks: Path, tmp_path: Path) -> None:
    (tmp_path / "new.csv").write_text(walks_table(5, label=False))
    outcome = unrolled("predict", model_of(walks), tmp_path / "new.csv", "--probabilities")
    assert (outcome.code, outcome.err) == (0, "")
    lines = [line.split(",") for line in outcome.out.splitlines()]
    assert lines[0] == ["series", "class", "probability", "probability of circle", "probability of eight"]
    classifier = library.load(model_of(walks))
    X = [np.array(walk("eight" if n % 3 else "circle", 8 + n % 5, n)).round(3) for n in range(5)]
    assert [line[1] for line in lines[1:]] == classifier.predict(X).tolist()
    for line, p in zip(lines[1:], classifier.predict_proba(X), strict=True):
        assert [float(number) for number in line[2:]] == [round(p.max(), 6), *p.round(6)]


def test_predicted_numbers_to_a_file_and_as_json(unrolled: Run, reviews: Path, tmp_path: Path) -> None:
    (tmp_path / "new.txt").write_text("the film is good\n\nthe film is bad\n")
    outcome = unrolled("predict", model_of(reviews), tmp_path / "new.txt", "-o", tmp_path / "out.csv")
    assert (outcome.code, outcome.out, outcome.err) == (0, "", f"wrote {tmp_path / 'out.csv'} (2 items)\n")
    expected = library.load(model_of(reviews)).predict(["the film is good", "the film is bad"]).tolist()
    assert (tmp_path / "out.csv").read_text() == f"line,value\n1,{expected[0]!r}\n3,{expected[1]!r}\n"
    outcome = unrolled("predict", model_of(reviews), tmp_path / "new.txt", "--json")
    assert json.loads(outcome.out)["predictions"] == [
        {"line": 1, "value": expected[0]},
        {"line": 3, "value": expected[1]},
    ]


def test_a_failure_leaves_the_old_file(unrolled: Run, reviews: Path, tmp_path: Path) -> None:
    (tmp_path / "out.csv").write_text("old")
    (tmp_path / "new.txt").write_bytes(b"the film is good\n" * 600 + b"\xff\n")
    outcome = unrolled("predict", model_of(reviews), tmp_path / "new.txt", "-o", tmp_path / "out.csv")
    refused(outcome, f"{tmp_path / 'new.txt'} is not UTF-8: byte 0xff at offset 10200 (line 601); save it as UTF-8")
    assert (tmp_path / "out.csv").read_text() == "old"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["new.txt", "out.csv"]


def test_ten_thousand_rows_stream(
    unrolled: Run, reviews: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No more of the file is read ahead than a batch; the bar hears of each."""
    heard: list[tuple[float, int]] = []
    monkeypatch.setattr(example_streams.ShareBar, "__call__", lambda _, share, count: heard.append((share, count)))
    (tmp_path / "new.txt").write_text("".join(f"the film {n} is good\n" for n in range(10_000)))
    outcome = unrolled("predict", model_of(reviews), tmp_path / "new.txt")
    assert outcome.code == 0
    assert outcome.out.count("\n") == 10_001
    assert [count for _, count in heard] == [*range(256, 10_000, 256), 10_000]
    assert all(share <= count / 10_000 + 0.05 for share, count in heard)
    assert heard[-1][0] == 1


def test_predict_and_evaluate_never_import_torch(walks: Path, tmp_path: Path) -> None:
    program = (
        "import sys; sys.modules['torch'] = None\nfrom unrolled.cli.app import run\ncode = run(sys.argv[1:])\n"
        "heavy = {'polars', 'pandas', 'narwhals', 'pyarrow'} & set(sys.modules)\nsys.exit(f'{heavy}' if heavy else code)"
    )
    for command in ("predict", "evaluate"):
        arguments = [sys.executable, "-c", program, command, str(model_of(walks)), str(walks)]
        done = subprocess.run(arguments, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert done.stdout


def test_a_file_or_option_of_another_task(unrolled: Run, walks: Path, reviews: Path, tmp_path: Path) -> None:
    (tmp_path / "new.txt").write_text("a text\n")
    refused(
        unrolled("predict", model_of(walks), tmp_path / "new.txt"),
        f"{tmp_path / 'new.txt'} holds texts, but {model_of(walks)} was trained on sequences of numbers: give it",
    )
    refused(
        unrolled("predict", model_of(reviews), walks),
        f"{walks}: no column 'review', which the model was trained with; the columns are 'walk', 'x', 'z', 'shape'",
    )
    refused(
        unrolled("predict", model_of(walks), walks, "--horizon", 3),
        f"{model_of(walks)} is a classifier, for which --horizon means nothing: leave it out",
    )
    refused(
        unrolled("predict", model_of(reviews), reviews, "--probabilities"),
        f"{model_of(reviews)} is a regressor, for which --probabilities means nothing: leave it out",
    )
    np.savez(tmp_path / "wide.npz", X=np.zeros((2, 4, 3)))
    refused(
        unrolled("predict", model_of(walks), tmp_path / "wide.npz"),
        f"{tmp_path / 'wide.npz'}, row 0: 3 numbers a step, but {model_of(walks)} was trained on 2: give it as many",
    )


def test_several_classes_at_once(unrolled: Run, tmp_path: Path) -> None:
    """A model trained in Python; its classes are the columns of ``y``."""
    X = [np.full((5, 1), n / 20) for n in range(20)]
    y = np.array([[n > 9, n % 2] for n in range(20)], dtype=int)
    classifier = library.SequenceClassifier(members=1, max_epochs=1, hidden_size=4, random_state=0).fit(X, y)
    classifier.save(tmp_path / "m")
    np.savez(tmp_path / "x.npz", X=np.stack(X))
    outcome = unrolled("predict", tmp_path / "m", tmp_path / "x.npz", "--probabilities")
    lines = outcome.out.splitlines()
    assert lines[0] == "row,classes,probability of 0,probability of 1"
    said = [" ".join(str(k) for k in np.flatnonzero(row)) for row in classifier.predict(X)]
    assert [line.split(",")[1] for line in lines[1:]] == said
    np.savez(tmp_path / "x.npz", X=np.stack(X), y=np.arange(20))
    refused(
        unrolled("evaluate", tmp_path / "m", tmp_path / "x.npz"),
        f"{tmp_path / 'm'} tells several classes at once, which only evaluate(X, y) in Python compares",
    )


# ---- evaluate ----


def test_evaluation_of_classes_is_scikit_learns(unrolled: Run, walks: Path, tmp_path: Path) -> None:
    (tmp_path / "test.csv").write_text(walks_table(23))
    outcome = unrolled("evaluate", model_of(walks), tmp_path / "test.csv", "--json")
    found = json.loads(outcome.out)
    X = [np.array(walk("eight" if n % 3 else "circle", 8 + n % 5, n)).round(3) for n in range(23)]
    y = ["eight" if n % 3 else "circle" for n in range(23)]
    with np.errstate(all="ignore"):
        report: Any = classification_report(
            y, library.load(model_of(walks)).predict(X), output_dict=True, zero_division=0
        )
    assert (found["items"], found["accuracy"]) == (23, pytest.approx(report["accuracy"]))
    assert found["macro_f1"] == pytest.approx(report["macro avg"]["f1-score"])
    for name in ("circle", "eight"):
        expected = {key.replace("f1-score", "f1"): pytest.approx(value) for key, value in report[name].items()}
        assert found["by_class"][name] == expected
    lines = unrolled("evaluate", model_of(walks), tmp_path / "test.csv").out.splitlines()
    assert lines[0].startswith(f"{tmp_path / 'test.csv'}: 23 items, accuracy {report['accuracy']:.4f}, macro F1 ")
    assert [line.split()[0] for line in lines[2:]] == ["class", "circle", "eight"]


def test_evaluation_of_numbers(unrolled: Run, reviews: Path) -> None:
    regressor = library.load(model_of(reviews))
    rows = [line.rpartition(",") for line in reviews.read_text().splitlines()[1:]]
    expected = regressor.evaluate([text for text, _, _ in rows], [float(stars) for _, _, stars in rows])
    found = json.loads(unrolled("evaluate", model_of(reviews), reviews, "--json").out)
    assert {name: found[name] for name in expected} == pytest.approx(expected)
    assert unrolled("evaluate", model_of(reviews), reviews).out.startswith(
        f"{reviews}: 40 items, R2 {expected['r2']:.4f}, "
    )


def test_evaluation_with_an_unknown_label(unrolled: Run, walks: Path, tmp_path: Path) -> None:
    (tmp_path / "test.csv").write_text(walks_table(5).replace("circle", "oval"))
    refused(
        unrolled("evaluate", model_of(walks), tmp_path / "test.csv"),
        f"{tmp_path / 'test.csv'}, series 'w0': label 'oval' is none of the model's classes 'circle', 'eight'; correct it,"
        " leave the item out, or fit a model that knows it",
    )
    (tmp_path / "test.csv").write_text(walks_table(5, label=False))
    refused(
        unrolled("evaluate", model_of(walks), tmp_path / "test.csv"),
        f"{tmp_path / 'test.csv'}: no column 'shape', which the model was trained with",
    )


def test_a_ts_file_from_fit_to_evaluation(unrolled: Run, tmp_path: Path) -> None:
    rows = [",".join(str(n % 3 + step) for step in range(4 + n % 2)) + f":{n % 3}" for n in range(30)]
    (tmp_path / "a.ts").write_text("@classLabel true 0 1 2\n@data\n" + "\n".join(rows) + "\n")
    assert unrolled("fit", "classify", tmp_path / "a.ts", "-o", tmp_path / "m", *QUICK).code == 0
    classifier = library.load(tmp_path / "m")
    assert classifier.classes_.tolist() == [0, 1, 2]
    assert classifier.columns_ is None
    X, y = read_ts(tmp_path / "a.ts")
    found = json.loads(unrolled("evaluate", tmp_path / "m", tmp_path / "a.ts", "--json").out)
    assert found["accuracy"] == classifier.evaluate(X, y.astype(int))["accuracy"]


def test_evaluation_of_a_forecast(unrolled: Run, model: Path, passengers: Path) -> None:
    expected = library.load(model).evaluate(passengers)
    outcome = unrolled("evaluate", model, passengers)
    assert outcome.out == f"{passengers}: its last 12 steps, from those before\n{expected}\n"
    found = json.loads(unrolled("evaluate", model, passengers, "--json").out)
    assert found["accuracy"]["forecast"]["smape"] == expected.accuracy["forecast"].smape
    assert found["accuracy"]["naive"]["mae"] == expected.accuracy["naive"].mae
    assert found["coverage"] == expected.coverage
    refused(
        unrolled("evaluate", model, passengers, "--label", "x"),
        f"{model} is a forecaster, for which --label means nothing: leave it out",
    )


# ---- stopping and going on ----


@pytest.mark.parametrize("command", ["classify", "regress", "tag"])
def test_a_training_that_was_stopped_goes_on(
    unrolled: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    (tmp_path / "t.csv").write_text(
        "text,y\n" + "".join(f"{'good' if n % 2 else 'bad'} film {n},{n % 2}\n" for n in range(20))
    )
    (tmp_path / "t.conll").write_text("a DET\ncat NOUN\n\nthe DET\ndog NOUN\n\n" * 6)
    file = tmp_path / ("t.conll" if command == "tag" else "t.csv")
    arguments = ["fit", command, file, "-o", tmp_path / "model", "--checkpoint", tmp_path / "run", *QUICK]

    def stop(self: object, step: Any) -> None:
        if step.epoch == 3:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("unrolled.progress.TrainingBar.__call__", stop)
        stopped = unrolled(*arguments)
    assert stopped.code == 130
    assert stopped.err.splitlines()[-1].endswith("run holds the training so far, and the same again goes on from there")
    assert not (tmp_path / "model").exists()
    assert unrolled(*arguments).code == 0
    assert not (tmp_path / "run").exists()
    assert unrolled("fit", command, file, "-o", tmp_path / "whole", *QUICK).code == 0
    assert (tmp_path / "model").read_bytes() == (tmp_path / "whole").read_bytes()
