"""fit translate, translate, and predict and evaluate with its models."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import wave
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

import unrolled as library
from unrolled.cli.app import run
from unrolled.data.wav import Waveform
from unrolled.tasks.generation import seq2seq_model

Run = Callable[..., Any]
SVG = "{http://www.w3.org/2000/svg}"
TINY = ["--max-epochs", 1, "--hidden-size", 4, "--embedding-size", 4]
LEARNS = ["--max-epochs", 40, "--hidden-size", 16, "--embedding-size", 16, "--learning-rate", 0.02, "--dropout", 0]

NUMBERS = ["--max-epochs", 30, "--hidden-size", 8, "--learning-rate", 0.05]

WORDS = {"one": "un", "two": "deux", "three": "trois"}
ENGLISH = [f"{a} {b}" for a in WORDS for b in WORDS] * 4
FRENCH = [" ".join(WORDS[word] for word in text.split()) for text in ENGLISH]


def refused(outcome: Any, message: str) -> None:
    assert (outcome.code, outcome.out) == (2, ""), outcome.out
    assert outcome.err.splitlines()[-1].startswith(f"unrolled: {message}"), outcome.err


@pytest.fixture(scope="session")
def numbers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two parallel files, and beside them a model that has learned them."""
    folder = tmp_path_factory.mktemp("numbers")
    (folder / "train.en").write_text("\n".join(ENGLISH) + "\n")
    (folder / "train.fr").write_text("\n".join(FRENCH) + "\n")
    arguments = [folder / "train.en", folder / "train.fr", "-o", folder / "numbers.safetensors", *LEARNS]
    assert run(["fit", "translate", *map(str, arguments)]) == 0
    return folder / "numbers.safetensors"


def test_fit_says_what_it_read(unrolled: Run, numbers: Path, tmp_path: Path) -> None:
    files = [numbers.with_name("train.en"), numbers.with_name("train.fr")]
    outcome = unrolled("fit", "translate", *files, "-o", tmp_path / "m", "--validation-fraction", 0.25, *TINY)
    assert outcome.err.splitlines() == [
        f"{files[0]}: 36 pairs: sources of 2 words, targets of 2 words",
        "4 tokens that are said or unknown, 27 pairs learned from",
    ]
    assert outcome.out.startswith("On examples kept back: exact ")
    assert ", token error rate " in outcome.out
    assert f"next: unrolled translate {tmp_path / 'm'} {files[0]}" in outcome.out
    found = json.loads(unrolled("fit", "translate", *files, "-o", tmp_path / "m", "--json", *TINY).out)
    assert (found["items"], found["kind"], set(found["validation"])) == (
        36,
        "text",
        {"exact", "token_error_rate", "perplexity"},
    )
    outcome = unrolled(
        "fit",
        "translate",
        *files,
        "--validation",
        files[0],
        "--validation-targets",
        files[1],
        "-o",
        tmp_path / "m",
        *TINY,
    )
    assert outcome.out.startswith(f"On {files[0]}, examples kept back: exact ")


def test_a_line_in_a_line_out(unrolled: Run, numbers: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def typed(text: str) -> None:
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BufferedReader(io.BytesIO(text.encode()))))  # type: ignore[arg-type]

    typed("two one\r\nthree three")
    assert unrolled("translate", numbers).out == "deux un\ntrois trois\n"
    typed("two one\n")
    assert unrolled("translate", numbers, "-", "-o", tmp_path / "out.fr").out == ""
    assert (tmp_path / "out.fr").read_text() == "deux un\n"
    typed("two one\n")
    outcome = unrolled("translate", numbers, "--n-best", 3, "--beam", 4)
    lines = [line.split(",") for line in outcome.out.splitlines()]
    assert lines[0] == ["line", "rank", "answer", "log_p"]
    assert [line[:2] for line in lines[1:]] == [["1", "1"], ["1", "2"], ["1", "3"]]
    expected = library.load(numbers).predict_n_best(["two one"], 3)[0]
    assert [line[2] for line in lines[1:]] == [each.target for each in expected]
    assert [float(line[3]) for line in lines[1:]] == pytest.approx([each.log_p for each in expected], abs=1e-6)
    typed("two one\n")
    found = json.loads(unrolled("translate", numbers, "--json").out)
    assert (found["command"], found["predictions"][0]["answer"]) == ("translate", "deux un")


