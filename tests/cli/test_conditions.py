"""What pieces are to be, in files: vectors and labels of JSON lines and of arrays."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import unrolled as library
from unrolled.cli.app import run

Run = Callable[..., Any]
TINY = ["--hidden-size", 12, "--embedding-size", 6, "--max-epochs", 4, "--learning-rate", 0.03, "--seed", 0]


def places() -> tuple[list[str], np.ndarray]:
    """East and west, and where that is."""
    vectors = np.random.default_rng(0).normal(size=(60, 2))
    return ["east" if x > 0 else "west" for x, _ in vectors], vectors


def objects(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files of texts and of numbers with vectors, and a model of each."""
    folder = tmp_path_factory.mktemp("vectors")
    texts, vectors = places()
    rows = [{"name": text, "place": place.tolist()} for text, place in zip(texts, vectors, strict=True)]
    objects(folder / "places.jsonl", rows)
    given = ["--text", "name", "--condition", "place", "-o", folder / "places.safetensors", *TINY, "--max-epochs", 12]
    assert run(["fit", "generate", *map(str, [folder / "places.jsonl", *given])]) == 0
    X = np.random.default_rng(1).normal(size=(60, 3, 1)) + 5 * np.sign(vectors[:, None, :1])
    np.savez(folder / "values.npz", X=X, y=vectors)
    given = ["-o", folder / "values.safetensors", "--hidden-size", 6, "--components", 2, "--max-epochs", 4]
    assert run(["fit", "generate", *map(str, [folder / "values.npz", *given])]) == 0
    return folder


def test_vectors_are_learned_from_and_measured_with(unrolled: Run, folder: Path) -> None:
    model = library.load(folder / "places.safetensors")
    assert (model.condition_kind_, model.vector_size_, model.columns_.label) == ("vector", 2, "place")
    texts, vectors = places()
    out = unrolled("evaluate", folder / "places.safetensors", folder / "places.jsonl", "--json")
    assert json.loads(out.out)["nats"] == pytest.approx(model.evaluate(texts, vectors)["nats"])
    values = library.load(folder / "values.safetensors")
    out = unrolled("evaluate", folder / "values.safetensors", folder / "values.npz", "--json")
    X = np.load(folder / "values.npz")["X"]
    assert json.loads(out.out)["nats_per_step"] == pytest.approx(values.evaluate(list(X), vectors)["nats_per_step"])


def test_pieces_go_on_by_their_vectors(unrolled: Run, folder: Path, tmp_path: Path) -> None:
    rows = [{"name": "e", "place": [2, 1]}, {"name": "w", "place": [-2, 1]}]
    model, given = library.load(folder / "places.safetensors"), objects(tmp_path / "new.jsonl", rows)
    out = unrolled("predict", folder / "places.safetensors", given, "--seed", 5, "--json")
    found = [row["continuation"] for row in json.loads(out.out)["predictions"]]
    expected = [model.generate(prompt=row["name"], condition=row["place"], seed=5 + n)[0] for n, row in enumerate(rows)]
    assert found == expected


@pytest.mark.parametrize("suffix", [".jsonl", ".npz"])
def test_a_file_says_what_is_to_be_drawn(unrolled: Run, folder: Path, tmp_path: Path, suffix: str) -> None:
    vectors = [[2.0, 1.0], [-2.0, 0.5]]
    file = tmp_path / f"new{suffix}"
    if suffix == ".npz":
        np.savez(file, y=vectors)
    else:
        objects(file, [{"place": vector} for vector in vectors])
    model = library.load(folder / "places.safetensors")
    out = unrolled("generate", folder / "places.safetensors", "--condition", file, "-n", 2, "--seed", 3)
    assert out.out.splitlines() == model.generate(4, condition=[vectors[0]] * 2 + [vectors[1]] * 2, seed=3)
    out = unrolled("generate", folder / "places.safetensors", "--condition", file, "--stream")
    assert (out.code, f"{file} says what 2 are to be" in out.err) == (2, True)
    out = unrolled("generate", folder / "places.safetensors", "--condition", file, "-o", file)
    assert (out.code, file.exists()) == (2, True)


def test_one_vector_of_a_file_is_drawn_as_it_is_printed(unrolled: Run, folder: Path, tmp_path: Path) -> None:
    file = objects(tmp_path / "new.jsonl", [{"any": [1.0, 1.0]}])  # another name, but the only one
    out = unrolled("generate", folder / "places.safetensors", "--condition", file, "--stream", "--seed", 1)
    model = library.load(folder / "places.safetensors")
    assert out.out.splitlines() == model.generate(condition=[1.0, 1.0], seed=1)


def test_classes_are_read_from_files_too(unrolled: Run, tmp_path: Path) -> None:
    file = objects(tmp_path / "names.jsonl", [{"text": "ab", "label": 1}, {"text": "cd", "label": 2}] * 10)
    assert unrolled("fit", "generate", file, "--condition", "label", "-o", tmp_path / "m", *TINY).code == 0
    found = unrolled("generate", tmp_path / "m", "--class", file, "--seed", 2)
    assert found.out.splitlines() == library.load(tmp_path / "m").generate(20, condition=[1, 2] * 10, seed=2)
    refused = unrolled("generate", tmp_path / "m", "--class", objects(tmp_path / "x.jsonl", [{"label": 3}]))
    assert (refused.code, "line 1: label 3 is none of the model's classes" in refused.err) == (2, True)


