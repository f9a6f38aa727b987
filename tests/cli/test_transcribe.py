"""fit transcribe, transcribe, and predict and evaluate with its models; the files they read."""

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
from unrolled.data.transcripts import open_transcripts
from unrolled.data.wav import read_wav
from unrolled.errors import InputError

pytest.importorskip("soundfile")
Run = Callable[..., Any]
RATE = 4000
PITCH = {"a": 400, "b": 700, "c": 1100}
TINY = ["--max-epochs", 1, "--hidden-size", 4, "--layers", 1]
LEARNS = [
    "--max-epochs", 14, "--hidden-size", 24, "--layers", 1, "--learning-rate", 0.02, "--stride", 2, "--no-bidirectional",
    "--hear", "log_mel", "--mel-bands", 16, "--normalization", "none",
]  # fmt: skip


def refused(outcome: Any, message: str) -> None:
    assert (outcome.code, outcome.out) == (2, ""), outcome.out
    assert outcome.err.splitlines()[-1].startswith(f"unrolled: {message}"), outcome.err


def write(path: Path, samples: Any, rate: int = RATE) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((np.asarray(samples) * 32767).astype("<i2").tobytes())


def record(folder: Path, count: int, seed: int) -> list[str]:
    """A folder of tunes with a text beside each, and the texts."""
    folder.mkdir()
    rng, texts = np.random.default_rng(seed), []
    for n in range(count):
        text = "".join(rng.choice(list("abc"), rng.integers(1, 4)))
        tones = [0.5 * np.sin(2 * np.pi * PITCH[c] * np.arange(rng.integers(400, 700)) / RATE) for c in text]
        x = np.concatenate(
            [part for tone in tones for part in (np.zeros(rng.integers(200, 500)), tone)] + [np.zeros(300)]
        )
        write(folder / f"{n:03}.wav", x + 0.01 * rng.normal(size=len(x)))
        (folder / f"{n:03}.txt").write_text(text + "\n")
        texts.append(text)
    return texts


