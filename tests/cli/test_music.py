"""fit generate on music, and generate, predict and evaluate with what it has learned."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

import unrolled as library
from unrolled.cli.app import run
from unrolled.data.midi import midi_bytes, read_midi
from unrolled.data.music import read_music
from unrolled.tasks.generation.generator import Generated

pytest.importorskip("mido")

Run = Callable[..., Any]
LEARNS = ["--max-epochs", 8, "--hidden-size", 16, "--embedding-size", 8, "--learning-rate", 0.03, "--batch-size", 8]
LEARNS += ["--validation-fraction", 0.1]
FRAME = ["--frame", "quarter"]


def rolls() -> list[np.ndarray]:
    """A third that climbs."""
    found = []
    for n in range(24):
        roll = np.zeros((4 + n % 3, 128), np.uint8)
        for t in range(len(roll)):
            roll[t, [60 + n % 2 + t, 64 + n % 2 + t]] = 1
        found.append(roll)
    return found


@pytest.fixture(scope="session")
def music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of MIDI files, and beside it a model of them."""
    folder = tmp_path_factory.mktemp("music")
    (folder / "pieces").mkdir()
    for n, roll in enumerate(rolls()):
        (folder / "pieces" / f"{n:02}.mid").write_bytes(midi_bytes(roll, "quarter", tempo=90))
    model = folder / "pieces.safetensors"
    assert run(["fit", "generate", str(folder / "pieces"), "-o", str(model), *map(str, [*LEARNS, *FRAME])]) == 0
    return model


def refused(outcome: Any, message: str) -> None:
    assert (outcome.code, outcome.out) == (2, ""), outcome.out
    assert outcome.err.splitlines()[-1].startswith(f"unrolled: {message}"), outcome.err


def test_a_folder_is_learned(unrolled: Run, music: Path, tmp_path: Path) -> None:
    folder = music.parent / "pieces"
    outcome = unrolled(
        "fit", "generate", folder, "-o", tmp_path / "m", *LEARNS[2:], "--max-epochs", 1, *FRAME, "--seed", 0
    )
    assert outcome.err.splitlines()[:2] == [
        f"{folder}: 24 pieces of 4 to 6 frames",
        "frames of 128 notes, one after the other; learned from 22 pieces: 111 frames",
    ]
    assert "On examples kept back: nats a frame " in outcome.out
    assert f"next: unrolled generate {tmp_path / 'm'} --midi out.mid" in outcome.out
    lines = "".join(json.dumps({"notes": [np.flatnonzero(f).tolist() for f in roll]}) + "\n" for roll in rolls())
    (tmp_path / "pieces.jsonl").write_text(lines)
    given = [tmp_path / "pieces.jsonl", "-o", tmp_path / "n", *LEARNS[:-2], "--validation", folder, *FRAME, "--seed", 0]
    found = json.loads(
        unrolled("fit", "generate", *given, "--within-frame", "independent", "--transpose", 2, "--json").out
    )
    assert (found["items"], found["kind"]) == (24, "numbers")
    assert set(found["validation"]) == {"nats_per_frame", "nats_per_piece"}
    assert library.load(tmp_path / "n").transpose == 2


def test_midi_goes_out_and_comes_in(unrolled: Run, music: Path, tmp_path: Path) -> None:
    model = library.load(music, library.SequenceGenerator)
    outcome = unrolled("generate", music, "--midi", tmp_path / "o.mid", "--seed", 3, "--tempo", 72)
    assert (outcome.out, outcome.err.splitlines()[-1]) == ("", f"wrote {tmp_path / 'o.mid'}")
    piece = read_midi(tmp_path / "o.mid", "quarter")
    (expected,) = model.generate(seed=3)
    np.testing.assert_array_equal(piece.roll[: len(expected)], expected[: len(piece.roll)])
    assert piece.tempo == pytest.approx(72, abs=0.001)
    unrolled("generate", music, "--midi", tmp_path / "p.mid", "-n", 2, "--prompt", tmp_path / "o.mid", "--seed", 1)
    for n, after in enumerate(model.generate(2, prompt=piece.roll, seed=1), 1):
        whole = np.concatenate([piece.roll, after])
        written = read_midi(tmp_path / f"p-{n}.mid", "quarter").roll
        np.testing.assert_array_equal(written, whole[: len(written)])
        assert not whole[len(written) :].any()  # silence at the end is no note


