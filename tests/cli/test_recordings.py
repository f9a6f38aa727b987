"""Folders of WAV files at the command line."""

from __future__ import annotations

import json
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import unrolled as library
from unrolled.cli.app import run
from unrolled.data.wav import read_wav

pytest.importorskip("soundfile")

Run = Callable[..., Any]
QUICK = ["--members", 1, "--max-epochs", 2, "--hidden-size", 4]


def write_tone(path: Path, pitch: float, seconds: float = 0.2, rate: int = 8000) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    samples = (0.5 * 2**15 * np.sin(2 * np.pi * pitch * np.arange(int(seconds * rate)) / rate)).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.tobytes())


def refused(outcome: Any, message: str) -> None:
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.splitlines()[-1].startswith(f"unrolled: {message}"), outcome.err


@pytest.fixture(scope="session")
def tones(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of tones in a sub-folder a class, and beside it a classifier that was hardly trained."""
    folder = tmp_path_factory.mktemp("recordings") / "tones"
    for n in range(6):
        write_tone(folder / "low" / f"{n}.wav", 200 + 10 * n)
        write_tone(folder / "high" / f"{n}.wav", 800 + 10 * n, 0.3)
    model = folder.with_suffix(".safetensors")
    assert run(["fit", "classify", str(folder), "-o", str(model), "--hear", "log_mel", *map(str, QUICK)]) == 0
    return folder


def test_fit(unrolled: Run, tones: Path, tmp_path: Path) -> None:
    outcome = unrolled("fit", "classify", tones, "-o", tmp_path / "m", "--deltas", 1, "--mel-bands", 20, *QUICK)
    assert outcome.err.splitlines() == [
        f"{tones}: 12 recordings of 0.2 to 0.3 seconds at 8000 samples a second",
        "2 classes: high (6), low (6)",
        "1 network, batches of 4, 2 epochs, nothing kept back: 12 examples",
    ]
    heard = library.load(tmp_path / "m").audio
    assert (heard.kind, heard.deltas, heard.mel_bands, heard.rate) == ("mfcc", 1, 20, 8000)
    assert library.load(tones.with_suffix(".safetensors")).audio.kind == "log_mel"


def test_labels_by_name_and_by_table(unrolled: Run, tones: Path, tmp_path: Path) -> None:
    flat = tmp_path / "flat"
    for n in range(4):
        write_tone(flat / f"{n % 2}_{n}.wav", 200 + 500 * (n % 2))
    pattern = r"(?P<label>\d)_\d\.wav"
    outcome = unrolled("fit", "classify", flat, "--pattern", pattern, "-o", tmp_path / "m", *QUICK)
    assert outcome.err.splitlines()[-2] == "2 classes: 0 (2), 1 (2)"
    (tmp_path / "pitch.csv").write_text("file,label\n" + "".join(f"{n % 2}_{n}.wav,{n}.5\n" for n in range(4)))
    outcome = unrolled("fit", "regress", flat, "--labels", tmp_path / "pitch.csv", "-o", tmp_path / "m", *QUICK)
    assert outcome.err.splitlines()[-2] == "numbers from 0.5 to 3.5, 2 on average"
    refused(unrolled("fit", "classify", flat), f"{flat / '0_0.wav'} has no label: expected it in a folder named")


def test_predict_and_evaluate(unrolled: Run, tones: Path) -> None:
    model = tones.with_suffix(".safetensors")
    classifier = library.load(model)
    outcome = unrolled("predict", model, tones)
    lines = [line.split(",") for line in outcome.out.splitlines()]
    assert [line[0] for line in lines[:3]] == ["file", "high/0.wav", "high/1.wav"]
    files = sorted(tones.rglob("*.wav"))
    assert [line[1] for line in lines[1:]] == classifier.predict([read_wav(file) for file in files]).tolist()
    outcome = unrolled("predict", model, files[0])
    assert outcome.out.splitlines()[1].split(",")[1:] == lines[1][1:]  # the same bits alone
    found = json.loads(unrolled("evaluate", model, tones, "--json").out)
    expected = classifier.evaluate([read_wav(file) for file in files], ["high"] * 6 + ["low"] * 6)
    assert {name: found[name] for name in expected} == expected


def test_what_will_not_do(unrolled: Run, tones: Path, tmp_path: Path) -> None:
    model = tones.with_suffix(".safetensors")
    write_tone(tmp_path / "fast" / "a.wav", 200, rate=16000)
    outcome = unrolled("predict", model, tmp_path / "fast")
    assert outcome.code == 2
    assert outcome.err.startswith(f"unrolled: {tmp_path / 'fast' / 'a.wav'} ")
    assert "16000" in outcome.err
    assert "8000" in outcome.err
    write_tone(tmp_path / "fast" / "b.wav", 200)
    (tmp_path / "empty").mkdir()
    refused(unrolled("predict", model, tmp_path / "empty"), f"{tmp_path / 'empty'} holds no files that end in .wav")
    refused(
        unrolled("fit", "classify", tmp_path / "fast" / "a.wav"),
        f"{tmp_path / 'fast' / 'a.wav'}: a recording has no label; give a folder of them",
    )
    (tmp_path / "a.csv").write_text("text,label\na b,x\nc d,y\n")
    refused(
        unrolled("fit", "classify", tmp_path / "a.csv", "--mel-bands", 20),
        f"{tmp_path / 'a.csv'} holds texts; --mel-bands is for recordings: leave it out",
    )
    refused(
        unrolled("predict", model, tmp_path / "a.csv"),
        f"{tmp_path / 'a.csv'} holds texts, but {model} was trained on recordings: give it a folder of WAV files",
    )
