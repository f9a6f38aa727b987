"""The scripts about digits, spoken and written: a small cut of the examples, and what the benchmarks read."""

from __future__ import annotations

import io
import re
import runpy
import sys
import tarfile
import wave
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def benchmark(scripts_of):
    """What a script has, by name."""
    with scripts_of(ROOT / "benchmarks" / "accuracy") as load:
        yield lambda name: vars(load(name))


def run_example(monkeypatch, capsys, name, *arguments):
    monkeypatch.setattr(sys, "argv", [name, *map(str, arguments)])
    runpy.run_path(str(ROOT / "examples" / name), run_name="__main__")
    return capsys.readouterr().out


def tone(digit, seed=0):
    """A WAV file's bytes: the higher the digit, the higher the tone."""
    rng = np.random.default_rng(seed)
    t = np.arange(rng.integers(1000, 2000)) / 8000
    samples = 8000 * np.sin(2 * np.pi * (300 + 300 * digit) * t) + 100 * rng.normal(size=len(t))
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(8000)
        writer.writeframes(samples.astype("<i2").tobytes())
    return file.getvalue()


@pytest.fixture(scope="module")
def recordings():
    """Names as the Free Spoken Digit Dataset has them, in no order."""
    names = [(digit, speaker, index) for index in range(12) for speaker in ("lucas", "ann") for digit in (3, 0, 1)]
    return {f"{d}_{s}_{i}.wav": tone(d, seed) for seed, (d, s, i) in enumerate(names)}


def test_spoken_digits(recordings, tmp_path, monkeypatch, capsys):
    for name, content in recordings.items():
        (tmp_path / name).write_bytes(content)
    out = run_example(monkeypatch, capsys, "spoken_digits.py", tmp_path, "--small")
    assert out.startswith("9 recordings to learn from, 30 to test\n")
    assert "SequenceClassifier" in out
    out = run_example(monkeypatch, capsys, "spoken_digits.py", tmp_path, "--small", "--speaker", "ann")
    assert out.startswith("8 recordings to learn from, 36 to test\n")
    with pytest.raises(SystemExit):
        run_example(monkeypatch, capsys, "spoken_digits.py", tmp_path, "--small", "--speaker", "bob")
    assert "the speakers are ann, lucas" in capsys.readouterr().err


def test_spoken_digit_strings(recordings, tmp_path, monkeypatch, capsys):
    for name, content in recordings.items():
        (tmp_path / name).write_bytes(content)
    out = run_example(monkeypatch, capsys, "spoken_digit_string.py", tmp_path, "--small")
    assert out.startswith("100 strings to learn from, 20 to test\n")
    wrong = dict(re.findall(r"^(nearest recordings|CTCTranscriber) +(\S+)", out, re.MULTILINE))
    assert float(wrong["nearest recordings"]) < 0.2  # tones are easy to tell apart, but some pauses are short
    assert 0 <= float(wrong["CTCTranscriber"]) <= 1
    with pytest.raises(SystemExit):
        run_example(monkeypatch, capsys, "spoken_digit_string.py", tmp_path, "--small", "--speaker", "bob")
    assert "the speakers are ann, lucas" in capsys.readouterr().err


def test_a_spoken_word(recordings, tmp_path, monkeypatch, capsys):
    (tmp_path / "recordings").mkdir()
    for name, content in recordings.items():
        (tmp_path / "recordings" / name).write_bytes(content)
    given = [tmp_path / "recordings", "--small", "--speaker", "ann"]
    out = run_example(monkeypatch, capsys, "spoken_word.py", *given, "--wav", tmp_path / "said")
    assert out.startswith("7 recordings to learn from\n")
    assert set(re.findall(r"^(recordings|said|chance) +\d\.\d{3}", out, re.MULTILINE)) == {
        "recordings",
        "said",
        "chance",
    }
    assert sorted(path.name for path in (tmp_path / "said").iterdir()) == ["0.wav", "1.wav", "3.wav"]
    with pytest.raises(SystemExit):
        run_example(monkeypatch, capsys, "spoken_word.py", tmp_path / "recordings", "--speaker", "bob")
    assert "the speakers are ann, lucas" in capsys.readouterr().err