def test_a_vector_of_one_number(unrolled: Run, tmp_path: Path) -> None:
    rows = [{"text": "slow" if x < 0 else "fast", "pace": [x]} for x in np.linspace(-1, 1, 40)]
    given = [objects(tmp_path / "paces.jsonl", rows), "--condition", "pace", "-o", tmp_path / "m", *TINY]
    out = unrolled("fit", "generate", *given)
    assert (out.code, "--condition vectors.npz" in out.out) == (0, True), out.err
    assert library.load(tmp_path / "m").vector_size_ == 1
    assert unrolled("generate", tmp_path / "m", "--condition", "-0.5").code == 0


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (
            [{"text": "a", "place": [1, 2]}, {"text": "b", "place": [1]}],
            "line 2: found [1.0], expected a list of 2 numbers, as",
        ),
        (
            [{"text": "a", "place": [1, 2]}, {"text": "b", "place": "x"}],
            "line 2: found 'x', expected a list of 2 numbers",
        ),
        (
            [{"text": "a", "place": "x"}, {"text": "b", "place": [1]}],
            "line 2: found the vector [1.0], expected a label",
        ),
        (
            [{"text": "a", "place": []}],
            "line 1: 'place' is [], expected a text or a number, or a list of finite numbers",
        ),
        ([{"text": "a", "place": [1, True]}], "line 1: 'place' is [1, true], expected"),
        ([{"text": "a", "place": ["1"]}], "line 1: 'place' is [\"1\"], expected"),
        ([{"text": "a", "place": None}], "line 1: 'place' is null, expected"),
        ([{"text": "a"}], "line 1: no key 'place'"),
    ],
)
def test_what_is_no_vector_is_named(unrolled: Run, tmp_path: Path, rows: list[dict[str, Any]], message: str) -> None:
    file = objects(tmp_path / "pieces.jsonl", rows)
    out = unrolled("fit", "generate", file, "--condition", "place", "-o", tmp_path / "m", *TINY)
    assert (out.code, message in out.err, (tmp_path / "m").exists()) == (2, True, False), out.err


def test_wrong_vectors_for_a_model_are_named(unrolled: Run, folder: Path, tmp_path: Path) -> None:
    model = folder / "places.safetensors"
    three = objects(tmp_path / "three.jsonl", [{"name": "east", "place": [1, 2, 3]}])
    for command in (["evaluate", model, three], ["predict", model, three], ["generate", model, "--condition", three]):
        out = unrolled(*command)
        assert (out.code, "line 1: found [1.0, 2.0, 3.0], expected a list of 2 numbers, as the model" in out.err) == (
            2,
            True,
        )
    two = objects(tmp_path / "two.jsonl", [{"place": [1, 2], "more": 1}, {"plaice": [1, 2], "more": 1}])
    out = unrolled("generate", model, "--condition", two)
    assert (out.code, "line 2: expected the key 'place'; the keys are 'plaice', 'more'" in out.err) == (2, True)
    np.savez(tmp_path / "bad.npz", y=[[1.0, np.nan]])
    out = unrolled("generate", model, "--condition", tmp_path / "bad.npz")
    assert (out.code, "row 0: number 1 of y is nan, expected a finite number" in out.err) == (2, True)
    np.savez(tmp_path / "none.npz", X=[[1.0, 2.0]])
    assert "no array 'y'; the arrays are 'X'" in unrolled("generate", model, "--condition", tmp_path / "none.npz").err
    np.savez(tmp_path / "zero.npz", y=np.zeros((0, 2)))
    assert (
        "y has shape [0, 2], expected at least one"
        in unrolled("generate", model, "--condition", tmp_path / "zero.npz").err
    )
    assert "no such file" in unrolled("generate", model, "--condition", tmp_path / "absent.jsonl").err
    assert "or a file of them" in unrolled("generate", model, "--condition", "minor").err
    for typed in ("1,nan", "inf,1", "1e999,0"):
        said = f"unrolled: --condition is '{typed}', expected finite numbers between commas, or a file of them"
        out = unrolled("generate", model, f"--condition={typed}")
        assert (out.code, out.err.startswith(said)) == (2, True), out.err
    (tmp_path / "empty.jsonl").write_text("")
    assert "is empty" in unrolled("generate", model, "--condition", tmp_path / "empty.jsonl").err


def test_what_is_wrong_is_called_by_its_file(unrolled: Run, tmp_path: Path) -> None:
    file = objects(tmp_path / "pieces.jsonl", [{"text": "ab", "label": "a"}, {"text": "ba", "label": "b"}] * 6)
    other = objects(tmp_path / "more.jsonl", [{"text": "ab", "label": "c"}])
    out = unrolled("fit", "generate", file, "--condition", "label", "--validation", other, "-o", tmp_path / "m", *TINY)
    said = f"unrolled: {other}, line 1: label 'c' is none of the model's classes 'a', 'b'; correct it"
    assert (out.code, out.err.splitlines()[-1].startswith(said)) == (2, True), out.err
    out = unrolled("fit", "generate", file, "--steps", "notes", "-o", tmp_path / "m", *TINY)
    said = f"unrolled: {file} holds text, expected a list of piano rolls"
    assert (out.code, out.err.splitlines()[-1].startswith(said)) == (2, True), out.err


def test_a_condition_that_a_model_does_not_know_is_refused(unrolled: Run, tmp_path: Path) -> None:
    file = objects(tmp_path / "pieces.jsonl", [{"text": "abc", "place": [1, 2]}] * 12)
    assert unrolled("fit", "generate", file, "-o", tmp_path / "m", *TINY).code == 0
    for command in ("predict", "evaluate"):
        out = unrolled(command, tmp_path / "m", file, "--condition", "place")
        assert (out.code, "was trained without conditions: leave --condition out" in out.err) == (2, True), out.err