def test_files_with_numbers_are_checked_before_the_first_is_written(unrolled: Run, music: Path, tmp_path: Path) -> None:
    good = (music.parent / "pieces" / "00.mid").read_bytes()
    prompt, model = tmp_path / "p-1.mid", tmp_path / "m-1.mid"
    prompt.write_bytes(good)
    model.write_bytes(music.read_bytes())
    (tmp_path / "q-2.mid").mkdir()
    for arguments, message in [
        ((music, "--prompt", prompt, "--midi", prompt), f"cannot write {prompt}: it is the input"),
        ((music, "--prompt", prompt, "--midi", tmp_path / "p.mid", "-n", 2), f"cannot write {prompt}: it is the input"),
        ((music, "--prompt", prompt, "--svg", prompt), f"cannot write {prompt}: it is the input"),
        ((model, "--midi", tmp_path / "m.mid", "-n", 2), f"cannot write {model}: it is the input"),
        ((music, "--midi", tmp_path / "q.mid", "-n", 3), f"cannot write {tmp_path / 'q-2.mid'}: it is a folder"),
        (
            (music, "--midi", tmp_path / "q.mid", "-n", 2, "-o", tmp_path / "q-1.mid"),
            "--midi and --output are the same file",
        ),
        ((music, "--tempo", 90), "--tempo is that of --midi"),
        ((music, "--svg", tmp_path / "o.svg", "--upwards"), "--upwards is for strokes in --svg"),
        ((music, "--wav", tmp_path / "o.wav"), f"--wav is for recordings, but {music} says music"),
    ]:
        refused(unrolled("generate", *arguments, "--seed", 3), message)
    assert (prompt.read_bytes(), model.read_bytes()) == (good, music.read_bytes())
    assert sorted(each.name for each in tmp_path.iterdir()) == ["m-1.mid", "p-1.mid", "q-2.mid"]