@pytest.fixture(scope="session")
def tunes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of tunes, another one, and beside them a model that has learned the first."""
    folder = tmp_path_factory.mktemp("tunes")
    record(folder / "train", 120, 0)
    record(folder / "new", 12, 1)
    arguments = ["fit", "transcribe", folder / "train", "-o", folder / "m", *LEARNS]
    assert run([*map(str, arguments)]) == 0
    return folder


def test_fit_says_what_it_read_and_what_it_is_worth(unrolled: Run, tunes: Path, tmp_path: Path) -> None:
    outcome = unrolled("fit", "transcribe", tunes / "new", "-o", tmp_path / "m", *TINY)
    assert outcome.err.splitlines()[0].startswith(f"{tunes / 'new'}: 12 recordings of 0.")
    assert outcome.err.splitlines()[1] == "3 symbols, 11 transcripts learned from"
    assert outcome.out.startswith("On examples kept back: exact ")
    assert ", character error rate " in outcome.out
    given = ["--validation", tunes / "new", "-o", tmp_path / "m", "--json", *TINY]
    found = json.loads(unrolled("fit", "transcribe", tunes / "new", *given).out)
    assert set(found["validation"]) == {"exact", "word_error_rate", "character_error_rate"}
    features = library.load(tmp_path / "m").model_.inputs.features
    assert (features.kind, features.normalization) == ("mfcc", "mean")


def test_transcripts_of_one_of_several_and_their_times(unrolled: Run, tunes: Path, tmp_path: Path) -> None:
    files = sorted((tunes / "new").glob("*.wav"))
    model = library.load(tunes / "m")
    said = model.predict([read_wav(file) for file in files])
    assert unrolled("transcribe", tunes / "m", files[0]).out == said[0] + "\n"
    several = unrolled("transcribe", tunes / "m", tunes / "new").out.splitlines()
    assert several[0] == "file,transcript,log_p"
    assert [line.split(",")[:2] for line in several[1:]] == [[str(f), t] for f, t in zip(files, said, strict=True)]
    lines = unrolled("transcribe", tunes / "m", files[0], "--times").out.splitlines()
    assert lines[0] == "file,symbol,start,end,confidence"
    heard = model.transcribe([read_wav(files[0])])[0].symbols
    assert [line.split(",")[1] for line in lines[1:]] == [each.symbol for each in heard]
    assert [float(line.split(",")[2]) for line in lines[1:]] == pytest.approx([each.start for each in heard])
    unrolled("transcribe", tunes / "m", *files[:2], "-o", tmp_path / "out.jsonl")
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [row["transcript"] for row in rows] == said[:2]
    found = json.loads(unrolled("transcribe", tunes / "m", files[0], "--json").out)
    assert found["transcripts"][0]["transcript"] == said[0]
    table = unrolled("predict", tunes / "m", tunes / "new").out.splitlines()
    assert [line.split(",")[1] for line in table[1:]] == said


@pytest.mark.filterwarnings("default:.*too short for anything")
def test_what_comes_next_and_what_is_too_short_to_be_heard(unrolled: Run, tunes: Path, tmp_path: Path) -> None:
    out = unrolled("fit", "transcribe", tunes / "new", "-o", tmp_path / "m", *TINY).out
    assert out.splitlines()[-1] == f"next: unrolled transcribe {tmp_path / 'm'} {tunes / 'new'}"
    first = tunes / "new" / "000.wav"
    (tmp_path / "one.tsv").write_text(f"{first}\tab\n" * 4)
    out = unrolled("fit", "transcribe", tmp_path / "one.tsv", "-o", tmp_path / "m", *TINY).out
    assert out.splitlines()[-1] == f"next: unrolled transcribe {tmp_path / 'm'} {first}"
    named = unrolled("predict", tunes / "m", tmp_path / "one.tsv").out.splitlines()
    heard = library.load(tunes / "m").predict([read_wav(first)])[0]
    assert [row.split(",")[:2] for row in named[1:]] == [[str(n), heard] for n in range(1, 5)]
    short = tmp_path / "short"
    short.mkdir()
    write(short / "click.wav", [0.5])
    said = f"unrolled: warning: {short / 'click.wav'} has 1 sample, and a frame has 100: it is too short for anything to be"
    for command in ("transcribe", "predict"):
        outcome = unrolled(command, tunes / "m", short)
        assert (outcome.code, outcome.err.startswith(said)) == (0, True), outcome.err
    outcome = unrolled("transcribe", tunes / "m", short / "click.wav", "--stream")
    assert (outcome.code, "the stream has 1 sample, and a frame has 100" in outcome.err) == (0, True)


def test_a_stream_shows_what_is_said_as_it_is_heard(unrolled: Run, tunes: Path) -> None:
    file = tunes / "new" / "000.wav"
    lines = unrolled("transcribe", tunes / "m", file, "--stream").out.splitlines()
    assert lines[-1].split("\t")[1] == unrolled("transcribe", tunes / "m", file).out.strip()
    assert [float(line.split("\t")[0]) for line in lines] == sorted(float(line.split("\t")[0]) for line in lines)
    refused(
        unrolled("transcribe", tunes / "m", file, "--stream", "--times"), "--stream shows what is said as it is heard"
    )


def test_evaluate(unrolled: Run, tunes: Path) -> None:
    outcome = unrolled("evaluate", tunes / "m", tunes / "new")
    assert outcome.out.startswith(f"{tunes / 'new'}: 12 items, exact ")
    found = json.loads(unrolled("evaluate", tunes / "m", tunes / "new", "--json", "--beam", 1).out)
    X = [read_wav(file) for file in sorted((tunes / "new").glob("*.wav"))]
    y = [file.read_text().strip() for file in sorted((tunes / "new").glob("*.txt"))]
    expected = library.load(tunes / "m").set_params(beam_size=1).evaluate(X, y)
    assert {name: found[name] for name in expected} == pytest.approx(expected)
    assert found["character_error_rate"] < 0.4


def test_tables_of_files_and_transcripts(unrolled: Run, tunes: Path, tmp_path: Path) -> None:
    folder = tmp_path / "f"
    texts = record(folder, 6, 2)
    for text in folder.glob("*.txt"):
        text.unlink()
    pairs = [(f"{n:03}.wav", text) for n, text in enumerate(texts)]
    (folder / "t.tsv").write_text("".join(f"{name}\t{text}\n" for name, text in pairs))
    (tmp_path / "t.csv").write_text("wav,words\n" + "".join(f"{name},{text}\n" for name, text in pairs))
    lines = "".join(json.dumps({"source": name, "target": text}) + "\n" for name, text in pairs)
    (folder / "t.jsonl").write_text(lines)
    found = [unrolled("evaluate", tunes / "m", *given, "--json").out for given in (
        [folder / "t.tsv"], [folder, "--transcripts", tmp_path / "t.csv", "--source", "wav", "--target", "words"],
        [folder / "t.jsonl"],
    )]  # fmt: skip
    assert len({json.loads(each)["character_error_rate"] for each in found}) == 1
    with open_transcripts(folder / "t.tsv") as opened:
        examples = opened.read()
    assert (examples.targets, str(examples.places[1])) == (texts, "line 2")
    (folder / "t.tsv").write_text("000.wav\ta\nnone.wav\tb\n")
    refused(
        unrolled("fit", "transcribe", folder / "t.tsv", *TINY),
        f"{folder / 't.tsv'}, line 2: {folder / 'none.wav'} does",
    )
    refused(unrolled("fit", "transcribe", folder, *TINY), f"{folder / '000.wav'} has no transcript: expected it in")


def test_steps_of_numbers(unrolled: Run, tmp_path: Path) -> None:
    lines = [{"source": np.eye(2)[[0, 0, 1, 1]].tolist(), "target": "ab"}, {"source": [[0, 1]] * 3, "target": "b"}] * 6
    (tmp_path / "pen.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert unrolled("fit", "transcribe", tmp_path / "pen.jsonl", "-o", tmp_path / "m", *TINY).code == 0
    rows = unrolled("predict", tmp_path / "m", tmp_path / "pen.jsonl", "--times").out.splitlines()
    assert rows[0] == "line,symbol,start,end,confidence" or rows == []
    assert json.loads(unrolled("evaluate", tmp_path / "m", tmp_path / "pen.jsonl", "--json").out)["items"] == 12
    refused(unrolled("transcribe", tmp_path / "m", tmp_path / "pen.jsonl"), f"{tmp_path / 'm'} reads steps of numbers")
    refused(
        unrolled("fit", "transcribe", tmp_path / "pen.jsonl", "--speed", 0.1, *TINY),
        f"{tmp_path / 'pen.jsonl'} holds sequences of numbers; --speed is for recordings: leave it out",
    )


def test_transcripts_that_cannot_be_learned_are_named_by_their_files(
    unrolled: Run, tunes: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "f"
    record(folder, 6, 3)
    command = ["fit", "transcribe", folder, "-o", tmp_path / "m", *TINY]
    (folder / "002.txt").write_text("ab" * 500)
    refused(unrolled(*command), f"{folder}, file '002.wav': the transcript has 1000 symbols for ")
    (folder / "002.txt").write_text(" \n")
    refused(unrolled(*command), f"{folder / '002.txt'} is empty: what is said in {folder / '002.wav'}?")
    (folder / "002.txt").write_bytes(b"a\xff")
    refused(unrolled(*command), f"{folder / '002.txt'}: byte 1 is no UTF-8")
    (folder / "002.txt").write_text("abz")
    refused(
        unrolled("fit", "transcribe", tunes / "new", "--validation", folder, "-o", tmp_path / "m", *TINY),
        f"{folder}, file '002.wav': the transcript has the symbol 'z', which no transcript that is learned from has",
    )
    (folder / "002.txt").write_text("ab")
    (folder / "003.wav").write_bytes((folder / "003.wav").read_bytes()[:-90])
    refused(unrolled(*command), f"{folder / '003.wav'} was cut: its header promises 90 more bytes")
    write(folder / "003.wav", np.zeros(999), 8000)
    refused(unrolled(*command), f"{folder / '003.wav'} has 8000 samples a second")
    assert not (tmp_path / "m").exists()


def test_what_transcribe_refuses(unrolled: Run, tunes: Path, tmp_path: Path) -> None:
    file = tunes / "new" / "000.wav"
    refused(unrolled("transcribe", tunes / "m", file, "--beam", 0), "--beam")
    refused(unrolled("transcribe", tunes / "m", tmp_path / "none.wav"), f"{tmp_path / 'none.wav'} does not exist")
    refused(
        unrolled("transcribe", tunes / "m", file, "--language-weight", 2),
        "--language-weight is 2.0, expected 0.5 without",
    )
    other = f"{tunes / 'm'} is a transcriber, which translates nothing: run it by unrolled transcribe"
    refused(unrolled("translate", tunes / "m", file), other)
    write(tmp_path / "fast.wav", np.zeros(999), 8000)
    for more in ([], ["--stream"]):
        refused(
            unrolled("transcribe", tunes / "m", tmp_path / "fast.wav", *more),
            f"{tmp_path / 'fast.wav'} has 8000 samples",
        )
    assert unrolled("fit", "transcribe", tunes / "new", "-o", tmp_path / "both", *TINY).code == 0
    refused(unrolled("transcribe", tmp_path / "both", file, "--stream"), "the model reads items in both directions")
    (tmp_path / "notes.en").write_text("a\n")
    with pytest.raises(InputError, match="expected a folder of WAV files, each with a"):
        open_transcripts(tmp_path / "notes.en")
    with pytest.raises(InputError, match="is a single recording"):
        open_transcripts(file)
    with pytest.raises(InputError, match="is no folder: transcripts= is for a folder"):
        open_transcripts(tunes / "m", tmp_path / "t.csv")