def test_what_predict_writes(unrolled: Run, numbers: Path, tmp_path: Path) -> None:
    (tmp_path / "new.csv").write_text("n,source\n7,one two\n8,three one\n")
    out = unrolled("predict", numbers, tmp_path / "new.csv").out
    assert [line.rpartition(",")[0] for line in out.splitlines()] == ["line,answer", "2,un deux", "3,trois un"]
    (tmp_path / "new.jsonl").write_text('{"en": "one two", "id": 3}\n')
    assert unrolled("predict", numbers, tmp_path / "new.jsonl", "--source", "en", "-o", tmp_path / "o.jsonl").code == 0
    row = json.loads((tmp_path / "o.jsonl").read_text())
    assert (row["line"], row["answer"]) == (1, "un deux")
    refused(unrolled("predict", numbers, tmp_path / "new.jsonl"), f"{tmp_path / 'new.jsonl'}, line 1: no key 'source'")
    refused(
        unrolled("predict", numbers, tmp_path / "new.csv", "--source", "de"),
        f"{tmp_path / 'new.csv'}: no column 'de' (--source); the columns are 'n', 'source'",
    )


def test_the_search_is_chosen_anew(unrolled: Run, numbers: Path, tmp_path: Path) -> None:
    (tmp_path / "new.txt").write_text("two one\n")
    outcome = unrolled("translate", numbers, tmp_path / "new.txt", "--max-length", 1, "--beam", 1)
    assert outcome.out == "deux\n"
    assert outcome.err == "1 answer has no end: cut where the most tokens are reached (--max-length)\n"
    (tmp_path / "new.txt").write_text("two two\n")
    assert unrolled("translate", numbers, tmp_path / "new.txt").out == "deux deux\n"
    blocked = unrolled("translate", numbers, tmp_path / "new.txt", "--block-ngrams", 1).out
    words = blocked.split()
    assert len(words) == len(set(words))
    model = library.load(numbers)
    assert model.set_params(max_length=1, beam_size=1).predict(["two one"]) == ["deux"]


def test_what_answers_begin_with_and_contain(unrolled: Run, numbers: Path, tmp_path: Path) -> None:
    (tmp_path / "new.txt").write_text("two one\none one\n")
    begun = unrolled("translate", numbers, tmp_path / "new.txt", "--prefix", "trois").out.splitlines()
    assert [line.split()[0] for line in begun] == ["trois", "trois"]
    held = unrolled("translate", numbers, tmp_path / "new.txt", "--phrase", "deux trois", "--phrase", "un").out
    for line in held.splitlines():
        assert "deux trois" in line
        assert "un" in line.split()
    expected = library.load(numbers).predict(["two one", "one one"], phrases=[["deux trois", "un"]] * 2)
    assert held.splitlines() == expected
    for option, text, message in (
        ("--prefix", "quatre", "--prefix: the model never says 'quatre'"),
        ("--phrase", "un vingt", "--phrase: the model never says 'vingt'"),
        ("--phrase", " ", "--phrase is empty: expected at least one token"),
        ("--prefix", "un " * 40, f"{tmp_path / 'new.txt'}, line 1: the prefix has 40 tokens, but answers at most"),
    ):
        out = tmp_path / "out.txt"
        refused(unrolled("translate", numbers, tmp_path / "new.txt", option, text, "-o", out), message)
        assert not out.exists()


