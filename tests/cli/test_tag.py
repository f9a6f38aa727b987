"""fit tag, and predict and evaluate with its models."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import unrolled as library
from unrolled.cli.app import run
from unrolled.data.conll import read_conll

Run = Callable[..., Any]
QUICK = [
    "--members",
    1,
    "--max-epochs",
    2,
    "--hidden-size",
    4,
    "--character-size",
    3,
    "--embedding-size",
    4,
    "--min-count",
    1,
]

SENTENCES = [
    ("Ada Lovelace met Babbage in London .", "B-PER I-PER O B-PER O B-LOC O"),
    ("London is large .", "B-LOC O O O"),
    ("Grace Hopper wrote .", "B-PER I-PER O O"),
]


def conll(sentences: list[tuple[str, str]]) -> str:
    parts = [zip(words.split(), tags.split(), strict=True) for words, tags in sentences]
    return "\n\n".join("\n".join(f"{word} {tag}" for word, tag in part) for part in parts) + "\n"


def refused(outcome: Any, message: str) -> None:
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.splitlines()[-1].startswith(f"unrolled: {message}"), outcome.err


@pytest.fixture(scope="session")
def names(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sentences with tags of names, and beside them a tagger that was hardly trained."""
    folder = tmp_path_factory.mktemp("names")
    (folder / "names.conll").write_text(conll(SENTENCES * 4))
    arguments = [folder / "names.conll", "-o", folder / "names.safetensors", *QUICK]
    assert run(["fit", "tag", *map(str, arguments)]) == 0
    return folder / "names.conll"


def test_fit_says_what_it_read(unrolled: Run, names: Path, tmp_path: Path) -> None:
    outcome = unrolled("fit", "tag", names, "-o", tmp_path / "m", "--validation-fraction", 0.1, *QUICK)
    assert outcome.err.splitlines() == [
        f"{names}: 12 sentences of 4 to 7 tokens",
        "4 tags: O (32), B-PER (12), I-PER (8), B-LOC (8)",
        "1 network, batches of 4, 2 epochs, 10% kept back: 12 examples",
    ]
    assert "On examples kept back: accuracy " in outcome.out
    assert "entity F1 " in outcome.out
    assert library.load(tmp_path / "m").scheme_ == "bio"


def test_predictions_are_conll_or_json(unrolled: Run, names: Path, tmp_path: Path) -> None:
    model = names.with_suffix(".safetensors")
    (tmp_path / "new.jsonl").write_text('{"tokens": ["Ada", "met", "London"]}\n{"tokens": ["Hopper"]}\n')
    expected = library.load(model).predict([["Ada", "met", "London"], ["Hopper"]])
    outcome = unrolled("predict", model, tmp_path / "new.jsonl", "-o", tmp_path / "out.conll")
    assert outcome.err == f"wrote {tmp_path / 'out.conll'} (2 items)\n"
    assert read_conll(tmp_path / "out.conll") == ([["Ada", "met", "London"], ["Hopper"]], expected)
    found = json.loads(unrolled("predict", model, tmp_path / "new.jsonl", "--json").out)
    assert found["predictions"][0] == {"line": 1, "tokens": ["Ada", "met", "London"], "tags": expected[0]}
    unrolled("predict", model, tmp_path / "out.conll", "-o", tmp_path / "out.jsonl")
    lines = (tmp_path / "out.jsonl").read_text().splitlines()
    assert [json.loads(line)["sentence"] for line in lines] == [1, 2]
    (tmp_path / "new.conll").write_text("Ada\nmet\n\nLondon\n")  # a column of tokens alone
    assert unrolled("predict", model, tmp_path / "new.conll").out.count("\n") == 5
    (tmp_path / "new.jsonl").write_text('{"tokens": ["Ada Lovelace"]}\n')
    refused(
        unrolled("predict", model, tmp_path / "new.jsonl", "-o", tmp_path / "o"), "token 'Ada Lovelace' holds a blank"
    )


def test_evaluation_of_names(unrolled: Run, names: Path) -> None:
    tagger = library.load(names.with_suffix(".safetensors"))
    X, y = read_conll(names)
    found = json.loads(unrolled("evaluate", names.with_suffix(".safetensors"), names, "--json").out)
    expected = tagger.evaluate(X, y)
    assert {name: found[name] for name in expected} == expected
    assert found["by_entity"]["PER"] == vars(tagger.entities(X, y).types["PER"])
    out = unrolled("evaluate", names.with_suffix(".safetensors"), names).out
    assert out.startswith(f"{names}: 12 items, accuracy ")
    assert [line.split()[0] for line in out.splitlines()[2:]] == ["entity", "LOC", "PER"]


