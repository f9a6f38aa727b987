"""Error rates equal jiwer's on random answers; BLEU and chrF what their papers say of examples worked out by hand."""

import math
import random
import sys

import pytest

from unrolled.errors import InputError, MissingExtraError
from unrolled.metrics.answers import answer_measures, character_error_rate, exact_rate, nearest, token_error_rate
from unrolled.metrics.translations import bleu, chrf


def random_texts(seed, count=60):
    """Texts, and others some of whose words were lost, doubled or changed; some are empty."""
    rng, words = random.Random(seed), ["a", "cat", "sat", "mat", "naïve", "東京"]
    true, predicted = [], []
    for _ in range(count):
        text = rng.choices(words, k=rng.randint(1, 9))
        changed = [
            other for word in text for other in rng.choice([[word], [word], [], [word] * 2, [rng.choice(words)]])
        ]
        true.append(" ".join(text))
        predicted.append(" ".join(changed))
    return true, predicted


@pytest.mark.parametrize("seed", range(5))
def test_error_rates_equal_jiwers(seed):
    jiwer = pytest.importorskip("jiwer")
    true, predicted = random_texts(seed)
    assert token_error_rate(true, predicted) == pytest.approx(jiwer.wer(true, predicted), abs=1e-15)
    assert character_error_rate(true, predicted) == pytest.approx(jiwer.cer(true, predicted), abs=1e-15)
    lists = [[text.split() for text in texts] for texts in (true, predicted)]
    assert token_error_rate(*lists) == token_error_rate(true, predicted)
    assert token_error_rate(["a b"], ["c d e f"]) == jiwer.wer("a b", "c d e f") == 2.0


def test_strict_and_kind():
    several = [[["R", "EH", "D"], ["R", "IY", "D"]], [["AH"]], [["B", "AE", "S"], ["B", "EY", "S"]]]
    predicted = [["R", "IY", "D"], [], ["B", "EY"]]
    found = answer_measures(several, predicted)
    assert found == {
        "exact": 0.0, "token_error_rate": 4 / 7, "exact_kind": 1 / 3, "token_error_rate_kind": 2 / 7,
    }  # fmt: skip
    assert set(answer_measures([["a b"]], ["a"])) == {"exact", "word_error_rate", "character_error_rate"}
    assert nearest(["a b c d", "x"], "a b c") == "a b c d"
    assert nearest(["a", "b"], "c") == "a"
    # by edits for each word: two of four are nearer than one of one
    assert nearest(["a", "a b c d"], "a b") == "a b c d"
    assert answer_measures([["a b", "c d e"]], ["c d"])["word_error_rate_kind"] == pytest.approx(1 / 3)


def test_answers_that_do_not_fit():
    with pytest.raises(InputError, match="2 sources have a right answer and 1 an answer"):
        exact_rate(["a", "b"], ["a"])
    with pytest.raises(InputError, match="source 1 has no right answer"):
        answer_measures([["a"], []], ["a", "b"])


def test_bleu_by_hand():
    pytest.importorskip("sacrebleu")
    right, said = "the cat is on the mat today", "the cat is on a mat"
    # 5 of 6 words, 3 of 5 pairs, 2 of 4 triples, 1 of 3 fours; 6 words beside 7
    expected = 100 * math.exp(1 - 7 / 6) * (5 / 6 * 3 / 5 * 2 / 4 * 1 / 3) ** 0.25
    assert bleu([[right]], [said]) == pytest.approx(expected)
    assert bleu([[right], [right, said]], [right, said]) == pytest.approx(100)
    assert bleu([[right], [right]], [right, said]) < 90


def test_chrf_by_hand():
    pytest.importorskip("sacrebleu")
    assert chrf([["abc"]], ["abc"]) == pytest.approx(100)
    # n = 1: 2 of 3 right both ways; n = 2: 1 of 2; n = 3: 0 of 1
    score = (2 / 3 + 1 / 2 + 0) / 3
    assert chrf([["abc"]], ["abd"]) == pytest.approx(100 * score)
    # the kinder of two
    assert chrf([["abc", "abd"]], ["abd"]) == pytest.approx(100)


def test_without_sacrebleu(monkeypatch):
    monkeypatch.setitem(sys.modules, "sacrebleu", None)
    for measure, name in ((bleu, "BLEU"), (chrf, "chrF")):
        with pytest.raises(
            MissingExtraError, match=rf"{name} needs the package 'sacrebleu'; .*pip install '\.\[translate\]'"
        ):
            measure([["a"]], ["a"])