def test_lines_say_what_their_answers_begin_with_and_contain(unrolled: Run, numbers: Path, tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"source": "two one"}, {"source": "two one", "prefix": "trois"}, {"source": "one", "phrases": ["deux trois", "un"]},
        {"source": "two one", "prefix": "", "phrases": []}, {"source": "two one", "prefix": None},
    ]  # fmt: skip
    file = tmp_path / "new.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    model = library.load(numbers)
    wanted = {"prefixes": ["", "trois", "", "", ""], "phrases": [[], [], ["deux trois", "un"], [], []]}
    expected = model.predict([row["source"] for row in rows], **wanted)
    assert expected[1].startswith("trois")
    assert "deux trois" in expected[2]
    assert unrolled("translate", numbers, file).out.splitlines() == expected
    table = unrolled("predict", numbers, file).out.splitlines()[1:]
    assert [line.split(",")[1] for line in table] == expected
    both = unrolled("translate", numbers, file, "--prefix", "un", "--phrase", "deux").out.splitlines()
    wanted = {
        "prefixes": ["un", "trois", "un", "", "un"],
        "phrases": [["deux"]] * 2 + [["deux trois", "un"], [], ["deux"]],
    }
    assert both == model.predict([row["source"] for row in rows], **wanted)
    for row, message in (
        ({"prefix": "quatre"}, "'prefix': the model never says 'quatre'"),
        ({"prefix": 3}, "'prefix' is 3, expected a text"),
        ({"prefix": ["un"]}, "'prefix' is ['un'], expected a text"),
        ({"phrases": "un"}, "'phrases' is 'un', expected a list of phrases"),
        ({"phrases": [""]}, "'phrases' is empty: expected at least one token"),
        ({"prefix": "un " * 40}, "the prefix has 40 tokens, but answers at most"),
        ({"phrases": ["un", "un " * 40]}, "the phrase has 40 tokens, but answers at most"),
    ):
        lines = [{"source": "one"}, {"source": "two one three one"}, {"source": "one", **row}]
        file.write_text("".join(json.dumps(each) + "\n" for each in lines))
        refused(unrolled("translate", numbers, file, "-o", tmp_path / "out"), f"{file}, line 3: {message}")