def test_strings_of_digits(benchmark, recordings, tmp_path):
    script = benchmark("digit_strings")
    with tarfile.open(tmp_path / "recordings.tar.gz", "w:gz") as tar:
        for name, content in recordings.items():
            member = tarfile.TarInfo(f"recordings/{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    digits = benchmark("spoken_digits")["read_digits"](tmp_path / "recordings.tar.gz")
    chosen = digits.speakers == "ann"
    found = script["strings"](digits, chosen, 30, 0, 3, 6)
    assert {len(each) for each in found.said} == {3, 4, 5, 6}
    assert {digit for said in found.said for digit in said} == {"0", "1", "3"}
    cuts = [(script["pieces"](waveform), said) for waveform, said in zip(found.waveforms, found.said, strict=True)]
    assert np.mean([len(pieces) == len(said) for pieces, said in cuts]) > 0.8  # some pauses are short
    for pieces, said in cuts:
        for piece, digit in zip(pieces, said, strict=False) if len(pieces) == len(said) else ():
            spectrum = np.abs(np.fft.rfft(piece.samples, 8000))
            assert spectrum.argmax() == pytest.approx(300 + 300 * int(digit), abs=8)
    learned = []

    def fit(digits, part, seed):
        learned.append(set(np.flatnonzero(part)))
        return lambda waveforms: [["0"] for _ in waveforms]

    guessing = script["rate_of"](fit, digits, chosen, 0, 20)
    assert guessing > 50
    assert not learned[0] & set(np.flatnonzero(chosen))
    assert script["rate_of"](script["support_vectors"], digits, digits.indices > 5, 0, 20) < guessing


def test_handwriting(monkeypatch, capsys):
    out = run_example(monkeypatch, capsys, "handwriting.py", "--small")
    shares = {line.split()[0]: float(line.split()[1]) for line in out.split("after row\n")[1].splitlines()}
    assert list(shares) == ["3", "4", "5", "6", "7", "8"]
    assert shares["8"] > 0.8


def test_the_archive_of_spoken_digits(benchmark, recordings, tmp_path):
    script = benchmark("spoken_digits")
    with tarfile.open(tmp_path / "recordings.tar.gz", "w:gz") as tar:
        for name, content in recordings.items():
            member = tarfile.TarInfo(f"recordings/{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
        tar.addfile(tarfile.TarInfo("recordings/LICENSE"))
    digits = script["read_digits"](tmp_path / "recordings.tar.gz")
    assert digits.y.tolist() == [0] * 24 + [1] * 24 + [3] * 24
    assert digits.speakers[:24].tolist() == ["ann"] * 12 + ["lucas"] * 12
    assert digits.indices[:12].tolist() == list(range(12))
    for n in (0, 30, 71):
        spectrum = np.abs(np.fft.rfft(digits.waveforms[n].samples, 8000))
        assert spectrum.argmax() == pytest.approx(300 + 300 * digits.y[n], abs=5)
    seen = []

    def score(X, y, X_test, y_test, seed):
        seen.append((len(X), len(X_test), set(y_test), seed))
        assert not {id(each) for each in X} & {id(each) for each in X_test}
        return 1.0

    assert script["known_speakers"](digits, score, 2) == [1.0, 1.0]
    assert script["unknown_speakers"](digits, score, 2) == [[1.0, 1.0], [1.0, 1.0]]
    known, unknown = (42, 30, {0, 1, 3}), (36, 36, {0, 1, 3})
    assert seen == [(*known, 0), (*known, 1), (*unknown, 0), (*unknown, 0), (*unknown, 1), (*unknown, 1)]
    assert script["support_vectors"](*digits.at(digits.indices > 5), *digits.at(digits.indices <= 5), 0) == 1.0


def test_strokes(benchmark, tmp_path):
    script = benchmark("pendigits")
    (tmp_path / "penbased.dat").write_text(
        "@relation penbased\n@data\n" + ", ".join(map(str, [*range(0, 32, 2), 7])) + "\n", encoding="ascii"
    )
    digits = script["read_strokes"](tmp_path / "penbased.dat")
    assert (digits.steps.shape, digits.y.tolist()) == ((1, 8, 6), [7])
    assert digits.steps[0, 0].tolist() == [0, 2, 0, 0, 4, 4]
    assert digits.steps[0, 3].tolist() == [12, 14, 4, 4, 4, 4]
    assert digits.steps[0, 7].tolist() == [28, 30, 4, 4, 0, 0]
    assert script["read_images"]().steps.shape == (1797, 8, 16)


def test_every_fold_is_tested_on_what_it_did_not_learn_from(benchmark):
    X = np.arange(100.0)[:, None]

    class Remembers:
        def fit(self, X, y):
            self.seen = set(X[:, 0])
            return self

        def score(self, X, y):
            assert len(X) == 10
            return float(not self.seen & set(X[:, 0]))

    assert benchmark("pendigits")["over_folds"](Remembers, X, np.arange(100) % 2, 10, "") == 1.0


def test_drawings_of_kanji(benchmark, tmp_path):
    kanji = benchmark("kanji_strokes")
    paths = ["M10,10c10,0,20,0,30,0s10,10,10,20", "M 50 20 C 50 30 50 40 50 80"]
    lines = "".join(f'<path id="s{n}" d="{path}"/>' for n, path in enumerate(paths))
    (tmp_path / "04e8c.svg").write_text(f"<svg>{lines}</svg>", encoding="utf-8")
    first, second = kanji["read_drawing"](tmp_path, "二")
    assert first.shape == (41, 2)
    np.testing.assert_allclose(first[[0, 20, 40]], [[10, 10], [40, 10], [50, 30]])
    np.testing.assert_allclose(first[10], [25, 10])  # straight, at an even pace
    t = 0.5  # the second curve leaves as the first arrives: its first control is (50, 10)
    middle = (1 - t) ** 3 * np.array([40, 10]) + 3 * t * (1 - t) ** 2 * np.array([50, 10])
    middle += 3 * t**2 * (1 - t) * np.array([50, 20]) + t**3 * np.array([50, 30])
    np.testing.assert_allclose(first[30], middle)
    np.testing.assert_allclose(second[:, 0], 50)
    rng = np.random.default_rng(0)
    drawn = [kanji["another"]([first, second], rng) for _ in range(20)]
    assert all(piece[:, 2].sum() == 2 and piece[-1, 2] == 1 for piece in drawn)
    seen = np.stack([kanji["ink"](piece) for piece in drawn])
    np.testing.assert_allclose(np.linalg.norm(seen, axis=1), 1)
    turned = kanji["ink"](drawn[0] * [-1, 1, 1])
    assert (seen[1:] @ seen[0]).min() > turned @ seen[0]  # all are more like the first than its mirror image is
