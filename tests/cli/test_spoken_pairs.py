"""fit translate on recordings and what is said in them, and translate, predict and evaluate with its models."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import unrolled as library
from unrolled.cli.app import run
from unrolled.data.wav import read_wav
from unrolled.data.wav_writing import wav_bytes

pytest.importorskip("soundfile")
Run = Callable[..., Any]
RATE = 4000
PITCH = {"low": 300, "high": 1200}
TINY = ["--max-epochs", 1, "--hidden-size", 4, "--embedding-size", 4]
LEARNS = [
    "--max-epochs", 20, "--hidden-size", 12, "--embedding-size", 8, "--learning-rate", 0.03, "--hear", "log_mel",
    "--mel-bands", 8, "--frame", 0.05, "--hop", 0.05,
]  # fmt: skip


def record(folder: Path, count: int, seed: int) -> list[str]:
    """A folder of tones with a text beside each, and the texts."""
    folder.mkdir()
    rng, texts = np.random.default_rng(seed), []
    for n in range(count):
        said = rng.choice(list(PITCH), rng.integers(1, 3)).tolist()
        tones = [0.5 * np.sin(2 * np.pi * PITCH[each] * np.arange(800) / RATE) for each in said]
        samples = np.concatenate([part for tone in tones for part in (tone, np.zeros(400))])
        (folder / f"{n:03}.wav").write_bytes(wav_bytes(samples + 0.01 * rng.normal(size=len(samples)), RATE))
        (folder / f"{n:03}.txt").write_text(" ".join(said) + "\n")
        texts.append(" ".join(said))
    return texts


@pytest.fixture(scope="session")
def tones(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of tones, another one, and beside them a model that has learned the first."""
    folder = tmp_path_factory.mktemp("tones")
    record(folder / "train", 60, 0)
    record(folder / "new", 8, 1)
    assert run([*map(str, ["fit", "translate", folder / "train", "-o", folder / "m", *LEARNS])]) == 0
    return folder


def test_recordings_are_heard_as_the_options_say(unrolled: Run, tones: Path, tmp_path: Path) -> None:
    features = library.load(tones / "m").model_.inputs.features
    assert (features.kind, features.mel_bands, features.window, features.hop, features.rate) == (
        "log_mel",
        8,
        0.05,
        0.05,
        RATE,
    )
    outcome = unrolled("fit", "translate", tones / "new", "-o", tmp_path / "m", *TINY)
    assert outcome.err.splitlines()[0].startswith(
        f"{tones / 'new'}: 8 recordings of 0.3 to 0.6 seconds, targets of 1 to 2 words"
    )
    assert outcome.out.splitlines()[-1] == f"next: unrolled translate {tmp_path / 'm'} {tones / 'new'}"
    assert library.load(tmp_path / "m").audio is None  # nothing was said of it
    outcome = unrolled("fit", "translate", tones / "new", "--frame", 1e-5, "-o", tmp_path / "m", *TINY)
    assert (outcome.code, "--frame is 1e-05, expected seconds, at least 2 / 4000" in outcome.err) == (2, True), (
        outcome.err
    )


def test_answers_and_measures(unrolled: Run, tones: Path) -> None:
    files = sorted((tones / "new").glob("*.wav"))
    texts = [file.with_suffix(".txt").read_text().strip() for file in files]
    model = library.load(tones / "m")
    said = model.predict([read_wav(file) for file in files])
    assert np.mean([own == text for own, text in zip(said, texts, strict=True)]) > 0.6
    assert unrolled("translate", tones / "m", tones / "new").out.splitlines() == said
    assert unrolled("translate", tones / "m", files[0]).out.splitlines() == said[:1]
    table = unrolled("predict", tones / "m", tones / "new").out.splitlines()
    assert [line.split(",")[:2] for line in table[1:]] == [
        [file.name, text] for file, text in zip(files, said, strict=True)
    ]
    found = json.loads(unrolled("evaluate", tones / "m", tones / "new", "--json").out)
    assert found["items"] == 8
    assert found["exact"] == np.mean([own == text for own, text in zip(said, texts, strict=True)])


def test_tables_name_recordings(unrolled: Run, tones: Path, tmp_path: Path) -> None:
    texts = record(tmp_path / "f", 4, 3)
    pairs = [(f"{n:03}.wav", text) for n, text in enumerate(texts)]
    (tmp_path / "f" / "t.tsv").write_text("".join(f"{name}\t{text}\n" for name, text in pairs))
    (tmp_path / "t.csv").write_text("wav,words\n" + "".join(f"{name},{text}\n" for name, text in pairs))
    found = [unrolled("evaluate", tones / "m", *given, "--json").out for given in (
        [tmp_path / "f"], [tmp_path / "f" / "t.tsv"],
        [tmp_path / "f", "--transcripts", tmp_path / "t.csv", "--source", "wav", "--target", "words"],
    )]  # fmt: skip
    assert len({json.loads(each)["perplexity"] for each in found}) == 1
    given = [tmp_path / "f" / "t.tsv", "--validation", tones / "new", "-o", tmp_path / "m", *TINY]
    assert unrolled("fit", "translate", *given).code == 0
    assert library.load(tmp_path / "m").item_kind_ == "audio"


