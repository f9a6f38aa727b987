"""fit generate on strokes, other numbers and recordings, and generate, predict and evaluate with what it has learned."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

import unrolled as library
from unrolled.cli.app import run
from unrolled.data.wav import read_wav
from unrolled.data.wav_writing import wav_bytes

Run = Callable[..., Any]
LEARNS = ["--max-epochs", 3, "--hidden-size", 12, "--components", 3, "--learning-rate", 0.02, "--batch-size", 8]


def drawings() -> tuple[list[np.ndarray], list[str]]:
    """Corners and lines, as offsets."""
    rng, y = np.random.default_rng(0), ["corner", "line"] * 12
    ways = {"corner": [[3, 0, 0], [3, 0, 0], [0, 3, 1]], "line": [[2, 2, 0], [2, 2, 1]]}
    return [np.array(ways[kind], float) + np.append(0.1 * rng.normal(size=2), 0) for kind in y], y


@pytest.fixture(scope="session")
def strokes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files of strokes, and beside them a model."""
    folder = tmp_path_factory.mktemp("strokes")
    X, y = drawings()
    np.savez(folder / "pen.npz", X=np.concatenate(X), lengths=[len(piece) for piece in X], y=y)
    lines = (json.dumps({"sequence": piece.tolist(), "what": kind}) for piece, kind in zip(X, y, strict=True))
    (folder / "pen.jsonl").write_text("\n".join(lines) + "\n")
    given = [folder / "pen.npz", "--output", folder / "pen.safetensors", *LEARNS, "--max-epochs", 15]
    assert run(["fit", "generate", *map(str, given)]) == 0
    return folder


