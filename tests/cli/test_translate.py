"""``unrolled fit translate``, and predict and evaluate with its models."""

from __future__ import annotations

import csv
import io
import json

import pytest

QUICK = ["--max-epochs", "60", "--hidden-size", "24", "--learning-rate", "0.02", "--seed", "0"]
PAIRS = [(word, f"{word[::-1]}!") for word in ("ab ba", "b", "ba", "a b", "bab", "abb a")] * 12


@pytest.fixture
def pairs(tmp_path):
    path = tmp_path / "pairs.csv"
    path.write_text("written,said\n" + "".join(f"{source},{target}\n" for source, target in PAIRS))
    return path


@pytest.fixture
def fitted(unrolled, pairs, tmp_path):
    path = tmp_path / "model"
    characters = ["--tokens", "characters", "--target-tokens", "characters"]
    outcome = unrolled(
        "fit", "translate", pairs, "--text", "written", "--label", "said", "-o", path, *characters, *QUICK
    )
    assert outcome.code == 0, outcome.err
    assert "exact" in outcome.out + outcome.err
    return path


def test_answers_and_measures(unrolled, fitted, pairs):
    outcome = unrolled("predict", fitted, pairs)
    assert outcome.code == 0, outcome.err
    rows = list(csv.DictReader(io.StringIO(outcome.out)))
    assert [row["answer"] for row in rows] == [target for _, target in PAIRS]
    assert all(float(row["log_p"]) < 0 for row in rows)
    best = unrolled("predict", fitted, pairs, "--n-best", "2")
    ranked = list(csv.DictReader(io.StringIO(best.out)))
    assert [row["rank"] for row in ranked[:4]] == ["1", "2", "1", "2"]
    assert ranked[0]["answer"] == rows[0]["answer"]
    measures = json.loads(unrolled("evaluate", fitted, pairs, "--json").out)
    assert "exact" in json.dumps(measures)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (['{"text": "a", "label": "b"}', '{"text": "c", "label": 3}'], "the target is 3, expected a text"),
        (['{"text": "a", "label": "b"}', '{"text": "", "label": "d"}'], "line 2"),
    ],
)
def test_wrong_files(unrolled, tmp_path, lines, message):
    path = tmp_path / "pairs.jsonl"
    path.write_text("\n".join(lines))
    outcome = unrolled("fit", "translate", path, "-o", tmp_path / "model", *QUICK)
    assert (outcome.code, message in outcome.err) == (2, True), outcome.err
    assert not (tmp_path / "model").exists()


def test_wrong_options(unrolled, fitted, pairs, tmp_path):
    for given, message in [
        (["--beam-size", "0"], "beam"),
        (["--attention", "dot", "--coverage"], "coverage"),
        (["--label-smoothing", "1"], "label"),
    ]:
        outcome = unrolled("fit", "translate", pairs, "--text", "written", "--label", "said", *given)
        assert (outcome.code, message in outcome.err) == (2, True), outcome.err
    outcome = unrolled("predict", fitted, pairs, "--n-best", "0")
    assert (outcome.code, "n-best" in outcome.err or "n_best" in outcome.err) == (2, True), outcome.err