def test_what_comes_next_reads_the_table_that_was_learned_from(unrolled: Run, tones: Path, tmp_path: Path) -> None:
    texts = record(tmp_path / "f", 4, 3)
    table = tmp_path / "t.csv"
    table.write_text("n,file,text\n" + "".join(f"{n},f/{n:03}.wav,{text}\n" for n, text in enumerate(texts)))
    given = [table, "--source", "file", "--target", "text", "-o", tmp_path / "m", *TINY]
    following = unrolled("fit", "translate", *given).out.splitlines()[-1]
    assert following == f"next: unrolled translate {tmp_path / 'm'} {table}"
    files = [tmp_path / "f" / f"{n:03}.wav" for n in range(4)]
    said = library.load(tmp_path / "m").predict([read_wav(file) for file in files])
    out = unrolled(*following.split()[2:])
    assert (out.code, out.out.splitlines()) == (0, said), out.err
    rows = unrolled("predict", tmp_path / "m", table).out.splitlines()
    assert [row.split(",")[0] for row in rows] == ["line", "2", "3", "4", "5"]
    (tmp_path / "names.txt").write_text("".join(f"f/{file.name}\n" for file in files))
    (tmp_path / "said.txt").write_text("".join(f"{text}\n" for text in texts))
    (tmp_path / "names.jsonl").write_text("".join(json.dumps({"source": f"f/{file.name}"}) + "\n" for file in files))
    expected = library.load(tones / "m").predict([read_wav(file) for file in files])
    for name in ("names.txt", "names.jsonl"):
        assert unrolled("translate", tones / "m", tmp_path / name).out.splitlines() == expected
    wanted = [{"source": f"f/{file.name}", "prefix": "high"} for file in files]
    (tmp_path / "wanted.jsonl").write_text("".join(json.dumps(each) + "\n" for each in wanted))
    begun = unrolled("translate", tones / "m", tmp_path / "wanted.jsonl").out.splitlines()
    assert [each.split()[0] for each in begun] == ["high"] * 4
    given = [tmp_path / "names.txt", tmp_path / "said.txt", "-o", tmp_path / "two", *TINY]
    following = unrolled("fit", "translate", *given).out.splitlines()[-1]
    assert unrolled(*following.split()[2:]).code == 0


@pytest.mark.filterwarnings("default:.*too short for anything")
def test_what_is_wrong_with_recordings_is_named(unrolled: Run, tones: Path, tmp_path: Path) -> None:
    record(tmp_path / "f", 4, 3)
    out = unrolled("fit", "translate", tmp_path / "f", tmp_path / "f" / "000.txt", *TINY)
    assert (out.code, f"{tmp_path / 'f'} is a folder, whose targets are no lines of" in out.err) == (2, True)
    (tmp_path / "a.en").write_text("a\n")
    out = unrolled("fit", "translate", tmp_path / "a.en", tmp_path / "a.en", "--transcripts", tmp_path / "a.en", *TINY)
    assert (out.code, f"{tmp_path / 'a.en'} is no folder: --transcripts is for a folder" in out.err) == (2, True), (
        out.err
    )
    for command in ("translate", "predict"):
        out = unrolled(command, tones / "m", tmp_path / "a.en")
        said = f"{tones / 'm'} reads recordings; give it a WAV file, a folder of them, or a table that names them"
        assert (out.code, out.err.strip()) == (2, f"unrolled: {tmp_path / 'a.en'}: {said}")
        (tmp_path / "a.mp3").write_bytes(b"ID3\xff\xfb\x90")
        for other in (tmp_path / "a.mp3", "-"):
            out = unrolled(command, tones / "m", other)
            assert (out.code, out.err.strip()) == (2, f"unrolled: {other}: {said}")
        (tmp_path / "names.csv").write_text("file,text\nnone.wav,low\n")
        out = unrolled(command, tones / "m", tmp_path / "names.csv", "--source", "file")
        assert (out.code, f"{tmp_path / 'none.wav'} does not exist" in out.err) == (2, True), out.err
    (tmp_path / "f" / "000.wav").write_bytes(wav_bytes(np.full(1, 0.5), RATE))
    out = unrolled("translate", tones / "m", tmp_path / "f")
    assert (out.code, f"warning: {tmp_path / 'f' / '000.wav'} has 1 sample, and a frame has 200" in out.err) == (
        0,
        True,
    ), out.err
    (tmp_path / "f" / "001.txt").unlink()
    out = unrolled("fit", "translate", tmp_path / "f", "-o", tmp_path / "m", *TINY)
    assert (out.code, f"{tmp_path / 'f' / '001.wav'} has no transcript" in out.err) == (2, True)
    (tmp_path / "t.tsv").write_text("f/000.wav\tlow\nf/none.wav\thigh\n")
    out = unrolled("fit", "translate", tmp_path / "t.tsv", "-o", tmp_path / "m", *TINY)
    assert (out.code, f"line 2: {tmp_path / 'f' / 'none.wav'} does not exist" in out.err) == (2, True)
    (tmp_path / "text.tsv").write_text("one\tun\ntwo\tdeux\n")
    out = unrolled("evaluate", tones / "m", tmp_path / "text.tsv")
    assert (out.code, "holds texts, but" in out.err) == (2, True), out.err