@pytest.fixture(scope="session")
def words(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of recordings in folders, and beside it a model."""
    pytest.importorskip("soundfile")
    folder = tmp_path_factory.mktemp("words")
    rng = np.random.default_rng(0)
    for n in range(16):
        kind = ("low", "high")[n % 2]
        t = np.arange(1200 + 100 * (n % 3)) / 8000
        sound = 0.3 * np.sin(2 * np.pi * (400, 1500)[n % 2] * t) + 0.01 * rng.normal(size=len(t))
        (folder / "said" / kind).mkdir(parents=True, exist_ok=True)
        (folder / "said" / kind / f"{n}_{kind}.wav").write_bytes(wav_bytes(sound, 8000))
    given = [folder / "said", "--output", folder / "said.safetensors", *LEARNS, "--seed", 0]
    assert run(["fit", "generate", *map(str, given)]) == 0
    return folder


def test_strokes_are_learned_from_arrays_with_their_classes(strokes: Path) -> None:
    model = library.load(strokes / "pen.safetensors")
    assert model.step_kind_ == "strokes"
    assert sorted(model.classes_.tolist()) == ["corner", "line"]


def test_strokes_are_learned_from_lines_of_json(unrolled: Run, strokes: Path, tmp_path: Path) -> None:
    model = tmp_path / "m.safetensors"
    given = ["--condition", "what", "--positions", "-o", model, *LEARNS]
    out = unrolled("fit", "generate", strokes / "pen.jsonl", *given)
    assert (out.code, "24 pieces of 2 to 3 steps" in out.err) == (0, True), out.err
    assert "strokes of a pen, positions" in out.err
    assert "--svg out.svg" in out.out
    assert library.load(model).positions


def test_a_sheet_of_strokes(unrolled: Run, strokes: Path, tmp_path: Path) -> None:
    model = strokes / "pen.safetensors"
    out = unrolled(
        "generate", model, "--class", "corner", "-n", 6, "--seed", 1, "--svg", tmp_path / "o.svg", "--upwards"
    )
    assert out.code == 0, out.err
    assert f"wrote {tmp_path / 'o.svg'}" in out.err
    picture = (tmp_path / "o.svg").read_text()
    ElementTree.fromstring(picture)
    drawn = library.load(model).generate(6, condition="corner", seed=1)
    assert picture.count('class="pen"') == sum(max(1, int(piece[:-1, 2].sum()) + 1) for piece in drawn if len(piece))


def test_strokes_as_text_and_as_a_file_to_learn_from_again(unrolled: Run, strokes: Path, tmp_path: Path) -> None:
    model = strokes / "pen.safetensors"
    printed = unrolled("generate", model, "--class", "line", "--seed", 1, "--max-length", 2)
    (drawn,) = library.load(model).generate(condition="line", seed=1, max_length=2)
    first = re.match(r"(\S+),(\S+)", printed.out)
    assert first is not None
    np.testing.assert_allclose([float(each) for each in first.groups()], drawn[0, :2], rtol=1e-4)
    streamed = unrolled("generate", model, "--class", "line", "--seed", 1, "--max-length", 2, "--stream")
    assert streamed.out.split() == printed.out.split()
    file = tmp_path / "more.jsonl"
    assert unrolled("generate", model, "--class", "line", "-n", 12, "--seed", 1, "--output", file).code == 0
    again = unrolled("fit", "generate", file, *LEARNS, "-o", tmp_path / "again.safetensors")
    assert again.code == 0, again.err


def test_predict_and_evaluate_read_the_same_files(unrolled: Run, strokes: Path, tmp_path: Path) -> None:
    model = strokes / "pen.safetensors"
    measured = unrolled("evaluate", model, strokes / "pen.npz", "--json")
    X, y = drawings()
    found = json.loads(measured.out)
    assert library.load(model).evaluate(X, y)["nats_per_step"] == pytest.approx(found["nats_per_step"], abs=1e-3)
    out = unrolled(
        "predict", model, strokes / "pen.npz", "--seed", 0, "--max-length", 2, "--output", tmp_path / "p.csv"
    )
    assert out.code == 0, out.err
    assert len((tmp_path / "p.csv").read_text().splitlines()) == 25


def test_words_are_said_into_files(unrolled: Run, words: Path, tmp_path: Path) -> None:
    model = words / "said.safetensors"
    assert sorted(library.load(model).classes_.tolist()) == ["high", "low"]
    out = unrolled("generate", model, "--class", "low", "-n", 2, "--seed", 1, "--wav", tmp_path / "w.wav")
    assert out.code == 0, out.err
    own = library.load(model).generate(2, condition="low", seed=1)
    for n, piece in enumerate(own, 1):
        heard = read_wav(tmp_path / f"w-{n}.wav")
        assert heard.rate == 8000
        np.testing.assert_allclose(heard.samples, piece.samples, atol=1e-4)
    printed = unrolled("generate", model, "--class", "low", "--seed", 1)
    assert re.fullmatch(r"[\d.]+ s\n", printed.out)
    prompt = words / "said" / "low" / "0_low.wav"
    out = unrolled("generate", model, "--class", "low", "--prompt", prompt, "--seed", 1, "--wav", tmp_path / "p.wav")
    assert out.code == 0, out.err
    assert len(read_wav(tmp_path / "p.wav").samples) >= 1200 + 200


def test_names_of_recordings_say_what_they_are(unrolled: Run, words: Path, tmp_path: Path) -> None:
    pattern = r"\d+_(?P<label>\w+)\.wav"
    out = unrolled("fit", "generate", words / "said", "--pattern", pattern, *LEARNS, "-o", tmp_path / "m.safetensors")
    assert out.code == 0, out.err
    assert "16 recordings of 0.15 to 0.175 s" in out.err
    assert "--wav out.wav" in out.out + out.err


def test_what_does_not_belong_together(unrolled: Run, strokes: Path, words: Path, tmp_path: Path) -> None:
    pen, said = strokes / "pen.safetensors", words / "said.safetensors"
    (tmp_path / "two.jsonl").write_text('{"sequence": [[1, 2, 0]]}\n{"sequence": [[1, 2, 1]]}\n')
    (tmp_path / "pen.jsonl").write_text('{"sequence": [[1, 2, 0]]}\n{"sequence": [[1, 2, 1], [1, 2, 3]]}\n')
    (tmp_path / "broken.npz").write_bytes(b"PK\x03\x04no")
    for arguments, message in [
        (["generate", pen, "--class", "line", "--wav", tmp_path / "a.wav"], "--wav is for recordings"),
        (
            ["generate", pen, "--class", "line", "--midi", tmp_path / "a.mid"],
            f"--midi is for music, but {pen} says strokes",
        ),
        (
            ["generate", said, "--class", "low", "--svg", tmp_path / "a.svg"],
            f"but {said} says recordings",
        ),
        (["generate", said, "--class", "low", "--stream"], "samples depend on all"),
        (["generate", pen, "--class", "line", "--top-k", 3], "--top-k is 3"),
        (["generate", pen, "--class", "star"], "expected one of corner, line"),
        (["generate", pen, "--class", "line", "--temperature", 0], "temperature"),
        (["generate", pen, "--class", "line", "--prompt", tmp_path / "two.jsonl"], "holds 2 pieces, expected one"),
        (["generate", pen, "--class", "line", "--prompt", tmp_path / "none.jsonl"], "none.jsonl"),
        (
            ["fit", "generate", tmp_path / "pen.jsonl", "--steps", "strokes"],
            "pen.jsonl, line 2: the piece, step 1: the pen is 3",
        ),
        (["fit", "generate", tmp_path / "broken.npz"], "broken.npz cannot be read"),
        (["fit", "generate", strokes / "pen.npz", "--condition", "y"], "whose conditions are y"),
        (["fit", "generate", strokes / "pen.npz", "--pattern", "x"], "--pattern says what recordings are to be"),
    ]:
        out = unrolled(*arguments, *(["-o", tmp_path / "a.safetensors"] if arguments[0] == "fit" else []))
        assert (out.code, message in out.err.replace("\n", " ")) == (2, True), (arguments, out.err)
    assert not list(tmp_path.glob("a.*"))