def test_tokens_of_lines(unrolled: Run, tmp_path: Path) -> None:
    rows = [{"source": "ab", "target": ["A", "B"]}, {"source": "ba", "target": ["B", "A"]}] * 6
    (tmp_path / "pairs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert unrolled("fit", "translate", tmp_path / "pairs.jsonl", "-o", tmp_path / "m", *TINY).code == 0
    new = [{"source": "ab", "prefix": "B B"}, {"source": "ab", "prefix": ["A"], "phrases": ["B A", ["A", "A"]]}]
    (tmp_path / "new.jsonl").write_text("".join(json.dumps(row) + "\n" for row in new))
    said = unrolled("translate", tmp_path / "m", tmp_path / "new.jsonl").out.splitlines()
    expected = library.load(tmp_path / "m").predict(
        ["ab", "ab"], prefixes=[["B", "B"], ["A"]], phrases=[[], [["B", "A"], ["A", "A"]]]
    )
    assert said == [" ".join(each) for each in expected]


def test_sources_that_are_their_own_targets_are_noticed(unrolled: Run, numbers: Path, tmp_path: Path) -> None:
    file = numbers.with_name("train.en")
    outcome = unrolled("fit", "translate", file, file, "-o", tmp_path / "m", *TINY)
    assert outcome.code == 0
    assert outcome.err.splitlines()[0] == f"{file} is given twice: the model learns to repeat its sources"
    (tmp_path / "copy").write_bytes(file.read_bytes())
    outcome = unrolled("fit", "translate", file, tmp_path / "copy", "-o", tmp_path / "m", *TINY)
    said = f"{file} and {tmp_path / 'copy'} say the same line by line: the model learns to repeat its sources"
    assert outcome.err.splitlines()[0] == said
    outcome = unrolled("evaluate", numbers, file, "--targets", file)
    said = f"{file} is given twice: the measures say how well the model repeats its sources"
    assert (outcome.code, outcome.err.splitlines()[0]) == (0, said)


def test_attention_is_drawn(unrolled: Run, numbers: Path, tmp_path: Path) -> None:
    picture = tmp_path / "attention.svg"
    (tmp_path / "new.txt").write_text("\n".join(ENGLISH[:9] * 2))
    for command in ("translate", "predict"):
        outcome = unrolled(command, numbers, tmp_path / "new.txt", "--attention", picture)
        assert outcome.err == f"wrote {picture} (12 pictures)\n"
        root = ElementTree.parse(picture).getroot()
        assert len(list(root.iter(f"{SVG}svg"))) == 1 + 12
        hints = [each.text or "" for each in root.iter(f"{SVG}title")]
        assert "un, one: " in hints[0]
        picture.unlink()
    model = library.load(numbers)
    weights = model.attention_weights(["two one"])[0]
    hints = [each.text for each in ElementTree.fromstring(model.plot(["two one"]).svg).iter(f"{SVG}title")]
    assert f"deux, two: {weights[0, 0]:.2f}" in hints
    refused(
        unrolled("translate", numbers, tmp_path / "new.txt", "--attention", tmp_path / "new.txt"),
        f"cannot write {tmp_path / 'new.txt'}",
    )
    refused(
        unrolled("translate", numbers, tmp_path / "new.txt", "--attention", tmp_path / "no" / "a.svg"),
        f"cannot write {tmp_path / 'no' / 'a.svg'}: there is no folder",
    )
    refused(
        unrolled("translate", numbers, tmp_path / "new.txt", "--attention", tmp_path / "a.png"),
        f"--attention {tmp_path / 'a.png'}: pictures are written as SVG; name a file that ends in .svg",
    )


def test_evaluation(unrolled: Run, numbers: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = [numbers.with_name("train.en"), "--targets", numbers.with_name("train.fr")]
    found = json.loads(unrolled("evaluate", numbers, *files, "--json").out)
    expected = library.load(numbers).evaluate(ENGLISH, FRENCH)
    assert found["items"] == 36
    assert found["exact"] == expected["exact"] == 1
    assert (found["word_error_rate"], found["character_error_rate"]) == (0, 0)
    assert found["perplexity"] == pytest.approx(expected["perplexity"])
    (tmp_path / "other.tsv").write_text("source\ttarget\none two\tun trois\ntwo two\tdeux deux\n")
    found = json.loads(unrolled("evaluate", numbers, tmp_path / "other.tsv", "--json").out)
    assert (found["exact"], found["word_error_rate"]) == (0.5, 0.25)
    assert found["character_error_rate"] == 5 / 17  # trois for deux: four letters and one more
    monkeypatch.setitem(sys.modules, "sacrebleu", None)
    outcome = unrolled("evaluate", numbers, tmp_path / "other.tsv")
    assert "BLEU needs the package 'sacrebleu'; in a checkout of unrolled: pip install '.[translate]'" in outcome.err
    assert "BLEU" not in outcome.out


def test_bleu_where_it_is_installed(unrolled: Run, numbers: Path) -> None:
    sacrebleu = pytest.importorskip("sacrebleu")
    found = json.loads(
        unrolled(
            "evaluate", numbers, numbers.with_name("train.en"), "--targets", numbers.with_name("train.fr"), "--json"
        ).out
    )
    assert found["chrf"] == pytest.approx(sacrebleu.corpus_chrf(FRENCH, [FRENCH]).score)
    assert found["bleu"] == pytest.approx(sacrebleu.corpus_bleu(FRENCH, [FRENCH]).score)


def test_dictionaries(unrolled: Run, tmp_path: Path) -> None:
    lines = ["ab\ta b", "ab\tA B", "ba\tb a", "aab\ta a b", "b\tb"] * 3
    (tmp_path / "words.dict").write_text("\n".join(lines))
    outcome = unrolled("fit", "translate", tmp_path / "words.dict", "-o", tmp_path / "m", *LEARNS)
    assert outcome.err.splitlines()[:2] == [
        "words are read letter by letter",
        f"{tmp_path / 'words.dict'}: 15 pairs: sources of 1 to 3 letters, targets of 1 to 3 tokens",
    ]
    found = json.loads(unrolled("evaluate", tmp_path / "m", tmp_path / "words.dict", "--json").out)
    assert found["items"] == 4
    assert {"exact", "exact_kind", "token_error_rate", "token_error_rate_kind"} <= set(found)
    assert found["exact_kind"] >= found["exact"]
    model = library.load(tmp_path / "m")
    said = model.predict(["ab", "ba", "aab", "b"])
    right = [[["a", "b"], ["A", "B"]], [["b", "a"]], [["a", "a", "b"]], [["b"]]]
    assert found["exact_kind"] == sum(one in several for one, several in zip(said, right, strict=True)) / 4
    (tmp_path / "new.txt").write_text("ba\n")
    assert unrolled("translate", tmp_path / "m", tmp_path / "new.txt").out == f"{' '.join(said[1])}\n"
    out = unrolled("predict", tmp_path / "m", tmp_path / "words.dict", "-o", tmp_path / "o.jsonl")
    assert out.err == f"wrote {tmp_path / 'o.jsonl'} (4 items)\n"
    assert json.loads((tmp_path / "o.jsonl").read_text().splitlines()[0])["answer"] == said[0]


def test_tokens_and_texts(unrolled: Run, numbers: Path, tmp_path: Path) -> None:
    """A model of lists of tokens reads texts at their blanks; one of texts refuses lists."""
    rows = [{"source": a.split(), "target": b.split()} for a, b in zip(ENGLISH, FRENCH, strict=True)]
    (tmp_path / "pairs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert unrolled("fit", "translate", tmp_path / "pairs.jsonl", "-o", tmp_path / "m", *TINY).code == 0
    model = library.load(tmp_path / "m")
    (tmp_path / "new.tsv").write_text("one two\tun deux\n")
    out = unrolled("translate", tmp_path / "m", tmp_path / "new.tsv").out
    assert out == " ".join(model.predict([["one", "two"]])[0]) + "\n"
    assert unrolled("evaluate", tmp_path / "m", tmp_path / "new.tsv").code == 0
    refused(
        unrolled("predict", numbers, tmp_path / "pairs.jsonl"),
        f"{tmp_path / 'pairs.jsonl'} holds texts in tokens, but {numbers} was trained on texts",
    )
    rows = [{"source": "one", "target": ["un"]}]
    (tmp_path / "lists.jsonl").write_text(json.dumps(rows[0]))
    refused(
        unrolled("evaluate", numbers, tmp_path / "lists.jsonl"),
        f"{tmp_path / 'lists.jsonl'}, line 1: the target is a list of tokens, but the model says texts",
    )


def test_columns_are_remembered(unrolled: Run, tmp_path: Path) -> None:
    rows = "".join(f"{n},{b},{a}\n" for n, (a, b) in enumerate(zip(ENGLISH, FRENCH, strict=True)))
    (tmp_path / "a.csv").write_text(f"id,French,English\n{rows}")
    named = ["--source", "English", "--target", "French"]
    assert unrolled("fit", "translate", tmp_path / "a.csv", *named, "-o", tmp_path / "m", *TINY).code == 0
    model = library.load(tmp_path / "m")
    (tmp_path / "new.tsv").write_text("French\tEnglish\nun\tone two\n")
    expected = model.predict(["one two"])[0] + "\n"
    assert unrolled("translate", tmp_path / "m", tmp_path / "new.tsv").out == expected
    assert unrolled("evaluate", tmp_path / "m", tmp_path / "a.csv").code == 0
    (tmp_path / "other.tsv").write_text("one two\tun deux\n")  # which has no names at all
    assert unrolled("translate", tmp_path / "m", tmp_path / "other.tsv").out == expected
    (tmp_path / "new.jsonl").write_text('{"English": "one two", "source": "three"}')
    assert unrolled("translate", tmp_path / "m", tmp_path / "new.jsonl").out == expected
    (tmp_path / "new.jsonl").write_text('{"source": "one two"}')
    assert unrolled("translate", tmp_path / "m", tmp_path / "new.jsonl").out == expected


def test_sources_of_numbers(unrolled: Run, tmp_path: Path) -> None:
    rows = [{"source": [[n % 2, 1], [n % 3, 0]], "target": ["up", "down"][n % 2]} for n in range(12)]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    outcome = unrolled("fit", "translate", tmp_path / "a.jsonl", "-o", tmp_path / "m", *NUMBERS)
    assert f"{tmp_path / 'a.jsonl'}: 12 pairs: sources of 2 steps, targets of 1 word" in outcome.err
    expected = library.load(tmp_path / "m").predict([row["source"] for row in rows])
    assert unrolled("translate", tmp_path / "m", tmp_path / "a.jsonl").out.splitlines() == expected
    found = json.loads(unrolled("evaluate", tmp_path / "m", tmp_path / "a.jsonl", "--json").out)
    assert found["exact"] == sum(a == row["target"] for a, row in zip(expected, rows, strict=True)) / 12
    assert unrolled("translate", tmp_path / "m", tmp_path / "a.jsonl", "--attention", tmp_path / "a.svg").code == 0
    refused(
        unrolled("translate", tmp_path / "m", tmp_path / "a.jsonl", "--max-length", 0),
        "--max-length is 0, expected from 1 to 20001",
    )
    assert not any(library.load(tmp_path / "m").set_params(max_length=1).predict([[[1.0, 1.0]]])[0])
    outcome = unrolled(
        "translate", tmp_path / "m", tmp_path / "a.jsonl", "--max-length", 1, "--attention", tmp_path / "b.svg"
    )
    assert f"{tmp_path / 'b.svg'} is not written: no answer has a token" in outcome.err
    sized = ["fit", "translate", tmp_path / "a.jsonl", "-o", tmp_path / "sized", *TINY]  # the targets' embeddings
    assert unrolled(*sized).code == 0
    assert library.load(tmp_path / "sized").model_.shape.symbol_size == 4
    refused(
        unrolled(*sized, "--min-count", 2),
        f"{tmp_path / 'a.jsonl'} holds sequences of numbers; --min-count is for texts and texts in tokens: leave it out",
    )
    (tmp_path / "b.jsonl").write_text('{"source": [[1, 2, 3]]}')
    refused(
        unrolled("translate", tmp_path / "m", tmp_path / "b.jsonl"),
        f"{tmp_path / 'b.jsonl'}, line 1: 3 numbers a step, but {tmp_path / 'm'} was trained on 2",
    )


def test_a_model_of_recordings_reads_a_folder(unrolled: Run, tmp_path: Path) -> None:
    samples = [np.sin(np.arange(800) * pitch).astype(np.float32) for pitch in (0.2, 0.9)]
    X = [Waveform(each, 4000, f"{n}.wav") for n, each in enumerate(samples)]
    model = library.Seq2Seq(hidden_size=4, embedding_size=4, max_epochs=2, random_state=0).fit(X, ["low", "high"])
    model.save(tmp_path / "m")
    (tmp_path / "sounds").mkdir()
    for n, each in enumerate(samples):
        with wave.open(str(tmp_path / "sounds" / f"{n}.wav"), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(4000)
            file.writeframes((each * 32767).round().astype("<i2").tobytes())
    out = unrolled("translate", tmp_path / "m", tmp_path / "sounds").out
    assert out.splitlines() == model.predict(X)
    (tmp_path / "new.txt").write_text("low\n")
    assert unrolled("translate", tmp_path / "m", tmp_path / "new.txt").code == 2


def test_wrong_input(unrolled: Run, numbers: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    new, out = tmp_path / "new.txt", tmp_path / "out.txt"
    for content, message in {
        "one\n\ntwo\n": f"{new}, line 2: the source is empty; fill it or leave the line out",
        "one two\n東京 四\n": f"{new}, line 2: '東京 四': {numbers} knows none of its tokens; give a source like those it was",
        "": f"{new}: 0 items, need at least 1",
    }.items():
        new.write_text(content)
        refused(unrolled("translate", numbers, new, "-o", out, "--attention", tmp_path / "a.svg"), message)
        assert [each.name for each in tmp_path.iterdir()] == ["new.txt"]
    new.write_text("one two\n")
    for option, message in {
        "--beam": "--beam-size is 0, expected from 1 to 1000",
        "--n-best": "--n-best is 0, expected from 1 to 1000",
        "--max-length": "--max-length is 0, expected from 1 to 20001",
    }.items():
        refused(unrolled("translate", numbers, new, option, 0), message)
    refused(
        unrolled("predict", numbers, new, "--probabilities"),
        f"{numbers} is a translator, for which --probabilities means nothing: leave it out",
    )
    where = f"{new}: nothing says where a source ends and its target begins; expected two files"
    refused(unrolled("evaluate", numbers, new), f"{where} (--targets), a line a sentence each, or one")
    refused(unrolled("fit", "translate", new), f"{where}, a line a sentence each, or one")
    refused(unrolled("translate", numbers, tmp_path / "none"), f"{tmp_path / 'none'}: no such file")
    refused(unrolled("fit", "translate", tmp_path), f"{tmp_path} holds no files that end in .wav")
    refused(
        unrolled("fit", "translate", new, "--validation-targets", new, *TINY),
        f"--validation-targets {new}: whose targets? name the sources with --validation",
    )
    refused(
        unrolled("fit", "translate", new, new, "--validation", new, *TINY),
        f"--validation {new}: where are its targets? name their file by --validation-targets",
    )
    (tmp_path / "long.tsv").write_text("a\tb\n" * 3 + "a\t" + "b " * 40 + "\n")
    monkeypatch.setattr("unrolled.tasks.generation.seq2seq.LONGEST", 30)
    assert seq2seq_model.LONGEST > 30
    refused(
        unrolled("fit", "translate", tmp_path / "long.tsv", "-o", tmp_path / "m", *TINY),
        f"{tmp_path / 'long.tsv'}, line 4: the target has 40 tokens, expected at most 30",
    )
    assert not (tmp_path / "m").exists()


def test_a_window_of_attention_is_none_of_recordings(unrolled: Run, numbers: Path, tmp_path: Path) -> None:
    files = [numbers.with_name("train.en"), numbers.with_name("train.fr")]
    given = ["--reach", "local_m", "--window", 3, "-o", tmp_path / "m", *TINY]
    assert unrolled("fit", "translate", *files, *given).code == 0
    assert library.load(tmp_path / "m").window == 3
    refused(
        unrolled("fit", "translate", *files, "--frame", 0.05, *TINY),
        f"{files[0]} holds texts; --frame is for recordings: leave it out",
    )


def test_a_source_that_is_too_long_is_named_by_its_line(
    unrolled: Run, numbers: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("unrolled.tasks.generation.seq2seq_model.LONGEST_SOURCE", 30)
    (tmp_path / "long.tsv").write_text("one\tun\n" * 2 + "one " * 31 + "\tun\n")
    said = f"{tmp_path / 'long.tsv'}, line 3: the source has 31 steps, expected at most 30: cut it into parts"
    for command in (["fit", "translate"], ["translate", numbers], ["predict", numbers], ["evaluate", numbers]):
        more = ["-o", tmp_path / "m", *TINY] if command[0] == "fit" else []
        refused(unrolled(*command, tmp_path / "long.tsv", *more), said)


def test_empty_answers_are_counted(unrolled: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pairs.tsv").write_text("a b\tx\nb a\ty\n" * 6)
    assert unrolled("fit", "translate", tmp_path / "pairs.tsv", "-o", tmp_path / "m", *TINY).code == 0
    nothing = library.load(tmp_path / "m").predict_n_best(["a b"], 1)[0][0]._replace(target="")
    monkeypatch.setattr(
        library.Seq2Seq, "predict_n_best", lambda _, X, *__, **___: [[nothing], [], *[[nothing]] * (len(X) - 2)]
    )
    outcome = unrolled("translate", tmp_path / "m", tmp_path / "pairs.tsv")
    assert (outcome.out, outcome.err.splitlines()[-1]) == (
        "\n" * 12,
        "12 answers are empty: the most probable has no token, or none was found",
    )


def test_models_of_other_tasks_and_without_attention(unrolled: Run, model: Path, numbers: Path, tmp_path: Path) -> None:
    (tmp_path / "new.txt").write_text("one\n")
    refused(
        unrolled("translate", model, tmp_path / "new.txt"),
        f"{model} is a forecaster, which translates nothing: run it by unrolled predict",
    )
    files = [numbers.with_name("train.en"), numbers.with_name("train.fr")]
    assert unrolled("fit", "translate", *files, "-o", tmp_path / "m", "--attention", "none", *TINY).code == 0
    refused(
        unrolled("translate", tmp_path / "m", tmp_path / "new.txt", "--attention", tmp_path / "a.svg"),
        f"{tmp_path / 'm'} has no attention to draw: leave --attention out",
    )


def test_a_translator_runs_without_torch(numbers: Path) -> None:
    program = "import sys; sys.modules['torch'] = None; from unrolled.cli.app import run; sys.exit(run(sys.argv[1:]))"
    arguments = [sys.executable, "-c", program, "translate", str(numbers), str(numbers.with_name("train.en"))]
    assert subprocess.run(arguments, capture_output=True, check=False).returncode == 0