def test_unknown_tags_and_broken_schemes(unrolled: Run, names: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.conll"
    bad.write_text(conll(SENTENCES).replace("Babbage B-PER", "Babbage B-ORG"))
    outcome = unrolled("evaluate", names.with_suffix(".safetensors"), bad, "--json")
    assert outcome.err == "the model does not know the tag 'B-ORG': 1 of 15 steps count as wrong\n"
    found, tagger = json.loads(outcome.out), library.load(names.with_suffix(".safetensors"))
    X, y = read_conll(bad)
    right = sum(
        a == b for one, other in zip(tagger.predict(X), y, strict=True) for a, b in zip(one, other, strict=True)
    )
    assert found["accuracy"] == right / 15 == tagger.evaluate(X, y)["accuracy"]
    assert (found["by_entity"]["ORG"]["support"], found["by_entity"]["ORG"]["recall"]) == (1, 0)
    (tmp_path / "other.conll").write_text("Ada NOUN\nsings VERB\n")
    refused(
        unrolled("evaluate", names.with_suffix(".safetensors"), tmp_path / "other.conll"),
        f"{tmp_path / 'other.conll'}: none of its tags 'NOUN', 'VERB' is one of the model's 'B-LOC', 'B-PER', 'I-PER', 'O';",
    )
    refused(
        unrolled("fit", "tag", names, "--validation", bad, "-o", tmp_path / "m", *QUICK),
        f"{bad}, sentence 1: step 3 ('Babbage'): tag 'B-ORG' is none of the model's",
    )
    bad.write_text(conll(SENTENCES).replace("Hopper I-PER", "Hopper I-LOC"))
    message = f"{bad}, sentence 3: step 1: I-LOC after B-PER, where scheme 'bio' has O, a B- tag or I-PER"
    refused(unrolled("fit", "tag", bad, "--scheme", "bio", "-o", tmp_path / "m", *QUICK), message)
    outcome = unrolled("fit", "tag", bad, "-o", tmp_path / "m", *QUICK)
    assert f"the tags are taken in any order, for they keep to no scheme: {message}" in outcome.err
    assert library.load(tmp_path / "m").scheme_ == "none"
    bad.write_text(
        conll(SENTENCES * 4).replace("B-", "I-")
    )  # the first shared task's scheme: B- between neighbours alone
    outcome = unrolled("fit", "tag", bad, "-o", tmp_path / "m", *QUICK)
    assert (
        f"they keep to no scheme: {bad}, sentence 1: step 0: I-PER at the beginning, where scheme 'bio'" in outcome.err
    )


def test_steps_of_numbers(unrolled: Run, tmp_path: Path) -> None:
    rows = [f"s{n},{step % 3},{'beat' if step % 3 == 0 else 'rest'}" for n in range(12) for step in range(4 + n % 3)]
    (tmp_path / "beats.csv").write_text("\n".join(["id,level,label", *rows]) + "\n")
    outcome = unrolled("fit", "tag", tmp_path / "beats.csv", "-o", tmp_path / "m", *QUICK[:4])
    assert outcome.code == 0, outcome.err
    (tmp_path / "new.csv").write_text("id,level\na,0\na,1\nb,0\n")
    outcome = unrolled("predict", tmp_path / "m", tmp_path / "new.csv")
    lines = [line.split(",") for line in outcome.out.splitlines()]
    assert [line[:2] for line in lines] == [["series", "step"], ["a", "0"], ["a", "1"], ["b", "0"]]
    assert {line[2] for line in lines[1:]} <= {"beat", "rest"}
    found = json.loads(unrolled("evaluate", tmp_path / "m", tmp_path / "beats.csv", "--json").out)
    assert set(found["by_tag"]) == {"beat", "rest"}
    refused(
        unrolled("fit", "tag", tmp_path / "beats.csv", "--embedding-size", 3),
        f"{tmp_path / 'beats.csv'} holds sequences of numbers; --embedding-size is for texts and texts in tokens",
    )


def test_conllu_and_its_columns(unrolled: Run, tmp_path: Path) -> None:
    words = [("1", "We", "PRON", "PRP"), ("2", "run", "VERB", "VBP")]
    text = "\n".join(f"{n}\t{word}\t_\t{upos}\t{xpos}\t_\t0\t_\t_\t_" for n, word, upos, xpos in words) + "\n\n"
    (tmp_path / "a.conllu").write_text(text * 12)
    for arguments, tags in [([], ["PRON", "VERB"]), (["--label", "XPOS"], ["PRP", "VBP"])]:
        outcome = unrolled("fit", "tag", tmp_path / "a.conllu", "-o", tmp_path / "m", *arguments, *QUICK)
        assert outcome.code == 0, outcome.err
        assert library.load(tmp_path / "m").tags_ == tags
    # the model knows which column it learned
    assert unrolled("evaluate", tmp_path / "m", tmp_path / "a.conllu").code == 0
    refused(
        unrolled("fit", "tag", tmp_path / "a.conllu", "--label", "POS"),
        f"{tmp_path / 'a.conllu'}: --label is 'POS', expected one of ID, FORM, LEMMA, UPOS, XPOS",
    )


def test_files_of_other_tasks(unrolled: Run, names: Path, tmp_path: Path) -> None:
    (tmp_path / "text.csv").write_text("text,label\na b,x\nc d,y\n")
    refused(
        unrolled("fit", "tag", tmp_path / "text.csv"),
        f"{tmp_path / 'text.csv'}: a file of this kind has no tag for each step; expected CoNLL, JSON lines with tags, or a",
    )
    refused(
        unrolled("fit", "classify", names),
        f"{names}: a CoNLL file has a tag for each token, not one label a text; a tagger",
    )
    refused(
        unrolled("predict", names.with_suffix(".safetensors"), tmp_path / "text.csv"),
        f"{tmp_path / 'text.csv'} holds texts, but {names.with_suffix('.safetensors')} was trained on texts in tokens: give",
    )


def test_a_tagger_runs_without_torch(names: Path) -> None:
    program = "import sys; sys.modules['torch'] = None; from unrolled.cli.app import run; sys.exit(run(sys.argv[1:]))"
    arguments = [sys.executable, "-c", program, "evaluate", str(names.with_suffix(".safetensors")), str(names)]
    assert subprocess.run(arguments, capture_output=True, check=False).returncode == 0
