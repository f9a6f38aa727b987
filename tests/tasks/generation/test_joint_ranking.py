"""N-grams of pairs beside the networks of Seq2Seq: when they are learned, how much they count, what they find."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import numpy as np
import pytest

from unrolled import InputError, ModelFileError, Seq2Seq, load
from unrolled.runtime.decoding.beam import Hypothesis
from unrolled.tasks.generation import seq2seq
from unrolled.tasks.generation.joint_ranking import WEIGHTS, Judged, best_weight

LETTERS = "abcdefg"
SOUNDS = {"ab": "x", "cd": "yz", "a": "1", "b": "2", "c": "3", "d": "4", "e": "", "f": "55", "g": "6"}
TINY = {
    "tokens": "characters", "target_tokens": "characters", "hidden_size": 8, "embedding_size": 6, "max_epochs": 2,
    "random_state": 0, "learning_rate": 0.02,
}  # fmt: skip


def spoken(word):
    said = ""
    while word:
        size = 2 if word[:2] in SOUNDS else 1
        said, word = said + SOUNDS[word[:size]], word[size:]
    return said


def spelled(count, seed=0):
    rng = np.random.default_rng(seed)
    words = ["a" + "".join(rng.choice(list(LETTERS), rng.integers(1, 7))) for _ in range(count)]
    return words, [spoken(word) for word in words]


X, Y = spelled(400)
HELD, TRUE = spelled(100, seed=1)


@pytest.fixture(scope="module")
def fitted():
    return Seq2Seq(**TINY).fit(X, Y)


def test_they_are_taken_where_they_say_more_of_the_pairs_kept_back(fitted):
    assert fitted.score(HELD, TRUE) > 0.8
    assert fitted.set_params(joint_weight=0).score(HELD, TRUE) < 0.3  # two epochs teach the network little
    fitted.set_params(joint_weight=None)
    (told,) = (sentence for sentence in fitted.inferred_ if "n-grams" in sentence)
    assert "of 40 pairs kept back" in told


def test_they_are_left_out_where_they_help_nothing():
    words, _ = spelled(300)
    model = Seq2Seq(**{**TINY, "hidden_size": 32, "max_epochs": 40}).fit(words, ["a" for _ in words])
    assert model.model_.joint is None
    assert "left out" in model.inferred_[-1]


@pytest.mark.parametrize(
    "given",
    [{"joint_ngrams": 0}, {"validation_fraction": 0}, {"validation_fraction": 0.02}],
)
def test_they_are_not_learned_unasked_where_nothing_can_judge_them(given):
    assert Seq2Seq(**{**TINY, **given}).fit(X, Y).model_.joint is None


def test_asked_for_they_count_as_much_as_the_networks_where_nothing_can_judge_them():
    model = Seq2Seq(**TINY, joint_ngrams=3, validation_fraction=0).fit(X, Y)
    assert len(model.model_.joint.ngrams.sizes) == 3
    answers = said(model, HELD[:1])
    opinions = model.model_.joint.log_p(*encoded(model, HELD, answers))
    likely = model.log_likelihood(HELD[:1] * len(answers), [each.target for each in answers])
    assert [each.score for each in answers] == pytest.approx(likely + opinions, rel=1e-5)
    scores = [each.score for each in model.predict_n_best(HELD[:1], 4)[0]]
    assert scores == sorted(scores, reverse=True)


def encoded(model, sources, answers):
    read = [model.model_.inputs.encoder()(source).words for source in sources[:1]] * len(answers)
    return read, [model.targets_.encode(each.target) for each in answers]


def said(model, source):
    """Answers of at least a token."""
    return [each for each in model.predict_n_best(source, 4)[0] if each.target]


def test_scores_are_of_both(fitted):
    weight = fitted._fitted().joint.weight
    for source in HELD[:10]:
        answers = said(fitted, [source])
        opinions = fitted.model_.joint.log_p(*encoded(fitted, [source], answers))
        likely = fitted.log_likelihood([source] * len(answers), [each.target for each in answers])
        assert [each.log_p for each in answers] == pytest.approx(likely, rel=1e-5)
        assert [each.score for each in answers] == pytest.approx(likely + weight * opinions, rel=1e-5)


def test_a_length_penalty_is_of_both(fitted):
    weight = fitted._fitted().joint.weight
    fitted.set_params(length_penalty=0.8)
    answers = fitted.predict_n_best(HELD[:1], 4)[0]
    fitted.set_params(length_penalty=0.0)
    opinions = fitted.model_.joint.log_p(*encoded(fitted, HELD, answers))
    norms = ((5 + np.array([len(each.target) + 1 for each in answers])) / 6) ** 0.8
    expected = (np.array([each.log_p for each in answers]) + weight * opinions) / norms
    assert [each.score for each in answers] == pytest.approx(expected, rel=1e-5)


def test_answers_do_not_depend_on_the_others(fitted):
    together = fitted.predict_n_best(HELD[:20], 3)
    assert [fitted.predict_n_best([each], 3)[0] for each in HELD[:20]] == together


def test_they_are_saved_with_the_model(fitted, tmp_path):
    fitted.save(tmp_path / "m.safetensors")
    assert load(tmp_path / "m.safetensors").predict_n_best(HELD, 3) == fitted.predict_n_best(HELD, 3)


def test_a_file_with_others_than_its_settings_say_is_refused(fitted, tmp_path):
    config = fitted._config
    fitted._config = msgspec.structs.replace(config, settings={**config.settings, "joint_ngrams": 2})
    kept, fitted._settings = fitted._settings, replace(fitted._settings, joint_ngrams=2)
    try:
        fitted.save(tmp_path / "m.safetensors")
    finally:
        fitted._config, fitted._settings = config, kept
    with pytest.raises(ModelFileError, match="joint"):
        load(tmp_path / "m.safetensors")


def test_what_is_wanted_holds_for_answers_of_both(fitted):
    begun = [spoken(word)[:1] or "1" for word in HELD]
    for prefix, answer in zip(begun, fitted.predict(HELD, prefixes=["6"] * len(HELD)), strict=True):
        assert answer.startswith("6"), prefix


def test_what_is_wanted_of_one_source_changes_nothing_of_the_others(fitted):
    plain = fitted.predict_n_best(HELD[:6], 3)
    nothing = {"prefixes": [""] * 6, "phrases": [[]] * 6}
    assert fitted.predict_n_best(HELD[:6], 3, **nothing) == plain
    some = fitted.predict_n_best(HELD[:6], 3, prefixes=["6", *[""] * 5], phrases=[[], ["6"], *[[]] * 4])
    assert some[2:] == plain[2:]
    assert some[:2] != plain[:2]


@pytest.mark.parametrize("given", [{}, {"validation_fraction": 0}])
def test_a_weight_that_is_set_asks_for_them(given):
    model = Seq2Seq(**{**TINY, **given}, joint_weight=0.1).fit(X[:50], Y[:50])
    assert model.model_.joint is not None
    assert model.inferred_[-1] == "n-grams of pairs count 0.1 beside the networks, as was set"
    assert model._weight() == 0.1
    assert Seq2Seq(**{**TINY, **given}, joint_weight=0.0).fit(X, Y).model_.joint is None


def test_unknown_letters_are_passed_over(fitted):
    assert fitted.predict(["aüg"])[0] == "16"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"joint_ngrams": 11}, "joint_ngrams"),
        ({"joint_weight": -1.0}, "joint_weight"),
        ({"joint_ngrams": 0, "joint_weight": 0.5}, "there are no n-grams of pairs"),
    ],
)
def test_wrong_parameters(given, message):
    with pytest.raises(InputError, match=message):
        Seq2Seq(**TINY, **given).fit(X, Y)


def test_a_model_without_them_refuses_a_weight():
    model = Seq2Seq(**TINY, joint_ngrams=0).fit(X[:50], Y[:50])
    model.set_params(joint_ngrams=None, joint_weight=0.5)
    with pytest.raises(InputError, match="the model has no n-grams of pairs"):
        model.predict(HELD)


def test_pairs_of_which_none_can_be_learned_are_named():
    with pytest.raises(InputError, match="joint_ngrams=2: no target has at most two tokens"):
        Seq2Seq(**TINY, joint_ngrams=2).fit(["a", "b"], ["xxx", "yyyy"])


def test_pairs_that_are_too_long_are_named(monkeypatch):
    monkeypatch.setattr("unrolled.tasks.generation.joint_ranking.MOST", 100)
    with pytest.raises(InputError, match=r"too long for it, .* cells"):
        Seq2Seq(**TINY, joint_ngrams=2).fit(X, Y)
    assert Seq2Seq(**TINY).fit(X, Y).model_.joint is None


def test_sources_of_numbers_have_none():
    model = Seq2Seq(hidden_size=4, max_epochs=1, random_state=0).fit([np.ones((3, 1))] * 30, ["a"] * 30)
    assert model.model_.joint is None
    with pytest.raises(InputError, match="joint_ngrams"):
        Seq2Seq(hidden_size=4, max_epochs=1, random_state=0, joint_ngrams=2).fit([np.ones((3, 1))] * 30, ["a"] * 30)
    with pytest.raises(InputError, match="joint_weight"):
        Seq2Seq(hidden_size=4, max_epochs=1, random_state=0, joint_weight=1.0).fit([np.ones((3, 1))] * 30, ["a"] * 30)


def answer(tokens, score):
    return Hypothesis(np.array(tokens), score, score, True)


def test_the_weight_is_one_that_few_pairs_cannot_tell_from_the_best():
    right, wrong = answer([1], -2.0), answer([2], -1.0)
    judged = [Judged([right, wrong], np.array([0.0, -2.0]))] * 5  # right from 0.5 on
    assert best_weight(judged, [np.array([1])] * 5) == (1.0, [0, 0, 5, 5, 5])
    assert WEIGHTS[3] == 1.0


def test_the_weight_is_none_where_nothing_is_won():
    judged = [Judged([answer([1], -1.0), answer([2], -2.0)], np.array([0.0, 0.0]))] * 5
    assert best_weight(judged, [np.array([1])] * 5) == (0.0, [5] * 5)


def test_who_watches_sees_the_pairs_aligned():
    told = []
    Seq2Seq(**TINY, callback=told.append).fit(X, Y)
    assert [each.step for each in told if each.phase == "aligning pairs"] == list(range(1, 9))


def test_few_pairs_judge(monkeypatch):
    monkeypatch.setattr(seq2seq, "JUDGES", 25)
    told = Seq2Seq(**TINY).fit(X, Y).inferred_
    assert any("of 25 pairs kept back" in sentence for sentence in told)
