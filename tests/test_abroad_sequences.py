"""The benchmark's sets of sequences and of tagged sentences: fair halves, sets that load, figures by hand."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

ACCURACY = Path(__file__).parents[1] / "benchmarks" / "accuracy"
sys.path.insert(0, str(ACCURACY))
import abroad_classify  # noqa: E402
import abroad_sentences  # noqa: E402
import abroad_sequences  # noqa: E402
import abroad_split  # noqa: E402
import abroad_tag  # noqa: E402

sys.path.remove(str(ACCURACY))


@pytest.mark.parametrize(("task", "sets"), [("classify", abroad_sequences.SETS), ("tag", abroad_sentences.SETS)])
def test_halves_follow_the_rule(task, sets):
    kinds = {name: each.kind for name, each in sets.items()}
    halves = abroad_split.read_split(task)
    assert halves == abroad_split.split(kinds)
    counts = Counter((kinds[name], half) for name, half in halves.items())
    assert all(abs(counts[kind, "chosen"] - counts[kind, "reported"]) <= 1 for kind in set(kinds.values()))


@pytest.mark.parametrize("name", abroad_sequences.SETS)
def test_every_set_of_sequences_loads(name):
    try:
        of = abroad_sequences.SETS[name].load()
    except ModuleNotFoundError as missing:
        pytest.skip(f"{missing.name} is not installed")
    assert 20 <= len(of.X) == len(of.y) < 300
    assert len(of.X_test) == len(of.y_test) >= 20
    assert set(of.y_test) <= set(of.y)
    assert all(x.ndim == 2 and np.isfinite(x).all() for x in of.X + of.X_test)
    assert {x.shape[1] for x in of.X} == {x.shape[1] for x in of.X_test}


@pytest.mark.parametrize("name", abroad_sentences.SETS)
def test_every_corpus_loads(name):
    each = abroad_sentences.SETS[name]
    try:
        train, test = each.parts()
    except ModuleNotFoundError as missing:
        pytest.skip(f"{missing.name} is not installed")
    assert len(train) == each.sentences
    assert len(test) >= 300
    assert all(len(pair) == 2 and all(pair) for sentence in train for pair in sentence)


def test_sequences_are_drawn_by_class_and_tested_on_the_others():
    X = [np.full((2, 1), n) for n in range(40)]
    of = abroad_sequences.drawn(X, np.array(["a", "b"] * 20), 5, 20)
    assert Counter(of.y) == {"a": 5, "b": 5}
    assert len({int(x[0, 0]) for x in of.X + of.X_test}) == 30


def test_peers_read_sequences_of_one_length():
    found = abroad_classify.stretched([np.array([[0.0], [2.0]]), np.array([[1.0], [1.0], [4.0]])], 3)
    assert found.tolist() == [[[0, 1, 2]], [[1, 1, 4]]]


def test_the_reports_mark_what_is_lost(monkeypatch):
    def runs(*found):
        return [{"accuracy": each} for each in found]

    of = abroad_sequences.Sequences([np.zeros((3, 1))] * 2, np.array(["a", "b"]), [np.zeros((3, 1))], np.array(["a"]))
    monkeypatch.setattr(abroad_classify, "SETS", {"x": abroad_sequences.SequenceSet("one channel", lambda: of)})
    peers = {"MiniRocket": runs(0.8, 0.9, 0.7), "1-NN": runs(0.9), "1-NN DTW": runs(0.5)}
    text = abroad_classify.report({"x": {"unrolled": runs(0.8, 0.84, 0.86), **peers}})
    assert "| x | 2, 1, 2 | 0.840* | 0.800 | 0.900 | 0.500 |" in text
    assert "More than 0.05 behind a nearest neighbour: x of 1." in text
    text = abroad_tag.report(
        {"y": {"unrolled": [{"accuracy": 0.9, "f1": 0.5}], "CRFsuite": [{"accuracy": 0.8, "f1": 0.6}]}}
    )
    assert "| y | accuracy | 0.900 | 0.800 |" in text
    assert "| y | f1 | 0.500* | 0.600 |" in text


def test_names_are_judged_by_words_and_as_a_whole():
    true = [["B-PER", "I-PER", "O"], ["O", "B-LOC"]]
    found = abroad_tag.judge(true, [["B-PER", "O", "O"], ["O", "B-LOC"]])
    assert found == {"accuracy": 0.8, "f1": 0.5}
    assert abroad_tag.judge([["NOUN"]], [["VERB"]]) == {"accuracy": 0.0}