def test_a_piece_without_a_frame_leaves_nothing_half_written(
    unrolled: Run, music: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = Generated(np.zeros((0, 128), np.uint8), -1.0, finished=True)
    monkeypatch.setattr(library.SequenceGenerator, "draw", lambda *_, **__: [empty])
    given = ["--midi", tmp_path / "o.mid", "-o", tmp_path / "o.jsonl", "--svg", tmp_path / "o.svg"]
    refused(unrolled("generate", music, *given), "piece 1 has ended before its first frame")
    assert not list(tmp_path.iterdir())


def test_text_tables_and_pictures(unrolled: Run, music: Path, tmp_path: Path) -> None:
    model = library.load(music, library.SequenceGenerator)
    roll = rolls()[0][:2]
    (tmp_path / "two.mid").write_bytes(midi_bytes(roll, "quarter"))
    given = ["generate", music, "--prompt", tmp_path / "two.mid", "--seed", 5, "--max-length", 2, "--temperature", 0.05]
    (after,) = model.generate(prompt=roll, seed=5, max_length=2, temperature=0.05)
    assert unrolled(*given).out.startswith("C4 E4 | C♯4 F4 | ")
    assert unrolled(*given, "--stream").out.strip().strip("|").strip() == unrolled(*given).out.strip()
    unrolled(*given, "-o", tmp_path / "o.jsonl", "--svg", tmp_path / "o.svg")
    (again,) = read_music(tmp_path / "o.jsonl")  # what was written can be read
    np.testing.assert_array_equal(again.roll, np.concatenate([roll, after]))
    root = ElementTree.parse(tmp_path / "o.svg").getroot()
    hints = [each.text for each in root.iter("{http://www.w3.org/2000/svg}title")]
    assert "C4, quarter 0" in hints
    found = json.loads(unrolled(*given, "--json").out)
    assert found["pieces"][0]["notes"][0] == [60, 64]
    unrolled(*given, "-o", tmp_path / "o.csv")
    assert "C4 E4 | C♯4 F4" in (tmp_path / "o.csv").read_text()
    (tmp_path / "begins").mkdir()
    (tmp_path / "begins" / "a.mid").write_bytes(midi_bytes(roll, "quarter"))
    rows = unrolled("predict", music, tmp_path / "begins", "--max-length", 1, "--temperature", 0.05, "--seed", 0)
    assert f"{tmp_path / 'begins' / 'a.mid'}" in rows.out


def test_evaluate_says_nats_a_frame(unrolled: Run, music: Path) -> None:
    folder = music.parent / "pieces"
    found = json.loads(unrolled("evaluate", music, folder, "--json").out)
    measures = library.load(music, library.SequenceGenerator).evaluate(rolls())
    assert {name: found[name] for name in measures} == pytest.approx(measures)
    assert (
        f"{folder}: 24 items, nats a frame {measures['nats_per_frame']:.4f}" in unrolled("evaluate", music, folder).out
    )


def test_a_model_of_a_pianos_keys_reads_and_writes_midi(unrolled: Run, music: Path, tmp_path: Path) -> None:
    keys = [roll[:, 21:109] for roll in rolls()]
    model = library.SequenceGenerator(max_epochs=1, hidden_size=4, frame="quarter", random_state=0).fit(keys)
    model.save(tmp_path / "keys")
    found = json.loads(unrolled("evaluate", tmp_path / "keys", music.parent / "pieces", "--json").out)
    assert found["nats_per_frame"] == pytest.approx(model.evaluate(keys)["nats_per_frame"])
    prompt = music.parent / "pieces" / "00.mid"
    given = ["--prompt", prompt, "--max-length", 1, "--seed", 0, "--midi", tmp_path / "o.mid"]
    unrolled("generate", tmp_path / "keys", *given)
    np.testing.assert_array_equal(read_midi(tmp_path / "o.mid", "quarter").roll[:4], rolls()[0])
    low = np.zeros((2, 128), np.uint8)
    low[:, 5] = 1
    (tmp_path / "low.mid").write_bytes(midi_bytes(low, "quarter"))
    refused(unrolled("evaluate", tmp_path / "keys", tmp_path / "low.mid"), "piece ")


def test_a_text_is_no_music(unrolled: Run, music: Path, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("to be\n")
    for command in ("evaluate", "predict"):
        refused(
            unrolled(command, music, tmp_path / "a.txt"),
            f"{tmp_path / 'a.txt'} holds texts, but {music} was trained on music: give it a MIDI file, a folder of them, or",
        )


def test_what_is_refused(unrolled: Run, music: Path, tmp_path: Path) -> None:
    good = (music.parent / "pieces" / "00.mid").read_bytes()
    (tmp_path / "cut").mkdir()
    (tmp_path / "cut" / "a.mid").write_bytes(good[:-6])
    refused(unrolled("fit", "generate", tmp_path / "cut"), f"{tmp_path / 'cut' / 'a.mid'} was cut short")
    assert not list(tmp_path.glob("*.safetensors"))
    (tmp_path / "none").mkdir()
    refused(unrolled("fit", "generate", tmp_path / "none"), f"{tmp_path / 'none'} holds no files that end in .mid")
    refused(
        unrolled("generate", music, "--prompt", tmp_path / "cut" / "a.mid"), f"{tmp_path / 'cut' / 'a.mid'} was cut"
    )
    refused(unrolled("generate", music, "--prompt", "C4"), "C4: the name says nothing of music")
    refused(unrolled("generate", music, "--stop", "x"), "--stop ends texts, but the model says notes")
    refused(unrolled("generate", music, "--stream", "--midi", tmp_path / "o.mid"), "--stream prints one piece")
    refused(
        unrolled("generate", music, "--midi", tmp_path / "no" / "o.mid"), f"cannot write {tmp_path / 'no' / 'o.mid'}"
    )
    refused(unrolled("generate", music, "--temperature", 0, "--midi", tmp_path / "o.mid"), "--temperature")
    refused(unrolled("evaluate", music, music.parent / "pieces", "--text", "x"), f"{music.parent / 'pieces'}: --text")
    assert not (tmp_path / "o.mid").exists()
